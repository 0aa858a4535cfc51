"""What a user would take next, what resembles a product, and who would care for a new one.

The score of a product for a user is exp(scale) * dot(user, product) + bias and what the companions of the
user's products add (see shop/space.py), computed for the whole catalogue with numpy: exact, no index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.insights.catalogue import Catalogue, about, best, catalogue
from workbench.insights.history import Held, Step, held, histories_of, history, unknown_user
from workbench.insights.reasons import Reasons, alike, together
from workbench.shop.space import Space
from workbench.shop.store import Store


@dataclass(frozen=True)
class Item:
    """A product with its score and one sentence why."""

    product_id: str
    title: str
    score: float
    reason: str


@dataclass(frozen=True)
class Fan:
    """A user who would care for a product: the cosine of the two vectors, and the nearest product of their history."""

    user_id: str
    score: float
    reason: str


@dataclass(frozen=True)
class Recommendations:
    """The next items of one user, best first."""

    user: str
    items: list[Item]
    version: str = ""
    seen: int = 0

    def json(self) -> dict[str, Any]:
        """The document of `workbench recommend`."""
        return asdict(self)

    def frame(self) -> pd.DataFrame:
        return _frame(self.items, Item)


@dataclass(frozen=True)
class Similar:
    """The products nearest to one, by cosine."""

    product: str
    items: list[Item]
    version: str = ""

    def json(self) -> dict[str, Any]:
        """The document of `workbench similar`."""
        return asdict(self)

    def frame(self) -> pd.DataFrame:
        return _frame(self.items, Item)


@dataclass(frozen=True)
class ColdProduct:
    """A product that nobody bought yet: its nearest products and the users nearest to it, both by cosine."""

    products: list[Item] = field(default_factory=list)
    users: list[Fan] = field(default_factory=list)

    def products_frame(self) -> pd.DataFrame:
        return _frame(self.products, Item)

    def users_frame(self) -> pd.DataFrame:
        return _frame(self.users, Fan)


def _frame(rows: Sequence[Any], kind: type) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=[f.name for f in fields(kind)])


def for_user(store: Store, space: Space, user_id: str, n: int = 10, exclude_seen: bool = True) -> Recommendations:
    """The `n` products with the greatest score for a user of the space.

    Products they bought, returned or reviewed are left out unless `exclude_seen` is False. Raises
    WorkbenchError for an unknown user, with the nearest known ids, and for one newer than the model.
    """
    steps = history(store, user_id)
    vector = user_vector(space, user_id)
    if vector is None:
        if not steps:
            raise unknown_user(store, user_id)
        raise WorkbenchError(
            f"User {user_id!r} came after model version {space.version.id} was made, so it has no vector for them.",
            "Open the page Recommendations, which computes it from their history, or train again.",
        )
    return for_vector(store, space, vector, [s.product_id for s in steps], n, user=user_id, steps=steps, exclude_seen=exclude_seen)


def for_vector(
    store: Store,
    space: Space,
    vector: np.ndarray,
    seen: Iterable[str],
    n: int = 10,
    *,
    user: str = "",
    steps: Sequence[Step] | None = None,
    exclude_seen: bool = True,
) -> Recommendations:
    """The `n` products with the greatest score for any user vector of shape (n,), without those `seen`.

    `steps` is the history behind the vector, for companions and reasons; without it the `seen` products stand for it.
    """
    products, seen = catalogue(space), list(dict.fromkeys(seen))
    steps = list(steps if steps is not None else [Step(key, "purchase") for key in seen])
    taste = products.taste(vector, steps)
    scores = taste + products.bias
    allowed = scores.copy()
    if exclude_seen:
        allowed[[products.place[key] for key in products.known(seen)]] = -np.inf
    ids = [products.ids[i] for i in best(allowed, n)]
    items = _items(store, products, scores, ids, held(steps), taste)
    return Recommendations(user, items, space.version.id, len(seen))


def _items(
    store: Store, products: Catalogue, scores: np.ndarray, ids: Sequence[str], had: Mapping[str, Held], taste: np.ndarray
) -> list[Item]:
    reasons = Reasons(store, products, had, ids, taste)
    return [Item(key, reasons.about[key].title, round(float(scores[products.place[key]]), 4), reasons.reason(key)) for key in ids]


def similar(store: Store, space: Space, product_id: str, n: int = 10) -> Similar:
    """The `n` products nearest to one by cosine, with what they visibly share; WorkbenchError for an unknown product."""
    products = catalogue(space)
    if product_id not in products.place:
        raise unknown_product(store, space, product_id)
    ids, cosines = _nearest(products, products.vectors[products.place[product_id]], n, without=product_id)
    told, both = about(store, [product_id, *ids]), together(store, [product_id], ids)
    made = []
    for key, cosine in zip(ids, cosines, strict=True):
        made.append(Item(key, told[key].title, cosine, alike(told[product_id], told[key], next(iter(both.get(key, [])), None))))
    return Similar(product_id, made, space.version.id)


def for_text(store: Store, space: Space, vector: np.ndarray, n: int = 10, users: int = 10) -> ColdProduct:
    """A cold product from the vector of its text, shape (n,): the nearest products and the users who would care."""
    products = catalogue(space)
    given = products.check(vector)
    given = given / max(float(np.linalg.norm(given)), 1e-12)
    ids, cosines = _nearest(products, given, n)
    told = about(store, ids)
    items = [
        Item(key, told[key].title, cosine, f"its text is near: {told[key].category or 'no category'}")
        for key, cosine in zip(ids, cosines, strict=True)
    ]
    return ColdProduct(items, _fans(store, space, products, given, users))


def customers_for(store: Store, space: Space, product_id: str, n: int = 10) -> pd.DataFrame:
    """The `n` users nearest to a product among those who neither bought nor reviewed it: user_id, score (cosine), reason."""
    products = catalogue(space)
    if product_id not in products.place:
        raise unknown_product(store, space, product_id)
    fans = _fans(store, space, products, products.vectors[products.place[product_id]], n, without=product_id)
    return _frame(fans, Fan)


def _fans(store: Store, space: Space, products: Catalogue, vector: np.ndarray, n: int, without: str | None = None) -> list[Fan]:
    near = nearest_users(space, vector, n, without)
    steps = histories_of(store, [user for user, _ in near])
    liked = {user: products.known(k for k, item in held(steps[user]).items() if item.liked) for user, _ in near}
    told = about(store, [key for keys in liked.values() for key in keys])
    made = []
    for user, cosine in near:
        reason = "near by their history as a whole"
        if liked[user]:
            places = [products.place[key] for key in liked[user]]
            key = liked[user][int((products.vectors[places] @ vector).argmax())]
            reason = f"they {held(steps[user])[key].words} {told[key].short}"
        made.append(Fan(user, cosine, reason))
    return made


def _nearest(products: Catalogue, vector: np.ndarray, n: int, without: str | None = None) -> tuple[list[str], list[float]]:
    cosines = products.vectors @ vector
    allowed = cosines.copy()
    if without is not None:
        allowed[products.place[without]] = -np.inf
    places = best(allowed, n)
    return [products.ids[i] for i in places], [round(float(cosines[i]), 4) for i in places]


def user_vector(space: Space, user_id: str) -> np.ndarray | None:
    """A user's vector of shape (n,), or None where the version has none."""
    if "users" not in space.tables():
        return None
    ids, vectors = space.vectors("users", [user_id])
    return np.asarray(vectors[0]) if ids else None


def nobody(space: Space) -> np.ndarray:
    """The vector of somebody without a history, shape (n,): zeros, so that only each product's own bias counts."""
    return np.zeros(catalogue(space).vectors.shape[1], np.float32)


def nearest_users(space: Space, vector: np.ndarray, n: int = 10, without: str | None = None) -> list[tuple[str, float]]:
    """The `n` users nearest to a vector, with the cosine; not those who have the product `without`."""
    if "users" not in space.tables():
        return []
    sql = f"""SELECT user_id, array_inner_product(vector, ?::FLOAT[{len(vector)}]) AS cosine FROM {space.table("users")}
              WHERE user_id NOT IN (SELECT user_id FROM histories WHERE product_id = ? AND kind <> 'view' AND kind <> 'cart')
              ORDER BY cosine DESC, user_id LIMIT ?"""
    return [(user, round(float(cosine), 4)) for user, cosine in space.store.rows(sql, [vector.tolist(), without, n])]


_NEAR_PRODUCTS = """
SELECT product_id FROM {table} ORDER BY NOT starts_with(lower(product_id), lower(?)),
damerau_levenshtein(lower(product_id), lower(?)), product_id LIMIT 3
"""


def unknown_product(store: Store, space: Space, product_id: str) -> WorkbenchError:
    """The error for a product without a vector, with the nearest known ids."""
    asked = product_id[:64]
    if store.value("SELECT 1 FROM products WHERE product_id = ?", [product_id]):
        return WorkbenchError(
            f"Product {asked!r} came after model version {space.version.id} was made, so it has no vector.",
            "Train again, or describe it as a new product on the page Recommendations.",
        )
    near = [key for (key,) in store.rows(_NEAR_PRODUCTS.format(table=space.table("products")), [asked, asked])]
    return WorkbenchError(
        f"There is no product {asked!r}; the nearest known ids are {', '.join(near) or 'none'}.",
        "Use one of these ids, or search for part of a title.",
    )
