"""Companions: the products that are taken by the same users, as item-to-item weights, and how a history calls on them.

A space of a few hundred dimensions cannot hold every pair that belongs together (a charger and its cable);
a weight for each such pair can. The weights come with the model version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

Taken = tuple[np.ndarray, np.ndarray]
"""The distinct products of one user by their places, in time order, and the days on which each was first taken."""


@dataclass(frozen=True)
class Companions:
    """`weights` (products, products), sparse: what having a product says of every other one.

    What was taken counts half for every `step_life` products taken since, and half for every `day_life` days before
    the latest one. `share`: what the sum counts for in a score.
    """

    weights: Any
    step_life: float = np.inf
    day_life: float = np.inf
    share: float = 1.0

    def scores(self, taken: Sequence[Taken]) -> np.ndarray:
        """What the companions of each row's products add to the score of every product, (rows, products)."""
        size = self.weights.shape[0]
        if not self.share or not size:
            return np.zeros((len(taken), size), np.float32)
        recency = [self._recency(days) for _, days in taken]
        rows = np.repeat(np.arange(len(taken)), [len(r) for r in recency])
        places = np.concatenate([np.zeros(0, np.int64), *(places for places, _ in taken)])
        known = csr_matrix((np.concatenate([np.zeros(0), *recency]), (rows, places)), shape=(len(taken), size), dtype=np.float32)
        return np.asarray((known @ self.weights).toarray() * np.float32(self.share))

    def _recency(self, days: np.ndarray) -> np.ndarray:
        """What each of a user's products counts, (products,)."""
        n = len(days)
        since = days.max() - days if n else days  # an edited history need not be in the order of its days
        return np.asarray(np.exp2(-np.arange(n)[::-1] / self.step_life - since / self.day_life))
