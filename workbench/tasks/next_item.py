"""What a user takes next: the last new product of each history is kept for the test, the one before for validation."""

from __future__ import annotations

from workbench.shop.store import Store
from workbench.tasks.base import Examples, Task
from workbench.tasks.histories import LEAST_TARGETS, histories

LEAST_USERS = 20


def missing(store: Store) -> str | None:
    found = histories(store)
    users = sum(history.held("test") is not None for history in found)
    if users < LEAST_USERS:
        return f"needs at least {LEAST_USERS} users with {LEAST_TARGETS} different products each, there are {users}"
    learned = any(any(history.target[1 : history.train_end()]) for history in found)
    return None if learned else "needs users with two different products beside those that are held out, there are none"


def examples(store: Store) -> Examples:
    partners = [key for (key,) in store.rows("SELECT product_id FROM products ORDER BY product_id")]
    place = {key: i for i, key in enumerate(partners)}
    made = Examples([], [], [], [], partners=partners)
    for history in histories(store):
        for split in ("validation", "test"):
            at = history.held(split)
            if at is not None and history.products[at] in place:
                made.keys.append(history.user)
                made.texts.append("")
                made.targets.append(place[history.products[at]])
                made.splits.append(split)
    return made


TASK = Task("next_item", "Next item", "next_item", "user", "ndcg_at_10", missing, examples)
