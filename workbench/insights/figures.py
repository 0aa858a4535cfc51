"""A version's figures for people: names, the figure that decides for each task, what can be said of two, all as a table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

from workbench.tasks.base import tasks

RANKED = {
    **{f"ndcg_at_{k}": f"NDCG@{k}" for k in (5, 10, 20)},
    **{f"hr_at_{k}": f"hit rate@{k}" for k in (5, 10, 20)},
    "mrr": "mean reciprocal rank",
}
METRICS = {
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ece": "calibration error",
    "mae_stars": "error in stars",
    **RANKED,
    **{f"cold_{name}": f"{words} on cold products" for name, words in RANKED.items()},
    "coverage_at_10": "share of the catalogue shown",
    "popularity_bias": "popularity above what was taken",
    "recall_at_5": "recall@5",
    "recall_at_10": "recall@10",
    "recall_at_20": "recall@20",
    "auc": "AUC",
    "average_precision": "average precision",
    **{f"accuracy_level_{level}": f"accuracy, level {level}" for level in range(1, 7)},
}
LOWER_IS_BETTER = {"ece", "mae_stars", "popularity_bias"}
BASELINES = {
    "majority": "most frequent label",
    "tfidf_logistic": "TF-IDF, logistic regression",
    "frozen_probe": "frozen encoder, probe",
    "frozen_nearest": "frozen encoder, nearest text",
    "frozen_centroids": "frozen encoder, centroids",
    "tfidf_centroids": "TF-IDF, centroids",
    "single_task": "this task alone",
    "popularity": "popularity",
    "item_neighbours": "item neighbours",
    "markov": "last item's successor",
    "ease": "EASE",
    "sasrec": "SASRec",
    "rfm_boosting": "RFM, boosting",
    "rfm_boosting_tuned": "RFM, boosting, tuned",
    "parent": "its parent",
}
SIMPLE = BASELINES.keys() - {"single_task", "parent"}
MODEL = "this version"
LEAST_ROWS = 20
TOO_FEW = "too few rows to tell"
Measured = dict[str, Any]


@dataclass(frozen=True)
class Headline:
    """The metric that decides for a task, and its change against the best simple method that was measured on the same rows."""

    task: str
    title: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    baseline: str | None
    change: float | None
    verdict: str

    @property
    def name(self) -> str:
        return METRICS.get(self.metric, self.metric)

    @property
    def baseline_name(self) -> str:
        return BASELINES.get(self.baseline or "", self.baseline or "")


def digits(value: Any, *, signed: bool = False) -> str:
    """A number in three digits, halves rounded away from 0 as tables and charts do in a browser: 0.8125 is 0.813 everywhere."""
    rounded = Decimal(float(value)).quantize(Decimal("0.001"), ROUND_HALF_UP)
    return f"{rounded:{'+' if signed else ''}f}".lower()


def span(its: Measured, *, signed: bool = False) -> str:
    """The interval of a figure: 0.270 to 0.350."""
    return f"{digits(its['low'], signed=signed)} to {digits(its['high'], signed=signed)}"


def title(task: str) -> str:
    """The task's title; its name where the shop made it up."""
    known = tasks().get(task)
    return known.title if known else task


def deciding(task: str, measured: Measured) -> str | None:
    """The metric that decides for a task; the first one where the task's own was not measured."""
    known, figures = tasks().get(task), measured.get("metrics", {})
    wanted = known.metric if known else "macro_f1"
    return wanted if wanted in figures else next(iter(figures), None)


def headlines(metrics: Measured) -> list[Headline]:
    """One for each task that was measured."""
    return [found for task, measured in metrics.get("tasks", {}).items() if (found := _headline(task, measured))]


def _headline(task: str, measured: Measured) -> Headline | None:
    metric = deciding(task, measured)
    if metric is None:
        return None
    its, (best, rival) = measured["metrics"][metric], best_rival(measured, metric)
    change, said = None, ""
    if best is not None:
        change = its["value"] - rival["value"]
        said = verdict(rival, its, difference(measured, metric, best), metric=metric)
    return Headline(task, title(task), metric, its["value"], its["low"], its["high"], its["n"], best, change, said)


def best_rival(measured: Measured, metric: str) -> tuple[str | None, Measured]:
    """The best of the simple methods by a metric with its figure; (None, {}) where none was measured.

    The same backbone trained for this task alone and other versions are no simple methods: they answer other questions.
    """
    rivals = {name: found[metric] for name, found in measured.get("baselines", {}).items() if metric in found and name in SIMPLE}
    sign = -1 if metric in LOWER_IS_BETTER else 1
    best = max(rivals, key=lambda name: sign * rivals[name]["value"], default=None)
    return best, rivals.get(best or "", {})


def difference(measured: Measured, metric: str, rival: str) -> Measured | None:
    """The paired difference to a rival on the same rows, where it was measured."""
    found: Measured | None = measured.get("differences", {}).get(metric, {}).get(rival)
    return found


def verdict(before: Measured, after: Measured, paired: Measured | None = None, *, metric: str = "") -> str:
    """Better or worse only beyond chance: the 95 % interval of the `paired` difference leaves out 0, or without one the two
    intervals do not touch."""
    if not before:
        return "new"
    if not after:
        return "no longer measured"
    if min(before["n"], after["n"]) < LEAST_ROWS:
        return TOO_FEW
    if after["value"] == before["value"]:
        return "unchanged"
    low, high = (paired["low"], paired["high"]) if paired else (after["low"] - before["high"], after["high"] - before["low"])
    up, down = ("worse", "better") if metric in LOWER_IS_BETTER else ("better", "worse")
    return up if low > 0 else down if high < 0 else "no difference beyond chance"


def table(metrics: Measured) -> pd.DataFrame:
    """Every figure: task, metric, by (this version or a baseline), value, low, high, n; of a baseline also the paired
    difference of this version to it with low and high, and what can be said of it."""
    rows = []
    for task, measured in metrics.get("tasks", {}).items():
        figures = measured.get("metrics", {})
        for by, found in {MODEL: figures, **measured.get("baselines", {}), **_of_differences(measured)}.items():
            for metric, its in found.items():
                paired = difference(measured, metric, by) or {}
                known = by != MODEL and metric in figures
                said = verdict(its, figures[metric], paired or None, metric=metric) if known else ""
                values = [its["value"], its["low"], its["high"], its["n"], paired.get("value"), paired.get("low"), paired.get("high")]
                rows.append((title(task), METRICS.get(metric, metric), BASELINES.get(by, by), *values, said))
    names = ["task", "metric", "by", "value", "low", "high", "n", "difference", "difference_low", "difference_high", "verdict"]
    return pd.DataFrame(rows, columns=names).astype({name: "float64" for name in names[7:10]})


def _of_differences(measured: Measured) -> dict[str, Measured]:
    """The figures of rivals of which only the difference was kept, without intervals: {rival: {metric: figure}}."""
    made: dict[str, Measured] = {}
    for metric, to in measured.get("differences", {}).items():
        for rival in to.keys() - measured.get("baselines", {}).keys():
            value = measured["metrics"][metric]["value"] - to[rival]["value"]
            made.setdefault(rival, {})[metric] = {"value": value, "low": float("nan"), "high": float("nan"), "n": to[rival]["n"]}
    return made
