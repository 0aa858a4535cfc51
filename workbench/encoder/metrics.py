"""Metrics with intervals, on numpy alone.

Classification as in scikit-learn; intervals by the percentile bootstrap over rows (Efron 1979). Two figures of the
same rows are resampled alike, so that their difference is paired draw by draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

RESAMPLES = 500
BINS = 15
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


class MacroF1(Metric):
    """A macro F1 that can be asked of some classes alone; `truth` and `guess` (rows,) are class indices."""

    def __init__(self, truth: np.ndarray, guess: np.ndarray, classes: int) -> None:
        self.truth, self.guess, self.classes = truth, guess, classes
        made = bootstrap(lambda i: macro_f1(truth[i], guess[i], classes), len(truth))
        super().__init__(made.statistic, len(truth), made["value"], made.draws)

    def over(self, chosen: np.ndarray) -> Metric:
        """The mean F1 of the classes `chosen`, over all rows."""
        return bootstrap(lambda i: macro_f1(self.truth[i], self.guess[i], self.classes, chosen), len(self.truth))


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


def macro_f1(truth: np.ndarray, guess: np.ndarray, classes: int, chosen: np.ndarray | None = None) -> float:
    """Mean F1 over the classes present in `truth` or `guess` (shape (rows,) each, class indices), or those `chosen` of them."""
    table = np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)
    total = table.sum(0) + table.sum(1)
    known = total > 0 if chosen is None else np.isin(np.arange(classes), chosen) & (total > 0)
    scores = 2 * table.diagonal()[known] / total[known]
    return float(scores.mean()) if len(scores) else float("nan")


def classification(truth: np.ndarray, guess: np.ndarray, classes: int, probabilities: np.ndarray | None = None) -> dict[str, Metric]:
    """macro_f1 and accuracy of the labels shown; ece of the likeliest where `probabilities` (rows, classes) are given."""
    n = len(truth)
    hit = (truth == guess).astype(float)
    made = {"macro_f1": MacroF1(truth, guess, classes), "accuracy": mean(hit)}
    if probabilities is None:
        return made
    sure = probabilities.max(1) if n else np.zeros(0)
    likeliest = (probabilities.argmax(1) == truth).astype(float) if n else np.zeros(0)
    return made | {"ece": calibration(likeliest, sure)}


def calibration(hit: np.ndarray, sure: np.ndarray) -> Metric:
    """`calibration_error` with its interval and, as `bins`, what a calibration plot shows: [mean probability, share of hits, rows]."""
    made = bootstrap(lambda i: calibration_error(hit[i], sure[i]), len(hit))
    place = _bins(sure)
    made["bins"] = [[float(sure[place == b].mean()), float(hit[place == b].mean()), int((place == b).sum())] for b in np.unique(place)]
    return made


def _bins(sure: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum((sure * BINS).astype(int), BINS - 1))


def calibration_error(hit: np.ndarray, sure: np.ndarray) -> float:
    """Expected calibration error in 15 bins of equal width (Guo et al. 2017): mean distance of hits (rows,) and probability (rows,)."""
    if not len(hit):
        return float("nan")
    return float(np.abs(np.bincount(_bins(sure), hit - sure, BINS)).sum() / len(hit))


def median_error(truth: np.ndarray, probabilities: np.ndarray) -> Metric:
    """Mean distance, in steps of an ordered scale (stars), of the median of `probabilities` (rows, steps) to `truth` (rows,)."""
    middle = (np.cumsum(probabilities, 1) < 0.5).sum(1)
    return mean(np.abs(middle - truth).astype(float))


def by_level(truth: np.ndarray, probabilities: np.ndarray, targets: list[list[list[int]]]) -> dict[str, Metric]:
    """Accuracy at each level of a path, `accuracy_level_1` the coarsest; {} where labels have one level.

    `targets` hold for each label its sets of labels from coarse to fine; the probability of a set is
    the sum over its labels, and a path that ends early is that label alone on the levels below: its
    longer relatives are others there.
    """
    depth = max(map(len, targets), default=0)
    made = {}
    for level in range(depth if depth > 1 else 0):
        sets = [tuple(target[level]) if level < len(target) else (label,) for label, target in enumerate(targets)]
        told = {found: probabilities[:, list(found)].sum(1) for found in set(sets)}
        names = sorted(told)
        guess = np.stack([told[name] for name in names], 1).argmax(1)
        place = np.array([names.index(found) for found in sets])
        made[f"accuracy_level_{level + 1}"] = mean((guess == place[truth]).astype(float))
    return made


def binary(truth: np.ndarray, probability: np.ndarray) -> dict[str, Metric]:
    """auc, average_precision and ece of the probability of "yes" (rows,) with intervals."""
    n = len(truth)
    return {
        "auc": area(truth, probability),
        "average_precision": bootstrap(lambda i: average_precision(truth[i], probability[i]), n),
        "ece": calibration(truth.astype(float), probability),
    }


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """Sum of precision times gain of recall over the thresholds, ties taken together, as in scikit-learn; nan without a "yes"."""
    if not truth.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    gain = np.diff(hits[ends], prepend=0) / hits[-1]
    return float((hits[ends] / (ends + 1) * gain).sum())


def recall(rank: np.ndarray) -> dict[str, Metric]:
    """recall_at_k of the one right row by its 0-based rank, the one that speaks for the task first."""
    return {f"recall_at_{k}": mean((rank < k).astype(float)) for k in (10, 5, 20)}


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve by mean ranks (Mann and Whitney 1947); nan where one class is missing."""
    from scipy.stats import rankdata

    positive = truth == 1
    p, q = int(positive.sum()), int((~positive).sum())
    if not p or not q:
        return float("nan")
    return float((rankdata(score)[positive].sum() - p * (p + 1) / 2) / (p * q))
