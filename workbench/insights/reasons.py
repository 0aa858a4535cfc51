"""Why a product is recommended: one sentence each, computed from the shop's rows and the space.

Tried in this order, and only said where the figures bear it out:
like a product they rated 4 stars or more (among that product's nearest 5 %), often bought with
one they have (at least three customers and twice what chance gives), like one they bought,
popular in its category (among the most bought quarter), else its place among all products.
A product whose score comes from its own bias more than from the user's taste is tried for
"popular" first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from workbench.insights.catalogue import About, Catalogue, about
from workbench.insights.history import Held
from workbench.shop.store import Store

NEAR_SHARE = 0.05
LEAST_TOGETHER = 3
LEAST_LIFT = 2.0
POPULAR_SHARE = 0.25

_OWNED = "SELECT DISTINCT user_id, product_id FROM histories WHERE kind IN ('purchase', 'review')"
_TOGETHER = f"""
WITH owned AS ({_OWNED})
SELECT a.product_id, b.product_id, count(*) AS together FROM owned a JOIN owned b USING (user_id)
WHERE a.product_id IN (SELECT unnest($had)) AND b.product_id IN (SELECT unnest($next)) AND a.product_id <> b.product_id
GROUP BY ALL
"""
_OWNERS = f"SELECT product_id, count(*) FROM ({_OWNED}) GROUP BY 1"
_EVERYBODY = "SELECT count(DISTINCT user_id) FROM histories WHERE kind IN ('purchase', 'review')"
_POPULAR = f"""
WITH owners AS (SELECT product_id, count(*) AS n FROM ({_OWNED}) GROUP BY 1),
ranked AS (
  SELECT p.product_id, p.category, coalesce(n, 0) AS n,
         rank() OVER (PARTITION BY p.category ORDER BY coalesce(n, 0) DESC) AS place, count(*) OVER (PARTITION BY p.category) AS size
  FROM products p LEFT JOIN owners USING (product_id)
)
SELECT product_id, category, n, place, size FROM ranked WHERE n >= 2
"""


@dataclass(frozen=True)
class Together:
    """How often two products are owned by the same customer: `n` customers of the `of` who own the first."""

    had: str
    n: int
    of: int
    lift: float


@dataclass(frozen=True)
class Popular:
    """A product's place by customers within its category."""

    category: str | None
    customers: int
    place: int
    size: int

    @property
    def holds(self) -> bool:
        return self.size >= 4 and self.place <= max(1, self.size * POPULAR_SHARE)


def together(store: Store, had: Sequence[str], following: Sequence[str]) -> dict[str, list[Together]]:
    """For each of `following`, the products of `had` it is owned with, greatest lift first.

    Lift is P(both) / (P(a) * P(b)) over all customers with a purchase or review.
    """
    if not had or not following:
        return {}
    owners, everybody = _owners(store, store.data_version)
    made: dict[str, list[Together]] = {}
    for a, b, n in store.rows(_TOGETHER, {"had": list(had), "next": list(following)}):
        made.setdefault(b, []).append(Together(a, n, owners[a], n * everybody / (owners[a] * owners[b])))
    return {key: sorted(found, key=lambda t: (-t.lift, -t.n, t.had)) for key, found in made.items()}


def popular(store: Store, ids: Sequence[str]) -> dict[str, Popular]:
    """The place of each product within its category, by the number of customers; only those with two or more."""
    found = _popularity(store, store.data_version)
    return {key: found[key] for key in ids if key in found}


@lru_cache(maxsize=2)
def _popularity(store: Store, data_version: int) -> dict[str, Popular]:
    return {row[0]: Popular(*row[1:]) for row in store.rows(_POPULAR)}


@lru_cache(maxsize=2)
def _owners(store: Store, data_version: int) -> tuple[dict[str, int], int]:
    """The customers of every product, and how many customers there are in all."""
    return dict(store.rows(_OWNERS)), int(store.value(_EVERYBODY) or 0)


def _order(values: np.ndarray) -> np.ndarray:
    """The place of each value, 1 for the greatest."""
    order = np.empty(len(values), int)
    order[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return order


class Reasons:
    """The reasons for some recommended products of one user."""

    def __init__(self, store: Store, catalogue: Catalogue, had: Mapping[str, Held], ids: Sequence[str], taste: np.ndarray) -> None:
        """`taste` (products,): `Catalogue.taste` of the user."""
        self.catalogue = catalogue
        self.had = had
        self.about = about(store, [*ids, *had])
        self.together = together(store, list(had), ids)
        self.popular = popular(store, ids)
        # what the product's own bias adds, beyond the mean product, against what the user's taste adds
        self.by_bias = (catalogue.bias - catalogue.bias.mean()) > (taste - taste.mean())
        self.taste_order, self.bias_order = _order(taste), _order(catalogue.bias)
        self._liked = catalogue.known(key for key, item in had.items() if item.liked)

    def reason(self, product: str) -> str:
        """One sentence for a product that is in the catalogue."""
        at = self.catalogue.place[product]
        first = [self._popular] if self.by_bias[at] else []
        for attempt in [*first, self._like_rated, self._often, self._like_bought, self._popular]:
            said = attempt(product)
            if said:
                return said
        return self._place(at)

    def _place(self, at: int) -> str:
        """By taste or by what everybody likes, whichever decided; a place in the lower half is called what it is."""
        n, taste, bias = len(self.by_bias), self.taste_order[at], self.bias_order[at]
        of = f"of {n:,} products"
        if self.by_bias[at] and 2 * bias <= n:
            return f"liked by customers in general: number {bias:,} {of} whatever the taste"
        if 2 * taste <= n:
            return f"close to their history as a whole: number {taste:,} {of} by taste alone"
        return f"among what is left: number {taste:,} {of} by taste, number {bias:,} with customers in general"

    def _like_rated(self, product: str) -> str | None:
        return self._like(product, [key for key in self._liked if self.had[key].rating is not None])

    def _like_bought(self, product: str) -> str | None:
        return self._like(product, [key for key in self._liked if self.had[key].rating is None])

    def _like(self, product: str, candidates: Sequence[str]) -> str | None:
        if not candidates:
            return None
        vectors = self.catalogue.vectors
        places = [self.catalogue.place[key] for key in candidates]
        at = self.catalogue.place[product]
        cosines = vectors[places] @ vectors[at]
        nearest = int(cosines.argmax())
        nearer = int((vectors @ vectors[places[nearest]] > cosines[nearest]).sum()) - 1
        if cosines[nearest] <= 0 or nearer >= max(1, NEAR_SHARE * len(vectors)):
            return None
        item = self.had[candidates[nearest]]
        return f"like {self.about[item.product_id].short}, which they {item.words} (similarity {cosines[nearest]:.2f})"

    def _often(self, product: str) -> str | None:
        for found in self.together.get(product, []):
            if found.n >= LEAST_TOGETHER and found.lift >= LEAST_LIFT and not self.had[found.had].returned:
                title = self.about[found.had].short
                return f"often bought with {title}: {found.n:,} of its {found.of:,} customers have both, {found.lift:.1f} times chance"
        return None

    def _popular(self, product: str) -> str | None:
        found = self.popular.get(product)
        if found is None or not found.holds:
            return None
        where = found.category or ("the shop" if found.size >= len(self.by_bias) else "the products without a category")
        return f"popular in {where}: {found.customers:,} customers, number {found.place:,} of {found.size:,}"


def alike(asked: About, other: About, both: Together | None) -> str:
    """What two similar products visibly share: customers, brand, category; else that their texts and customers are alike."""
    shared = []
    if both and both.n >= LEAST_TOGETHER and both.lift >= LEAST_LIFT:
        shared.append(f"{both.n:,} of its {both.of:,} customers have both")
    if asked.category and asked.category == other.category:
        shared.append(f"same category {other.category}")
    if asked.brand and asked.brand == other.brand:
        shared.append(f"same brand {other.brand}")
    return "; ".join(shared) or "near in the joint space of texts and customers"
