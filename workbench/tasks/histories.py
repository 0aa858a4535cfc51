"""Users' histories in time order, and what leave-one-out holds out of them.

A shop with purchases is learned from purchases, returns and reviews; one with reviews alone from
those. A target is the first purchase (or review) of a product by a user. Ties in time are broken
by a hash of the row, because a file's own order would leak.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from workbench.shop.store import Store

KINDS = ("purchase", "return", "review")
LEAST_TARGETS = 3
Step = tuple[datetime, str, str, str, float | None, str | None, float]


@dataclass
class History:
    """One user's steps in time order; `target[i]` marks the first purchase of a product."""

    user: str
    products: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    ratings: list[float | None] = field(default_factory=list)
    reviews: list[str | None] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    paid: list[float] = field(default_factory=list)
    target: list[bool] = field(default_factory=list)

    def targets(self) -> list[int]:
        """The positions of the targets, in time order."""
        return [i for i, hit in enumerate(self.target) if hit]

    def held(self, split: str) -> int | None:
        """The position held out for "validation" (last but one) or "test" (last); None for short histories."""
        found = self.targets()
        if len(found) < LEAST_TARGETS:
            return None
        return found[-1 if split == "test" else -2]

    def train_end(self) -> int:
        """Steps before this position may be learned from."""
        held = self.held("validation")
        return len(self.products) if held is None else held


def target_kind(store: Store) -> str:
    """ "purchase" where the shop has purchases, else "review"."""
    return "purchase" if store.value("SELECT 1 FROM events WHERE kind = 'purchase' LIMIT 1") else "review"


def histories(store: Store) -> list[History]:
    """All users' histories, by user id."""
    wanted = target_kind(store)
    rows = store.rows(
        "SELECT user_id, product_id, kind, happened_at, rating, review_id, coalesce(quantity, 1) * coalesce(price, 0), row_key "
        "FROM histories WHERE kind IN ('purchase', 'return', 'review') ORDER BY user_id, happened_at"
    )
    grouped: dict[str, list[Step]] = {}
    for user, product, kind, when, rating, review, paid, key in rows:
        tie = hashlib.sha256(f"{key}".encode()).hexdigest()[:16]
        grouped.setdefault(user, []).append((when, tie, product, kind, rating, review, paid))
    return [_history(user, sorted(steps, key=lambda s: s[:2]), wanted) for user, steps in grouped.items()]


def _history(user: str, steps: list[Step], wanted: str) -> History:
    history, seen = History(user), set()
    for when, _, product, kind, rating, review, paid in steps:
        first = kind == wanted and product not in seen
        if first:
            seen.add(product)
        history.products.append(product)
        history.kinds.append(kind)
        history.ratings.append(rating)
        history.reviews.append(review)
        history.times.append(when)
        history.paid.append(paid)
        history.target.append(first)
    return history


def held_out(store: Store) -> dict[tuple[str, str], str]:
    """(user, product) to "validation" or "test" for every held-out target."""
    held = {}
    for history in histories(store):
        for split in ("validation", "test"):
            at = history.held(split)
            if at is not None:
                held[(history.user, history.products[at])] = split
    return held
