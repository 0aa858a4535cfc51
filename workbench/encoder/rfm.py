"""What is known about a customer without a model: recency, frequency, monetary value and their like.

A head on users reads these numbers beside the state, and `rfm_boosting` reads them alone (after
Hughes 1994 and Fader, Hardie and Lee 2005, for whom recency and frequency tell who buys again).
"""

from __future__ import annotations

import numpy as np

NAMES = (
    "recency",
    "tenure",
    "lines",
    "orders",
    "products",
    "money",
    "mean gap",
    "recency in gaps",
    "money of an order",
    "money of the last order",
    "orders in 30 days",
    "orders in 90 days",
    "money in 30 days",
    "money in 90 days",
    "returns",
    "since the last step",
)
NUMBERS = len(NAMES)


def rfm(days: np.ndarray, product: np.ndarray, paid: np.ndarray, bought: np.ndarray, returned: np.ndarray, now: float) -> np.ndarray:
    """Logarithms of one plus each of `NAMES` at the time `now`, (numbers,), float32; zeros for an empty history.

    All arrays are (steps,) in time order and hold what happened before `now`: time in days, product,
    money, whether the step is a purchase (a review where the shop has none) and whether a return.
    """
    if not bought.any():
        return np.zeros(NUMBERS, np.float32)
    at, money = days[bought], np.maximum(paid[bought], 0.0)
    orders = np.unique(at)
    recency, tenure = now - at[-1], now - at[0]
    gap = (at[-1] - at[0]) / max(1, len(orders) - 1)
    found = [recency, tenure, len(at), len(orders), len(np.unique(product[bought])), money.sum(), gap, recency / (gap + 1)]
    found += [money.sum() / len(orders), money[at == at[-1]].sum()]
    found += [np.count_nonzero(orders >= now - window) for window in (30, 90)]
    found += [money[at >= now - window].sum() for window in (30, 90)]
    found += [np.count_nonzero(returned), now - days[-1]]
    return np.log1p(np.maximum(np.array(found, np.float64), 0.0)).astype(np.float32)
