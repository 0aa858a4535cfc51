"""Metrics with intervals, on numpy alone.

Classification as in scikit-learn; `hr_at_k` and `ndcg_at_k` by full ranking with one relevant item
(Järvelin and Kekäläinen 2002), ties counted against the model; intervals by the percentile
bootstrap over rows (Efron 1979). Two figures of the same rows are resampled alike, so that their
difference is paired draw by draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

RESAMPLES = 500
Statistic = Callable[[np.ndarray], float]
_wanted: ContextVar[bool] = ContextVar("intervals", default=True)


class Metric(dict[str, Any]):
    """A figure with its 95 % interval: value, low, high, n; beside them what it was made of.

    `draws` are its resampled values, `statistic` gives it for any of its n rows by their indices.
    """

    def __init__(self, statistic: Statistic, n: int, value: float, draws: np.ndarray) -> None:
        self.statistic, self.draws = statistic, draws
        known = draws[~np.isnan(draws)]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (float("nan"), float("nan"))
        super().__init__(value=value, low=float(low), high=float(high), n=int(n))

    def among(self, rows: np.ndarray) -> Metric:
        """The same figure over some of its rows, by their indices."""
        return bootstrap(lambda i: self.statistic(rows[i]), len(rows))

    def minus(self, other: Metric) -> Metric:
        """The paired difference to `other`, which was measured on the same rows."""
        assert self["n"] == other["n"] and len(self.draws) == len(other.draws), "not of the same rows"
        return Metric(lambda i: self.statistic(i) - other.statistic(i), self["n"], self["value"] - other["value"], self.draws - other.draws)


@contextmanager
def resampling(wanted: bool) -> Iterator[None]:
    """Within the block metrics come with intervals, or (much faster) without: low and high are then nan."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


def bootstrap(statistic: Statistic, n: int, seed: int = 0) -> Metric:
    """`statistic` of all row indices with its 95 % interval; equal n and seed mean equal resamples."""
    random = np.random.default_rng(seed)
    value = float(statistic(np.arange(n))) if n else float("nan")
    draws = [statistic(random.integers(0, n, n)) for _ in range(RESAMPLES)] if n and _wanted.get() else []
    return Metric(statistic, n, value, np.array(draws, float))


def mean(values: np.ndarray) -> Metric:
    """The mean over rows with its interval."""
    return bootstrap(lambda i: float(values[i].mean()), len(values))


def area(truth: np.ndarray, score: np.ndarray) -> Metric:
    """`auc` with its interval."""
    return bootstrap(lambda i: auc(truth[i], score[i]), len(truth))


def macro_f1(truth: np.ndarray, guess: np.ndarray, classes: int) -> float:
    """Mean F1 over the classes present in `truth` or `guess` (shape (rows,) each, class indices)."""
    table = np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)
    total = table.sum(0) + table.sum(1)
    scores = 2 * table.diagonal()[total > 0] / total[total > 0]
    return float(scores.mean()) if len(scores) else float("nan")


def classification(truth: np.ndarray, guess: np.ndarray, classes: int) -> dict[str, Metric]:
    """macro_f1 and accuracy with intervals."""
    n = len(truth)
    return {
        "macro_f1": bootstrap(lambda i: macro_f1(truth[i], guess[i], classes), n),
        "accuracy": mean((truth == guess).astype(float)),
    }


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve by mean ranks (Mann and Whitney 1947); nan where one class is missing."""
    from scipy.stats import rankdata

    positive = truth == 1
    p, q = int(positive.sum()), int((~positive).sum())
    if not p or not q:
        return float("nan")
    return float((rankdata(score)[positive].sum() - p * (p + 1) / 2) / (p * q))


def ranks(scores: np.ndarray, target: np.ndarray, seen: list[list[int]] | None = None) -> np.ndarray:
    """0-based rank of each row's target in `scores` (rows, items); `seen` items are left out, ties count against."""
    scores = scores.copy()
    rows = np.arange(len(target))
    wanted = scores[rows, target].copy()
    if seen is not None:
        for row, items in enumerate(seen):
            scores[row, items] = -np.inf
    scores[rows, target] = wanted
    return np.asarray((scores >= wanted[:, None]).sum(1) - 1)


def ndcg(rank: np.ndarray, k: int = 10) -> np.ndarray:
    """Each row's gain, shape (rows,)."""
    return np.where(rank < k, 1 / np.log2(rank + 2), 0.0)


def ranking(rank: np.ndarray) -> dict[str, Metric]:
    """ndcg_at_10 and hr_at_10 with intervals over users."""
    return {"ndcg_at_10": mean(ndcg(rank)), "hr_at_10": mean((rank < 10).astype(float))}
