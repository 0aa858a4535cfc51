"""The texts of a shop's rows, as the encoder reads them."""

from __future__ import annotations

from collections.abc import Collection

from workbench.shop.plain import clean
from workbench.shop.store import Store
from workbench.tasks.histories import cuts, held_out
from workbench.tasks.splits import split_of

MOST_REVIEWS = 3


def review_texts(store: Store) -> dict[str, str]:
    """Review id to headline and body."""
    return {key: clean(title, body) for key, title, body in store.rows("SELECT review_id, title, body FROM reviews ORDER BY review_id")}


def review_splits(store: Store) -> dict[str, str]:
    """Review id to its split: a review of a user's held-out product is held out with it, one after a cut in time by its time."""
    rows = store.rows("SELECT review_id, user_id, product_id, created_at FROM reviews ORDER BY review_id")
    if not rows:  # all histories would be read for nothing
        return {}
    held, cut = held_out(store), cuts(store)
    made = {key: held.get((user, product), split_of(key)) for key, user, product, _ in rows}
    return {key: cut.split_of(when, made[key]) for key, _, _, when in rows} if cut else made


def own_texts(store: Store) -> dict[str, str]:
    """Product id to title, brand and description; "" where a product has none.

    The category is left out, because it is what a task has to learn.
    """
    rows = store.rows("SELECT product_id, title, brand, description FROM products ORDER BY product_id")
    return {key: clean(title, brand, description) for key, title, brand, description in rows}


def said_of(store: Store, products: Collection[str]) -> dict[str, str]:
    """What the headlines of these products' training reviews say, by id; products without such a review are left out."""
    if not products:
        return {}
    splits = review_splits(store)
    rows = store.rows(
        "SELECT product_id, review_id, coalesce(nullif(title, ''), left(body, 80)) FROM reviews ORDER BY product_id, review_id"
    )
    said: dict[str, list[str]] = {}
    for product, review, text in rows:
        if product in products and splits[review] == "train" and text and len(said.setdefault(product, [])) < MOST_REVIEWS:
            said[product].append(text)
    return {product: clean(*lines) for product, lines in said.items()}


def untold(own: dict[str, str]) -> set[str]:
    """The products of `own_texts` that have none."""
    return {key for key, text in own.items() if not text}


def product_texts(store: Store) -> dict[str, str]:
    """Product id to its own text; where it has none, to what was said of it."""
    own = own_texts(store)
    return {**own, **said_of(store, untold(own))}
