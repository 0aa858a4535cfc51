from datetime import datetime, timedelta

import numpy as np
import pytest
from small_shop import fill

from workbench.encoder.batches import question_batch
from workbench.encoder.corpus import read_corpus
from workbench.tasks.returns import cuts, examples, within
from workbench.tasks.splits import split_of


@pytest.fixture
def shop(store):
    fill(store)
    return store


def buy(store, user, product, when):
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO events (event_id, user_id, product_id, kind, happened_at, price) VALUES (?, ?, ?, 'purchase', ?, 1e6)",
            [f"marker {user} {when}", user, product, when],
        )


def asked(store):
    corpus = read_corpus(store, ["return"])
    rows = corpus.user_rows["return"]
    batch = question_batch(corpus, rows, np.arange(len(rows.target)), 50)
    names = [f"{corpus.users[u].user}@{now:.3f}" for u, now in zip(rows.user, rows.now, strict=True)]
    return corpus, dict(zip(names, zip(batch.steps.product, batch.numbers, rows.target, strict=True), strict=True))


def test_what_comes_after_a_cut_answers_and_is_not_read(shop):
    newest = cuts(shop)[0]
    last = shop.value("SELECT max(happened_at) FROM histories")
    _, before = asked(shop)
    with shop.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) VALUES ('marker', 'a marker')")
    for user in range(130):
        buy(shop, f"u{user:03}", "marker", newest + timedelta(days=1))
    assert shop.value("SELECT max(happened_at) FROM histories") == last
    corpus, after = asked(shop)
    marker = corpus.product_ids.index("marker")
    assert set(before) == set(after)
    for key, (products, numbers, _) in after.items():
        assert marker not in products and np.allclose(numbers, before[key][1])
    answers = {int(target) for key, (_, _, target) in after.items() if key.endswith(f"@{max(float(k.split('@')[1]) for k in after):.3f}")}
    assert answers == {1}


def test_training_answers_end_where_the_test_begins(shop):
    for days in (30, 90):
        newest, *others = cuts(shop, days)
        assert others and all(cut + timedelta(days=days) <= newest for cut in others)
        made = examples(shop, days)
        assert {key.split("@")[1] for key, split in zip(made.keys, made.splits, strict=True) if split == "test"} == {newest.isoformat()}


def test_without_a_user_to_learn_from_it_is_missing(store):
    early = next(user for user in map(str, range(1000)) if split_of(user) != "train")
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) SELECT 'p' || i, 'thing ' || i FROM range(6) p(i)")
    buy(store, early, "p0", datetime(2023, 1, 1))
    for user in range(2000, 2110):
        for step in range(4):
            buy(store, str(user), f"p{(user + step) % 6}", datetime(2024, 2, 5) + timedelta(days=30 * step + user % 20))
    assert "train" not in examples(store).splits
    assert within(90).missing(store) == f"needs users to learn from before {cuts(store)[1]:%Y-%m-%d}, there are none"


def test_the_window_is_in_the_title_and_in_what_is_missing(store):
    assert within(30).title == "Return within 30 days"
    assert within(30).missing(store) == "needs purchases over at least 90 days"
