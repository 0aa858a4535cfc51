from datetime import date

import joint_space
import numpy as np
import pytest

from workbench.insights import behaviour, search, sentiment
from workbench.insights.reports import of_sentiment
from workbench.insights.selection import Selection
from workbench.registry import Registry
from workbench.shop.space import Space, write_space


@pytest.fixture
def shop(store):
    rows = [
        ("r1", "p1", 1, "en", "2025-01-06", "bad lamp"), ("r2", "p1", 3, "en", "2025-01-08", "so so"),
        ("r3", "p2", 5, "zh", "2025-01-14", "好"), ("r4", "p2", 5, "en", "2025-02-20", "great lamp"),
    ]  # fmt: skip
    with store.transaction() as cursor:
        for product in (("p1", "Lamp", "B", "Home > Light"), ("p2", "Pan", "C", "Homeware")):
            cursor.execute("INSERT INTO products (product_id, title, brand, category) VALUES (?, ?, ?, ?)", product)
        for row in rows:
            cursor.execute("INSERT INTO reviews (review_id, product_id, rating, language, created_at, body) VALUES (?, ?, ?, ?, ?, ?)", row)
    return store


def test_shares_by_week_with_their_interval(shop):
    found = sentiment.trend(shop, None, Selection(), "week")
    assert found["n"].tolist() == [2, 1, 1]
    assert found["negative"].tolist() == [0.5, 0, 0]
    assert found["negative_low"][0] == pytest.approx(0.0945, abs=1e-3) and found["negative_high"][0] == pytest.approx(0.9055, abs=1e-3)


@pytest.mark.parametrize(("few", "period", "ns"), [(0, "month", [2, 1, 3, 2]), (2, "quarter", [3, 5]), (3, None, [])])
def test_a_trend_is_drawn_by_periods_that_most_can_be_read_of(store, few, period, ns):
    with store.transaction() as cursor:
        for i, month in enumerate((1, 1, 3, 5, 5, 5, 6, 6)):
            cursor.execute(
                "INSERT INTO reviews (review_id, rating, body, created_at) VALUES (?, 1, '', ?)", [f"r{i}", date(2025, month, 9)]
            )
    found = sentiment.legible_trend(store, None, Selection(), "month", few)
    assert (found and found[0], found[1]["n"].tolist() if found else []) == (period, ns)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(category="Home"), {"r1", "r2"}),
        (Selection(brand="C"), {"r3", "r4"}),
        (Selection(product_id="p1"), {"r1", "r2"}),
        (Selection(ratings=(5,)), {"r3", "r4"}),
        (Selection(language="zh"), {"r3"}),
        (Selection(sentiment="neutral"), {"r2"}),
        (Selection(text="LAMP"), {"r1", "r4"}),
        (Selection(start=date(2025, 1, 8), end=date(2025, 1, 14)), {"r2", "r3"}),
        (Selection().within({"brand": "B"}), {"r1", "r2"}),
        (Selection(text="' OR true --"), set()),
    ],
)
def test_filters(shop, selection, expected):
    assert set(sentiment.reviews(shop, None, selection)["review_id"]) == expected


def test_without_a_model_the_stars_stand_in_and_it_is_said(shop):
    assert "stars" in sentiment.source(None)


def test_with_a_model_its_labels_count(store):
    joint_space.fill(store)
    from workbench.shop.space import Space

    space = Space(store, joint_space.publish(store.home))
    if not space.has_task("sentiment"):
        pytest.skip("the shared test version has no sentiment")
    known = dict(store.rows(f"SELECT key, label FROM {space.table('predictions_sentiment')}"))
    found = sentiment.reviews(store, space, Selection()).set_index("review_id")["sentiment"].to_dict()
    assert {k: found[k] for k in known if k in found} == {k: v for k, v in known.items() if k in found} and known


def test_a_review_that_the_model_has_not_read_counts_alike_everywhere(home, store):
    with store.transaction() as cursor:
        for key, stars in (("r1", 5), ("r2", 1)):
            cursor.execute("INSERT INTO reviews (review_id, user_id, rating, body) VALUES (?, 'u', ?, 'so')", [key, stars])
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.vectors("users", ["u"], np.eye(8, dtype=np.float32)[:1])
        space.predictions("sentiment", list(sentiment.LABELS), ["r1"], np.array([[0.1, 0.2, 0.7]]))
    made = Space(store, registry.publish(version, {}))
    assert sentiment.total(store, made, Selection())["negative_n"].item() == 1
    assert behaviour.read(store, made).moods["negative"].tolist() == [1]
    assert "2 reviews" in of_sentiment.report(store, made).facts[0]


def test_who_only_looked_at_a_product_is_no_customer(store):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) VALUES ('p1', 'Lamp')")
        for user, kind in (("a", "view"), ("b", "cart"), ("c", "purchase")):
            event = "INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES (?, ?, 'p1', ?, '2024-01-01')"
            cursor.execute(event, [user, user, kind])
    assert [hit.n for hit in search.products(store, "lamp")] == [1]
