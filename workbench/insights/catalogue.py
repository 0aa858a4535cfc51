"""The products of one version's space as arrays, and what the shop says about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from workbench.errors import WorkbenchError
from workbench.insights.history import Step
from workbench.shop.companions import Companions
from workbench.shop.space import Space
from workbench.shop.store import Store

SHORT = 48
NO_TIME, DAY = datetime(1970, 1, 1), timedelta(days=1)


@dataclass(frozen=True)
class Catalogue:
    """Every product of a space: `vectors` (products, n) of unit length, `bias` (products,), `exp(scale)` as `factor`; companions."""

    ids: list[str]
    vectors: np.ndarray
    bias: np.ndarray
    factor: float
    place: dict[str, int]
    companions: Companions

    def known(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids` that have a vector, in their order, each once."""
        return [key for key in dict.fromkeys(ids) if key in self.place]

    def taste(self, user: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
        """What a user's vector and the companions of what they took say of every product, shape (products,).

        A step without a time counts as made on the last day.
        """
        first = {step.product_id: step for step in reversed(steps) if step.product_id in self.place}
        known = [first[key] for key in dict.fromkeys(step.product_id for step in steps) if key in first]
        last = max((step.happened_at for step in steps if step.happened_at), default=NO_TIME)
        days = np.array([((step.happened_at or last) - NO_TIME) / DAY for step in known])
        places = np.array([self.place[step.product_id] for step in known], np.int64)
        beside = self.companions.scores([(places, days)])[0]
        return np.asarray(self.factor * (self.vectors @ self.check(user)) + beside)

    def scores(self, user: np.ndarray, steps: Sequence[Step] = ()) -> np.ndarray:
        """A user's score of every product, `taste` and its bias, shape (products,)."""
        return np.asarray(self.taste(user, steps) + self.bias)

    def check(self, vector: np.ndarray) -> np.ndarray:
        """`vector` as float32 of the space's size; WorkbenchError where it is another one or not finite."""
        given = np.asarray(vector, np.float32).ravel()
        size = self.vectors.shape[1]
        if given.shape != (size,) or not np.isfinite(given).all():
            raise WorkbenchError(
                f"A vector of {given.size} numbers was given; this space has {size} finite numbers a vector.",
                "Compute it with the model version that made the space.",
            )
        return given


@lru_cache(maxsize=2)
def catalogue(space: Space) -> Catalogue:
    """The products of a space, read once for each space object (a version never changes)."""
    if "products" not in space.tables():
        raise WorkbenchError(f"Model version {space.version.id} knows no products.", "Import products or their reviews, then train again.")
    frame = space.store.frame(f"SELECT product_id, vector, bias FROM {space.table('products')} ORDER BY product_id")
    ids = frame["product_id"].tolist()
    vectors = np.stack(frame["vector"].to_list()).astype(np.float32) if ids else np.zeros((0, 0), np.float32)
    bias = frame["bias"].fillna(0.0).to_numpy(np.float32)
    factor, place = float(np.exp(space.setting("scale"))), {key: i for i, key in enumerate(ids)}
    return Catalogue(ids, vectors, bias, factor, place, space.companions(ids))


@dataclass(frozen=True)
class About:
    """What the shop says of a product; where it has no title, its id and the headline of its most helpful review."""

    product_id: str
    title: str
    brand: str | None = None
    category: str | None = None
    price: float | None = None

    @property
    def short(self) -> str:
        """The title, cut to fit a sentence."""
        return self.title if len(self.title) <= SHORT else self.title[: SHORT - 1].rstrip() + "…"


_ABOUT = """
SELECT product_id, nullif(trim(title), ''), brand, category, price FROM products WHERE product_id IN (SELECT unnest(?))
"""
_SAID = """
SELECT product_id, trim(title) FROM reviews WHERE product_id IN (SELECT unnest(?)) AND trim(title) <> ''
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY helpful DESC NULLS LAST, length(body) DESC, review_id) = 1
"""


def about(store: Store, ids: Iterable[str]) -> dict[str, About]:
    """Id to what the shop says of it, for every one of `ids`."""
    wanted = list(dict.fromkeys(ids))
    found = {row[0]: row[1:] for row in store.rows(_ABOUT, [wanted])} if wanted else {}
    silent = [key for key in wanted if not found.get(key, (None,))[0]]
    said = dict(store.rows(_SAID, [silent])) if silent else {}
    named = {key: f"{key} “{said[key]}”" if key in said else key for key in silent}
    return {key: About(key, found[key][0] or named[key], *found[key][1:]) if key in found else About(key, named[key]) for key in wanted}


def best(scores: np.ndarray, n: int) -> list[int]:
    """The places of the `n` greatest finite scores, best first; equal scores by place."""
    finite = np.flatnonzero(np.isfinite(scores))
    if n < len(finite):
        edge = np.partition(scores[finite], len(finite) - n)[len(finite) - n]
        finite = finite[scores[finite] >= edge]
    return [int(i) for i in finite[np.lexsort((finite, -scores[finite]))][:n]]
