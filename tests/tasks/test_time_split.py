"""The global cut in time: nothing that came after it is learned from, in no form."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from small_shop import fill

from workbench.encoder.corpus import days_of, read_corpus
from workbench.tasks.base import tasks
from workbench.tasks.histories import cuts, held_out, histories
from workbench.tasks.splits import splitting
from workbench.tasks.texts import product_texts, review_texts

MARKER = "xyzzyplugh"


@pytest.fixture
def shop(store):
    """The small shop, and some who bought once; two products without a text, and a marker in all that is written after the cut."""
    fill(store)
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO events (event_id, user_id, product_id, kind, happened_at) "
            "SELECT 'away ' || n, 'away ' || n, 'p04', 'purchase', TIMESTAMP '2024-02-01' FROM range(10) t(n)"
        )
    with splitting("time"):
        cut = cuts(store)
    with store.transaction() as cursor:
        cursor.execute("UPDATE products SET title = NULL WHERE product_id IN ('p00', 'p01')")
        cursor.execute(
            "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at) "
            "SELECT 'late ' || event_id, product_id, user_id, 1 + (hash(event_id) % 2) * 4, 'Fine ' || event_id, happened_at "
            "FROM events WHERE happened_at >= ?",
            [cut.validation],
        )
        cursor.execute("UPDATE reviews SET body = body || ' ' || ? WHERE created_at >= ?", [MARKER, cut.validation])
        for n in range(60):
            when = cut.validation + timedelta(days=n - 50)
            text = f"Where is my order {n}? {MARKER if when >= cut.validation else ''}"
            values = [f"t{n}", text, ["delivery", "refund"][n % 2], when]
            cursor.execute("INSERT INTO tickets (ticket_id, body, intent, created_at) VALUES (?, ?, ?, ?)", values)
    return store


def test_the_cuts_leave_a_tenth_of_the_first_purchases_each(shop):
    assert cuts(shop) is None
    with splitting("time"):
        cut = cuts(shop)
    firsts = [t for (t,) in shop.rows("SELECT min(happened_at) FROM events GROUP BY user_id, product_id")]
    late = np.mean([t >= cut.validation for t in firsts]), np.mean([t >= cut.test for t in firsts])
    assert late == pytest.approx((0.2, 0.1), abs=0.02)


def test_the_first_new_product_after_each_cut_is_held_out(shop):
    with splitting("time"):
        cut, found = cuts(shop), histories(shop)
    assert sum(h.held("test") is not None for h in found) > 10
    for history in found:
        for split, begins, ends in (("validation", cut.validation, cut.test), ("test", cut.test, datetime.max)):
            new = [i for i in history.targets() if i and begins <= history.times[i] < ends]
            assert history.held(split) == (new[0] if new else None)


def test_nothing_after_the_cut_is_trained_on(shop):
    corpus = read_corpus(shop, split="time")
    with splitting("time"):
        cut = cuts(shop)
    assert {"next_item", "sentiment", "review_to_product", "intent", "return"} <= {*corpus.text_rows, *corpus.user_rows, "next_item"}
    for user in corpus.users:
        assert (user.days[: user.train_end] < days_of(cut.validation)).all()
    early = shop.value("SELECT count(*) FROM (SELECT DISTINCT user_id, product_id FROM events WHERE happened_at < ?)", [cut.validation])
    assert corpus.counts().sum() == early
    for name, rows in corpus.text_rows.items():
        read = [corpus.texts[i] for i in rows.text[rows.rows("train")]]
        assert read and not [text for text in read if MARKER in text], name
    assert any(MARKER in text for text in corpus.texts)
    known = [corpus.texts[i] for i in corpus.product_text if i >= 0]
    assert known and not [text for text in known if MARKER in text]
    for rows in corpus.user_rows.values():
        assert (rows.now[rows.rows("train")] + 90 <= days_of(cut.validation)).all()


def test_leave_one_out_stays_the_default_and_reads_late_texts(shop):
    corpus = read_corpus(shop)
    rows = corpus.text_rows["sentiment"]
    assert any(MARKER in corpus.texts[i] for i in rows.text[rows.rows("train")])


def test_held_out_pairs_and_late_reviews_are_no_training_rows(shop):
    with splitting("time"):
        cut, held = cuts(shop), held_out(shop)
        made = tasks()["sentiment"].examples(shop)
    told = {
        key: (user, product, when)
        for key, user, product, when in shop.rows("SELECT review_id, user_id, product_id, created_at FROM reviews")
    }
    for i in made.rows("train"):
        user, product, when = told[made.keys[i]]
        assert (user, product) not in held and when < cut.validation


def test_products_without_a_text_are_told_by_early_reviews_alone(shop):
    with splitting("time"):
        said = product_texts(shop)["p00"]
    assert said and MARKER not in said and any(MARKER in text for text in review_texts(shop).values())
