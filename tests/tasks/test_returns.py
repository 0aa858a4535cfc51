from datetime import datetime, timedelta

import numpy as np
import pytest
from small_shop import fill

from workbench.encoder.batches import question_batch
from workbench.encoder.corpus import days_of, read_corpus
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
    away = next(key for key, (_, _, target) in before.items() if is_of(newest, key) and not target)
    for user in {f"u{user:03}" for user in range(130)} - {away.split("@")[0]}:
        buy(shop, user, "marker", newest + timedelta(days=1))
    assert shop.value("SELECT max(happened_at) FROM histories") == last
    corpus, after = asked(shop)
    marker = corpus.product_ids.index("marker")
    assert set(before) == set(after)
    for key, (products, numbers, _) in after.items():
        assert marker not in products and np.allclose(numbers, before[key][1])
    assert {key for key, (_, _, target) in after.items() if is_of(newest, key) and not target} == {away}


def is_of(cut, key):
    """Whether a row of `asked` is of this cut."""
    return key.endswith(f"@{days_of(cut):.3f}")


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


@pytest.mark.parametrize(
    ("learned", "tested", "lacking"),
    [
        (False, False, "needs users to learn from who returned within 10 days, there are none"),
        (True, True, "needs users to learn from who stayed away, there are none"),
        (None, False, "needs users to test on who returned within 10 days, there are none"),
        (None, True, "needs users to test on who stayed away, there are none"),
        (None, None, None),
    ],
)
def test_both_answers_are_there_to_learn_from_and_to_test_on(store, learned, tested, lacking):
    """`learned` and `tested` are whether users return after each cut; None where every other one does."""
    begin, users = datetime(2024, 1, 1), 120
    add(store, [(user, begin + timedelta(days=user % 5 / 10)) for user in range(users)])
    add(store, [("last", begin + timedelta(days=90))])
    newest, *others = cuts(store, 10)
    assert len(others) == 3
    for cut, back in [(newest, tested), *((other, learned) for other in others)]:
        if back is not False:
            add(store, [(user, cut + timedelta(hours=1)) for user in range(0, users, 1 if back else 2)])
    assert cuts(store, 10)[0] == newest
    assert within(10).missing(store) == lacking


def add(store, bought):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) SELECT 'p0', 'thing' WHERE NOT EXISTS (FROM products)")
        cursor.executemany(
            "INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES (?, ?, 'p0', 'purchase', ?)",
            [(f"{user} {when}", str(user), when) for user, when in bought],
        )
