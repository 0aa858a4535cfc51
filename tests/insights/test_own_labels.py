"""Labels of the user's own are a column of every review that filters and trends can use."""

import numpy as np
import pytest
from joint_space import fill

from workbench.insights import behaviour
from workbench.insights.own_labels import labels_of_users, own_labels
from workbench.insights.profiles import Profile, profile
from workbench.insights.selection import Selection
from workbench.insights.sentiment import own_labels_trend, reviews, total
from workbench.registry import Registry
from workbench.shop.space import Space, write_space

UPLOADED = """
INSERT INTO labels (label_id, task, text, label, upload, created_at, attributes) VALUES (?, ?, 'x', 'yes', 'u', now()::TIMESTAMP, ?)
"""


@pytest.fixture
def space(home, store):
    """A version with a task of two labels on reviews, one on products and one of a set of labels."""
    fill(store)
    with store.transaction() as cursor:
        cursor.execute(UPLOADED, ["1", "tone", '{"title": "Tone", "about": "reviews", "family": "tone"}'])
        cursor.execute(UPLOADED, ["2", "kind", '{"title": "Kind", "about": "products", "family": "kind"}'])
        cursor.execute(UPLOADED, ["3", "topics_price", '{"title": "topics: price", "about": "reviews", "family": "topics"}'])
    registry = Registry(home)
    version, folder = registry.new_folder()
    keys = [key for (key,) in store.rows("SELECT review_id FROM reviews ORDER BY review_id")]
    users = [key for (key,) in store.rows("SELECT DISTINCT user_id FROM histories ORDER BY user_id")]
    with write_space(folder / "vectors.duckdb") as made:
        made.vectors("users", users, np.eye(len(users), 8, dtype=np.float32))
        made.predictions("tone", ["curt", "warm"], keys, np.eye(2)[[i % 2 for i in range(len(keys))]])
        made.predictions("topics_price", ["no", "yes"], keys, np.eye(2)[[int(i == 0) for i in range(len(keys))]])
        made.predictions("kind", ["a", "b"], ["a0", "b0"], np.eye(2))
    return Space(store, registry.publish(version, {}))


def test_every_label_can_be_chosen_by_its_words(space):
    assert own_labels(space) == {
        "kind: a": "Kind: a",
        "kind: b": "Kind: b",
        "tone: curt": "Tone: curt",
        "tone: warm": "Tone: warm",
        "topics_price: yes": "topics: price",
    }
    assert own_labels(None) == {}


def test_reviews_are_chosen_by_a_label_of_their_own_or_of_their_product(store, space):
    counts = {label: int(total(store, space, Selection(taught=label))["n"].iloc[0]) for label in own_labels(space)}
    everything = int(total(store, space, Selection())["n"].iloc[0])
    assert counts["tone: curt"] + counts["tone: warm"] == everything and counts["topics_price: yes"] == 1
    of_a = reviews(store, space, Selection(taught="kind: a"))
    assert len(of_a) and set(of_a["product"]) == {"Audio thing a0"}


def test_how_sure_a_chosen_label_is_stands_beside_its_reviews(store, space):
    assert set(reviews(store, space, Selection(taught="tone: warm"))["label_probability"]) == {1.0}
    assert "label_probability" not in reviews(store, space, Selection()).columns


def test_the_share_of_each_label_moves_over_time(store, space):
    trend = own_labels_trend(store, space, Selection(), "month", list(own_labels(space)))
    tone = trend[trend["label"].isin(["tone: curt", "tone: warm"])].groupby("period")
    assert (tone["reviews"].sum() == tone["n"].first()).all() and tone["share"].sum().round(9).eq(1).all()
    price = trend[trend["label"] == "topics_price: yes"]
    assert price["reviews"].sum() == 1 and (price["reviews"] == 0).sum() == len(price) - 1  # a month without it is a nought, no gap
    assert own_labels_trend(store, None, Selection(), "month", ["tone: curt"]).empty


def test_labels_of_users_are_counted_over_their_reviews_or_what_they_have(store, space):
    bought = store.frame("SELECT DISTINCT user_id, product_id FROM events WHERE kind = 'purchase'")
    found = labels_of_users(store, space, bought)
    told = {task: part.groupby("label")["n"].sum().to_dict() for task, part in found.groupby("task")}
    users = space.table("users")
    written = store.value(f"SELECT count(*) FROM reviews JOIN {users} USING (user_id)")
    assert sum(told["tone"].values()) == sum(told["topics_price"].values()) == written
    has = bought["product_id"].value_counts()
    assert told["kind"] == {label: has[product] for label, product in (("a", "a0"), ("b", "b0")) if product in has}


def test_a_profile_shows_the_shares_of_each_label_beside_the_shops(store, space):
    known = behaviour.read(store, space)
    everybody = profile(known, known.people.index.tolist())
    shares = {s.name: s for s in everybody.labels}
    assert {"Tone: curt", "Tone: warm", "topics: price"} <= set(shares) and "topics: no" not in shares
    assert shares["Tone: curt"].share + shares["Tone: warm"].share == pytest.approx(1)
    assert all(s.share == pytest.approx(s.shop) and s.low <= s.share <= s.high for s in shares.values())
    assert Profile.of(everybody.json()) == everybody
