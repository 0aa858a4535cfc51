"""Which product a review is about, by contrast with all others: it puts reviews beside their products."""

from __future__ import annotations

from workbench.shop.store import Store
from workbench.tasks.base import Examples, Task, at_least
from workbench.tasks.texts import review_splits, review_texts

_PAIRS = "SELECT count(*) FROM reviews JOIN products USING (product_id) WHERE body <> ''"
_SPREAD = "SELECT count(DISTINCT product_id) FROM reviews JOIN products USING (product_id) WHERE body <> ''"


def missing(store: Store) -> str | None:
    return at_least(store, _PAIRS, 50, "reviews of known products") or at_least(store, _SPREAD, 5, "products with reviews")


def examples(store: Store) -> Examples:
    texts, splits = review_texts(store), review_splits(store)
    partners = [key for (key,) in store.rows("SELECT product_id FROM products ORDER BY product_id")]
    place = {key: i for i, key in enumerate(partners)}
    rows = store.rows("SELECT review_id, product_id FROM reviews WHERE product_id IS NOT NULL ORDER BY review_id")
    kept = [(key, product) for key, product in rows if product in place and texts[key]]
    return Examples(
        [k for k, _ in kept], [texts[k] for k, _ in kept], [place[p] for _, p in kept], [splits[k] for k, _ in kept], partners=partners
    )


TASK = Task("review_to_product", "Review to product", "contrast", "review", "recall_at_10", missing, examples)
