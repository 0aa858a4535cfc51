"""Part of the page Models: the verdict on a version in a few lines, and what it rests on, one chart with its table at a time."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import intervals, metrics, url
from workbench.components.downloads import table as shown
from workbench.insights.figures import BASELINES, METRICS, deciding, difference
from workbench.insights.findings import Finding, findings, said
from workbench.pages import _measured, _versions
from workbench.registry import ModelVersion

ICONS = {
    "good": ":green[:material/check_circle:]",
    "mixed": ":orange[:material/contrast:]",
    "even": ":gray[:material/equal:]",
    "bad": ":red[:material/error:]",
    "unknown": ":gray[:material/help:]",
}
VIEWS = ["Tasks", "Joint or alone", "Robustness", "Fairness", "Training", "About"]
MOST_SIDE_BY_SIDE = 7


def verdict(version: ModelVersion) -> None:
    """One line for each question, the most important first."""
    with st.container(border=True, gap="xsmall"):
        for finding in findings(version.measured):
            _line(finding)


def _line(finding: Finding) -> None:
    topic, text = st.columns([0.22, 0.78], gap="small")
    topic.markdown(f"{ICONS[finding.state]} **{finding.topic}**")
    text.text(finding.text)


def details(version: ModelVersion) -> None:
    """What the verdict rests on; which part is shown is in the URL."""
    view = url.choice("What it rests on", VIEWS, "show", segmented=True)
    draw = {
        "Tasks": _tasks,
        "Joint or alone": _alone,
        "Robustness": _measured.robustness,
        "Fairness": _measured.fairness,
        "Training": _measured.training,
        "About": _versions.facts,
    }
    draw[view](version)


def _tasks(version: ModelVersion) -> None:
    """One task's deciding figure against every other method, then all figures of all tasks."""
    measured = version.measured
    headlines = {h.task: h for h in metrics.headlines(measured)}
    if not headlines:
        st.text("This version was not measured.")
        return
    task = url.choice("Task", list(headlines), "task", format_func=metrics.title, segmented=len(headlines) <= MOST_SIDE_BY_SIDE)
    told, found = headlines[task], measured["tasks"][task]
    st.markdown(f"**{told.name} {metrics.digits(told.value)}** ({metrics.span(vars(told))}) · n {told.n:,}")
    rivals = found.get("differences", {}).get(told.metric, {})
    _against([_against_rival(found, told.metric, name, BASELINES.get(name, name)) for name in rivals], "Compared with", "against")
    _measured.calibration(found["metrics"].get("ece", {}))
    for name, reason in measured.get("left_out", {}).items():
        st.caption(f"Not learned: {metrics.title(name)} ({reason}).")
    with st.expander("All figures of all tasks", icon=":material/table:"):
        every = metrics.table(measured)
        shown(every, f"metrics-{version.id}", "all-figures", column_config=_measured.numbers(every))


def _alone(version: ModelVersion) -> None:
    """Every task against its own training alone."""
    rows = []
    for task, found in version.measured.get("tasks", {}).items():
        metric = deciding(task, found)
        if metric and difference(found, metric, "single_task"):
            rows.append(_against_rival(found, metric, "single_task", f"{metrics.title(task)} · {METRICS.get(metric, metric)}"))
    if not rows:
        st.text("Not measured yet. “Measure more” trains each task alone: the same backbone and recipe, the same steps.")
        return
    st.caption("Each task here, less the same backbone trained for that task alone with the same recipe and steps, on the same rows.")
    _against(rows, "Task", "alone")


def _against_rival(found: dict[str, Any], metric: str, rival: str, label: str) -> dict[str, Any]:
    """A task's figure against a rival's: label, both figures, the paired difference, what can be said of it."""
    paired, here = found["differences"][metric][rival], found["metrics"][metric]["value"]
    return {"label": label, "here": here, "there": here - paired["value"], "paired": paired, "word": said(paired, metric)}


def _against(rows: list[dict[str, Any]], label: str, key: str) -> None:
    """Paired differences around 0, and the table of them."""
    if not rows:
        st.text("No other method was measured on these rows.")
        return
    series = intervals.by_verdict([(row["label"], row["paired"], row["word"]) for row in rows], {})
    alt = "; ".join(f"{row['label']} {metrics.digits(row['paired']['value'], signed=True)} {row['word']}" for row in rows)
    intervals.show(
        series, f"{key}-chart", f"Differences to other methods: {alt}", axis="this version less the other, 95 % interval", zero=True
    )
    columns = [label, "This version", "The other", "Difference", "From", "To", "n", "This version is"]
    told = [
        [
            row["label"],
            row["here"],
            row["there"],
            *(row["paired"][k] for k in ("value", "low", "high", "n")),
            row["word"],
        ]
        for row in rows
    ]
    frame = pd.DataFrame(told, columns=columns)
    shown(frame, key, key, column_config=_measured.numbers(frame))
