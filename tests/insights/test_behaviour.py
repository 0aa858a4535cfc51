"""What counts a user: returns without a purchase, and rows whose time is a mistake."""

import numpy as np
import pytest

from workbench.insights import behaviour
from workbench.registry import Registry
from workbench.shop.space import Space, write_space

EVENTS = [("e1", "a", "lamp", "purchase"), ("e2", "a", "chair", "return"), ("e3", "b", "chair", "return"), ("e4", "c", "lamp", "purchase")]


@pytest.fixture
def space(home, store):
    with store.transaction() as cursor:
        for row in EVENTS:
            cursor.execute("INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES (?, ?, ?, ?, '2024-01-01')", row)
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as written:
        written.vectors("users", ["a", "b", "c"], np.eye(8, dtype=np.float32)[:3])
    return Space(store, registry.publish(version, {}))


def test_a_piece_that_came_back_was_had_even_if_its_purchase_is_not_there(store, space):
    assert behaviour.read(store, space).people["returned"].to_dict() == {"a": 0.5, "b": 1.0, "c": 0.0}


def test_one_event_in_the_future_does_not_make_everybody_gone_quiet(store, space):
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES ('e5', 'c', 'lamp', 'view', '2242-01-01')"
        )
    assert behaviour.read(store, space).people["recency"].to_dict() == {"a": 0.0, "b": 0.0, "c": 0.0}


def test_who_has_no_rows_left_was_not_active_today(store, space):
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM events WHERE user_id = 'c'")
    assert behaviour.read(store, space).people["recency"].isna().to_dict() == {"a": False, "b": False, "c": True}
