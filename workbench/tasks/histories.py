"""Users' histories in time order, and what is held out of them: by leave-one-out, or by a global cut in time.

A shop with purchases is learned from purchases, returns and reviews; one with reviews alone from
those. A target is the first purchase (or review) of a product by a user. Ties in time are broken
by a hash of the row, because a file's own order would leak.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime

from workbench.shop.store import Store
from workbench.tasks.splits import in_time

KINDS = ("purchase", "return", "review")
LEAST_TARGETS = 3
CUTS_AT = [0.8, 0.9]
Step = tuple[datetime, str, str, str, float | None, str | None, float]


@dataclass(frozen=True)
class Cuts:
    """The global cut in time: nothing from `validation` on is learned from, nothing from `test` on chooses what is learned."""

    validation: datetime
    test: datetime

    def split_of(self, when: datetime | None, before: str = "train") -> str:
        """ "validation" or "test" for what happened then; `before` for what came earlier or has no time."""
        if when is None or when < self.validation:
            return before
        return "validation" if when < self.test else "test"


@dataclass
class History:
    """One user's steps in time order; `target[i]` marks the first purchase of a product; `cuts` where the shop is split in time."""

    user: str
    products: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    ratings: list[float | None] = field(default_factory=list)
    reviews: list[str | None] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    paid: list[float] = field(default_factory=list)
    target: list[bool] = field(default_factory=list)
    cuts: Cuts | None = None

    def targets(self) -> list[int]:
        """The positions of the targets, in time order."""
        return [i for i, hit in enumerate(self.target) if hit]

    def held(self, split: str) -> int | None:
        """The position held out for "validation" or "test", None where there is none.

        By leave-one-out the last target but one and the last, for histories that are long enough; split in time
        the first target after the cut, for users with a step before it.
        """
        found = self.targets()
        if self.cuts:
            return next((i for i in found if i and self.cuts.split_of(self.times[i]) == split), None)
        if len(found) < LEAST_TARGETS:
            return None
        return found[-1 if split == "test" else -2]

    def train_end(self) -> int:
        """Steps before this position may be learned from."""
        if self.cuts:
            return bisect_left(self.times, self.cuts.validation)
        held = self.held("validation")
        return len(self.products) if held is None else held


def target_kind(store: Store) -> str:
    """ "purchase" where the shop has purchases, else "review"."""
    return "purchase" if store.value("SELECT 1 FROM events WHERE kind = 'purchase' LIMIT 1") else "review"


def cuts(store: Store) -> Cuts | None:
    """Where the shop is cut in time: before these shares of all first purchases (or reviews) of a product by a user.

    None where rows are split by leave-one-out, or there is nothing to cut.
    """
    if not in_time():
        return None
    found = store.value(
        "SELECT quantile_disc(first, ?) FROM (SELECT min(happened_at) AS first FROM histories WHERE kind = ? GROUP BY user_id, product_id)",
        [CUTS_AT, target_kind(store)],
    )
    return Cuts(*found) if found and found[0] else None


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
    cut = cuts(store)
    return [_history(History(user, cuts=cut), sorted(steps, key=lambda s: s[:2]), wanted) for user, steps in grouped.items()]


def _history(history: History, steps: list[Step], wanted: str) -> History:
    seen = set()
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
