import pytest

from workbench.tasks.base import tasks
from workbench.tasks.histories import held_out, histories


@pytest.fixture
def shop(store):
    with store.transaction() as cursor:
        for p in range(6):
            cursor.execute("INSERT INTO products (product_id, title, category) VALUES (?, ?, 'A')", [f"p{p}", f"Product {p}"])
        for u in range(120):
            for p in range(4):
                values = [f"r{u}-{p}", f"p{(u + p) % 6}", f"u{u}", 1 + (u + p) % 5, f"text {u} {p}", f"2024-01-{10 + p}"]
                cursor.execute(
                    "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at) VALUES (?, ?, ?, ?, ?, ?)", values
                )
    return store


def test_every_task_says_what_an_empty_shop_lacks(store):
    assert {name for name, task in tasks().items() if not task.missing(store)} == set()


def test_a_shop_of_reviews_learns_what_it_can(shop):
    able = {name for name, task in tasks().items() if task.missing(shop) is None}
    assert able == {"sentiment", "review_to_product", "next_item", "masked_words"}


def test_a_next_item_is_learned_where_histories_go_on_beside_what_is_held_out(store):
    def buy(step):
        with store.transaction() as cursor:
            cursor.execute(
                "INSERT INTO events (event_id, user_id, product_id, kind, happened_at, price) "
                f"SELECT u || '-{step}', 'u' || u, 'p' || (u + {step}) % 6, 'purchase', TIMESTAMP '2024-01-0{step}', 5 FROM range(30) t(u)"
            )

    for step in (1, 2, 3):
        buy(step)
    assert tasks()["next_item"].missing(store) == "needs users with two different products beside those that are held out, there are none"
    buy(4)
    assert tasks()["next_item"].missing(store) is None


def test_examples_fit_together(shop):
    for name in ("sentiment", "review_to_product", "next_item"):
        made = tasks()[name].examples(shop)
        assert len(made.keys) == len(made.texts) == len(made.targets) == len(made.splits) > 0


def test_held_out_products_are_the_last_two(shop):
    held = held_out(shop)
    for history in histories(shop):
        assert held[(history.user, history.products[-1])] == "test"
        assert held[(history.user, history.products[-2])] == "validation"


def test_reviews_of_held_out_products_are_not_trained_on(shop):
    made = tasks()["sentiment"].examples(shop)
    products = dict(shop.rows("SELECT review_id, user_id || ' ' || product_id FROM reviews"))
    held = {f"{user} {product}" for user, product in held_out(shop)}
    assert not held & {products[made.keys[i]] for i in made.rows("train")}
