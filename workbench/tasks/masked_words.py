"""Words hidden in the shop's own texts: what a shop's language teaches without any label.

It helps the other tasks, so it is no reason to stop or to go on with a training.
"""

from __future__ import annotations

from workbench.shop.plain import clean
from workbench.shop.store import Store
from workbench.tasks.base import Examples, Task
from workbench.tasks.splits import split_of
from workbench.tasks.texts import product_texts, review_splits, review_texts

LEAST_TEXTS = 100


def missing(store: Store) -> str | None:
    rows = examples(store).rows("train")
    return None if len(rows) >= LEAST_TEXTS else f"needs at least {LEAST_TEXTS} texts, there are {len(rows)}"


def examples(store: Store) -> Examples:
    """All texts of the shop; a review's text is held out with the review, any other by its hash."""
    reviews, splits = review_texts(store), review_splits(store)
    rows = [(f"review:{key}", text, splits[key]) for key, text in reviews.items()]
    others = [(f"product:{key}", text) for key, text in product_texts(store).items()]
    others += [(f"ticket:{key}", clean(body)) for key, body in store.rows("SELECT ticket_id, body FROM tickets ORDER BY ticket_id")]
    others += [(f"label:{key}", clean(text)) for key, text in store.rows("SELECT label_id, text FROM labels ORDER BY label_id")]
    rows = [row for row in rows + [(key, text, split_of(text)) for key, text in others] if row[1]]
    held = {text: split for _, text, split in rows if split != "train"}
    found = {text: (key, held.get(text, split)) for key, text, split in reversed(rows)}
    return Examples([key for key, _ in found.values()], list(found), [0] * len(found), [split for _, split in found.values()])


TASK = Task("masked_words", "Masked words", "masked", "text", "accuracy", missing, examples)
