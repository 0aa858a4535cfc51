"""Metrics of a version for people: names, the figure that decides for each task, all of them as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.tasks.base import tasks

METRICS = {
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ndcg_at_10": "NDCG@10",
    "hr_at_10": "hit rate@10",
    "recall_at_10": "recall@10",
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
Measured = dict[str, Any]


@dataclass(frozen=True)
class Headline:
    """The metric that decides for a task, and the best baseline that was measured on the same rows."""

    task: str
    title: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    baseline: str | None
    baseline_value: float | None

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
    rivals = {name: its[metric]["value"] for name, its in measured.get("baselines", {}).items() if metric in its}
    best = max(rivals, key=lambda name: rivals[name], default=None)
    its = figures[metric]
    value = rivals[best] if best is not None else None
    return Headline(task, title(task), metric, its["value"], its["low"], its["high"], its["n"], best, value)


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
