import re
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from joint_space import fill, product_vectors, publish, unit, user_vectors
from scipy.sparse import csr_matrix

from workbench.errors import WorkbenchError
from workbench.insights import recommend, search
from workbench.insights.catalogue import about, catalogue
from workbench.insights.history import Step, held, history
from workbench.shop.companions import Companions
from workbench.shop.space import Space


@pytest.fixture
def space(home, store):
    fill(store)
    return Space(store, publish(home))


def test_the_score_is_the_formula_of_the_space(store, space):
    found = recommend.for_user(store, space, "u_a0", n=12, exclude_seen=False)
    expected = {
        key: 10.0 * float(vector @ user_vectors()["u_a0"]) + (3.0 if key == "b5" else 0.0) for key, vector in product_vectors().items()
    }
    assert {item.product_id: item.score for item in found.items} == pytest.approx(expected, abs=1e-3)
    assert [item.product_id for item in found.items] == sorted(expected, key=lambda key: -expected[key])


def test_companions_of_what_was_taken_lately_add_to_the_score(store, space):
    plain = catalogue(space)
    a0, a1, b2 = (plain.place[key] for key in ("a0", "a1", "b2"))
    weights = csr_matrix(([1.0, 1.0], ([a0, a1], [b2, b2])), shape=(len(plain.ids),) * 2)
    found = replace(plain, companions=Companions(weights, day_life=10.0, share=4.0))
    steps = [Step("a0", "purchase", datetime(2025, 1, 1)), Step("gone", "purchase"), Step("a1", "purchase", datetime(2025, 1, 11))]
    added = found.scores(user_vectors()["u_a0"], steps) - plain.scores(user_vectors()["u_a0"], steps)
    assert added[b2] == pytest.approx(4.0 * (0.5 + 1.0), abs=1e-5)
    assert np.abs(np.delete(added, b2)).max() == 0
    undated = found.scores(user_vectors()["u_a0"], [Step("a0", "purchase")]) - plain.scores(user_vectors()["u_a0"])
    assert undated[b2] == pytest.approx(4.0, abs=1e-5)


def test_what_they_have_is_left_out_and_the_json_is_the_command_lines(store, space):
    found = recommend.for_user(store, space, "u_a0", n=4)
    made = found.json()
    assert made["user"] == "u_a0" and len(made["items"]) == 4
    assert set(made["items"][0]) >= {"product_id", "title", "score", "reason"}
    assert {"a0", "a1", "a2"}.isdisjoint(item["product_id"] for item in made["items"])
    assert made["items"][0]["title"].startswith("Audio thing")
    assert list(found.frame().columns) == ["product_id", "title", "score", "reason"]


def test_an_unknown_user_is_told_the_nearest_ids(store, space):
    with pytest.raises(WorkbenchError, match=r"'u_a99'.*nearest known ids are u_a0"):
        recommend.for_user(store, space, "u_a99")


def test_an_unknown_user_of_an_empty_shop(store, home):
    with pytest.raises(WorkbenchError, match="no users yet"):
        recommend.for_user(store, Space(store, publish(home)), "anybody")


def test_a_user_newer_than_the_model_is_told_apart_from_an_unknown_one(store, space):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES ('x', 'new', 'a0', 'purchase', now())")
    with pytest.raises(WorkbenchError, match="came after model version"):
        recommend.for_user(store, space, "new")


def test_a_favourite_of_everybody_is_called_popular_with_its_figures(store, space):
    reasons = {item.product_id: item.reason for item in recommend.for_user(store, space, "u_a0", n=9).items}
    assert reasons["b5"] == "popular in Garden: 6 customers, number 1 of 6"
    assert [key for key, reason in reasons.items() if reason.startswith("popular")] == ["b5"]
    assert all(reasons.values())


def test_often_bought_with_counts_the_customers_who_have_both(store, space):
    from workbench.insights.reasons import together

    pairs = """SELECT count(*) FROM (SELECT DISTINCT user_id FROM events WHERE product_id = ?)
               JOIN (SELECT DISTINCT user_id FROM events WHERE product_id = ?) USING (user_id)"""
    found = {t.had: t for t in together(store, ["a1", "a2"], ["a3"])["a3"]}
    assert found["a2"].n == store.value(pairs, ["a2", "a3"])
    assert found["a1"].n == store.value(pairs, ["a1", "a3"])
    owners = "SELECT count(DISTINCT user_id) FROM histories WHERE product_id = ?"
    n, everybody = found["a2"].n, 12
    assert found["a2"].of == store.value(owners, ["a2"])
    assert found["a2"].lift == pytest.approx(n * everybody / (store.value(owners, ["a2"]) * store.value(owners, ["a3"])))


def test_like_a_product_they_rated(store, space):
    steps = [Step("a2", "review", rating=5.0)]
    items = recommend.for_vector(store, space, unit(1), ["a2"], 3, steps=steps).items
    near = [item.product_id for item in items if item.reason.startswith("like Audio thing a2, which they rated 5 stars")]
    vectors = product_vectors()
    assert near == [max((key for key in vectors if key != "a2"), key=lambda key: float(vectors[key] @ vectors["a2"]))]
    disliked = recommend.for_vector(store, space, unit(1), ["a2"], 3, steps=[Step("a2", "review", rating=1.0)]).items
    assert not any("rated" in item.reason for item in disliked)


def test_a_product_far_down_is_not_called_liked_or_close(store, space):
    reasons = [item.reason for item in recommend.for_user(store, space, "u_a0", n=12).items]
    claims = [found for reason in reasons if (found := re.search(r"^(?:liked by|close to).*number (\d+) of 12 products", reason))]
    assert all(int(claim[1]) <= 6 for claim in claims)
    assert any(reason.startswith("among what is left: number ") for reason in reasons)


def test_what_went_back_is_not_liked():
    steps = [Step("p", "purchase"), Step("p", "review", rating=5.0), Step("q", "purchase"), Step("q", "return")]
    found = held(steps)
    assert found["p"].liked and found["p"].words == "rated 5 stars"
    assert not found["q"].liked


def test_a_vector_of_another_size_is_refused(store, space):
    with pytest.raises(WorkbenchError, match=r"A vector of 3 numbers.*has 8"):
        recommend.for_vector(store, space, np.ones(3), [])
    with pytest.raises(WorkbenchError, match="finite"):
        recommend.for_vector(store, space, np.full(8, np.nan), [])


def test_similar_products_are_the_nearest_by_cosine(store, space):
    found = recommend.similar(store, space, "a2", n=3)
    vectors = product_vectors()
    expected = sorted((k for k in vectors if k != "a2"), key=lambda k: -float(vectors[k] @ vectors["a2"]))[:3]
    assert [item.product_id for item in found.items] == expected
    assert "same category Audio" in found.items[0].reason
    with pytest.raises(WorkbenchError, match="nearest known ids are a"):
        recommend.similar(store, space, "a22")


def test_a_cold_product_finds_its_kind_and_who_would_care(store, space):
    found = recommend.for_text(store, space, 5 * unit(0.1, 1), n=3, users=4)
    assert {item.product_id[0] for item in found.products} == {"b"}
    assert {fan.user_id[:3] for fan in found.users} == {"u_b"}
    assert found.users[0].score <= 1.0001 and "thing b" in found.users[0].reason


def test_customers_for_a_product_do_not_have_it_yet(store, space):
    found = recommend.customers_for(store, space, "a2", n=12)
    owners = {user for (user,) in store.rows("SELECT DISTINCT user_id FROM histories WHERE product_id = 'a2'")}
    assert owners and owners.isdisjoint(found["user_id"]) and len(found) == 12 - len(owners)
    assert found["user_id"].iloc[0].startswith("u_a") and found["score"].is_monotonic_decreasing


def test_a_product_without_a_title_goes_by_its_most_helpful_headline(store, space):
    with store.transaction() as cursor:
        cursor.execute("UPDATE products SET title = ' ' WHERE product_id IN ('a0', 'a1', 'b0')")
        cursor.execute("INSERT INTO reviews (review_id, product_id, title, body, helpful) VALUES ('h', 'a0', 'Loud and clear', 'x', 9)")
        cursor.execute("DELETE FROM reviews WHERE product_id = 'b0'")
    told = about(store, ["a0", "b0", "a2", "nowhere"])
    assert told["a0"].title == "a0 “Loud and clear”"
    assert (told["b0"].title, told["a2"].title, told["nowhere"].title) == ("b0", "Audio thing a2", "nowhere")
    assert told["a0"].category == "Audio"


def test_a_history_is_in_time_order(store, space):
    steps = history(store, "u_b1")
    assert [s.kind for s in steps] == ["purchase"] * 4 + ["review"]
    assert steps[-1].json()["rating"] == 5.0 and steps[0].json()["happened_at"].startswith("2025-01-01")


def test_search_as_you_type(store, space):
    assert [hit.id for hit in search.users(store, "u_b", n=3)] == ["u_b0", "u_b1", "u_b2"]
    assert {hit.id for hit in search.products(store, "thing a1")} == {"a1"}
    assert search.products(store, "A1")[0].n == store.value("SELECT count(DISTINCT user_id) FROM histories WHERE product_id = 'a1'")
    assert {hit.entity for hit in search.find(store, "a")} == {"product", "user"}
    assert search.find(store, "  ") == []


@pytest.mark.parametrize("text", ["%", "_", "a_", "'; DROP TABLE products; --", "!", "\\"])
def test_what_is_typed_is_text_and_nothing_else(store, space, text):
    assert all(text.lower() in hit.title.lower() for hit in search.find(store, text))
    assert store.counts()["products"] == 12


def test_neighbours_cross_products_reviews_and_users(store, space):
    found = search.neighbours(store, space, unit(1), n=2)
    assert found.groupby("entity")["id"].count().to_dict() == {"products": 2, "reviews": 1, "users": 2}
    assert found.loc[found.entity == "products", "cosine"].is_monotonic_decreasing
    assert "<script>" in found.loc[found.entity == "reviews", "text"].item()
