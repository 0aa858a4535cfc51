"""Metrics of a version for people: names, the figure that decides for each task, what can be said of two, all as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.tasks.base import tasks

METRICS = {
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ece": "calibration error",
    "mae_stars": "error in stars",
    "average_precision": "average precision",
    "ndcg_at_10": "NDCG@10",
    "hr_at_10": "hit rate@10",
    "recall_at_10": "recall@10",
    "recall_at_5": "recall@5",
    "recall_at_20": "recall@20",
    "auc": "AUC",
}
BASELINES = {
    "majority": "most frequent label",
    "tfidf_logistic": "TF-IDF, logistic regression",
    "frozen_probe": "frozen encoder, probe",
    "single_task": "this task alone",
    "popularity": "popularity",
    "item_neighbours": "item neighbours",
    "markov": "last item's successor",
    "ease": "EASE",
    "sasrec": "SASRec",
    "rfm_boosting": "RFM, boosting",
}
MODEL = "this version"
LEAST_ROWS = 20
Measured = dict[str, Any]


@dataclass(frozen=True)
class Headline:
    """The metric that decides for a task, and its change against the best baseline that was measured on the same rows."""

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


def title(task: str) -> str:
    """The task's title; its name where the shop made it up."""
    known = tasks().get(task)
    return known.title if known else task


def headlines(metrics: Measured) -> list[Headline]:
    """One for each task that was measured."""
    return [found for task, measured in metrics.get("tasks", {}).items() if (found := _headline(task, measured))]


def _headline(task: str, measured: Measured) -> Headline | None:
    known, figures = tasks().get(task), measured.get("metrics", {})
    wanted = known.metric if known else "macro_f1"
    metric = wanted if wanted in figures else next(iter(figures), None)
    if metric is None:
        return None
    its = figures[metric]
    rivals = {name: found[metric] for name, found in measured.get("baselines", {}).items() if metric in found}
    best = max(rivals, key=lambda name: rivals[name]["value"], default=None)
    change, said = None, ""
    if best is not None:
        paired = measured.get("differences", {}).get(metric, {}).get(best)
        change, said = its["value"] - rivals[best]["value"], verdict(rivals[best], its, paired)
    return Headline(task, title(task), metric, its["value"], its["low"], its["high"], its["n"], best, change, said)


def verdict(before: Measured, after: Measured, paired: Measured | None = None) -> str:
    """Better or worse only beyond chance: the 95 % intervals do not touch, or that of the `paired` difference leaves out 0."""
    if not before:
        return "new"
    if not after:
        return "no longer measured"
    if min(before["n"], after["n"]) < LEAST_ROWS:
        return "too few rows to tell"
    if after["value"] == before["value"]:
        return "unchanged"
    if after["low"] > before["high"] or (paired and paired["low"] > 0):
        return "better"
    if after["high"] < before["low"] or (paired and paired["high"] < 0):
        return "worse"
    return "within the intervals"


def delta(change: float, verdict: str) -> dict[str, Any]:
    """A change as options of `st.metric`: colour and arrow only for better or worse."""
    told = f"{change:+.3f}"
    sure = verdict in ("better", "worse")
    return {
        "delta": "±0" if float(told) == 0 else told,
        "delta_color": "normal" if sure else "off",
        "delta_arrow": "auto" if sure else "off",
    }


def table(metrics: Measured) -> pd.DataFrame:
    """Every figure: task, metric, by (this version or a baseline), value, low, high, n."""
    rows = []
    for task, measured in metrics.get("tasks", {}).items():
        told = {MODEL: measured.get("metrics", {}), **measured.get("baselines", {})}
        for by, figures in told.items():
            for metric, its in figures.items():
                who = BASELINES.get(by, by)
                rows.append((title(task), METRICS.get(metric, metric), who, its["value"], its["low"], its["high"], its["n"]))
    return pd.DataFrame(rows, columns=["task", "metric", "by", "value", "low", "high", "n"])
