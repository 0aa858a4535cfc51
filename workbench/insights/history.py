"""One user's history, as the encoder reads it: purchases, returns and reviews in time order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.errors import WorkbenchError
from workbench.shop.store import Store
from workbench.tasks.histories import KINDS

LIKED_FROM = 4.0


@dataclass(frozen=True)
class Step:
    """One thing a user did with a product; `rating` in stars where it is a review."""

    product_id: str
    kind: str
    happened_at: datetime | None = None
    rating: float | None = None
    review_id: str | None = None

    def json(self) -> dict[str, Any]:
        """The step as the encoder's server reads it."""
        when = self.happened_at.isoformat() if self.happened_at else None
        return {
            "product_id": self.product_id,
            "kind": self.kind,
            "rating": self.rating,
            "review_id": self.review_id,
            "happened_at": when,
        }


@dataclass(frozen=True)
class Held:
    """What a user thinks of a product they have: the newest stars, and whether it went back."""

    product_id: str
    rating: float | None
    returned: bool
    bought: bool

    @property
    def liked(self) -> bool:
        return not self.returned and (self.rating is None or self.rating >= LIKED_FROM)

    @property
    def words(self) -> str:
        """What they did with it: "rated 5 stars", "bought" or "have"."""
        if self.rating is None:
            return "bought" if self.bought else "chose"
        return f"rated {self.rating:g} star{'' if self.rating == 1 else 's'}"


_HISTORY = """
SELECT product_id, kind, happened_at, rating, review_id FROM histories
WHERE user_id = ? AND kind IN (SELECT unnest(?)) ORDER BY happened_at, row_key
"""
_HISTORIES = """
SELECT user_id, product_id, kind, happened_at, rating, review_id FROM histories
WHERE user_id IN (SELECT unnest(?)) AND kind IN (SELECT unnest(?)) ORDER BY user_id, happened_at, row_key
"""
_NEAREST = """
SELECT user_id FROM (SELECT DISTINCT user_id FROM histories UNION SELECT user_id FROM users)
ORDER BY NOT starts_with(lower(user_id), lower(?)), damerau_levenshtein(lower(user_id), lower(?)), user_id LIMIT ?
"""


def history(store: Store, user_id: str) -> list[Step]:
    """A user's steps, oldest first; empty where there are none."""
    return [Step(*row) for row in store.rows(_HISTORY, [user_id, list(KINDS)])]


def histories_of(store: Store, users: Sequence[str]) -> dict[str, list[Step]]:
    """The steps of several users, oldest first."""
    made: dict[str, list[Step]] = {user: [] for user in users}
    for user, *step in store.rows(_HISTORIES, [list(users), list(KINDS)]):
        made[user].append(Step(*step))
    return made


def held(steps: Iterable[Step]) -> dict[str, Held]:
    """Each product of a history once, in the order of its first step, with the user's last word on it."""
    made: dict[str, Held] = {}
    for step in steps:
        before = made.get(step.product_id, Held(step.product_id, None, False, False))
        rating = before.rating if step.rating is None else step.rating
        returned = step.kind == "return" or (before.returned and step.kind != "purchase")
        made[step.product_id] = Held(step.product_id, rating, returned, before.bought or step.kind == "purchase")
    return made


def unknown_user(store: Store, user_id: str) -> WorkbenchError:
    """The error for a user the shop does not know, with the nearest known ids."""
    asked = user_id[:64]
    near = [key for (key,) in store.rows(_NEAREST, [asked, asked, 3])]
    if not near:
        return WorkbenchError(f"There is no user {asked!r}: the shop has no users yet.", "Import orders or reviews that name their user.")
    return WorkbenchError(
        f"There is no user {asked!r}; the nearest known ids are {', '.join(near)}.", "Use one of these ids, or search for part of an id."
    )
