"""Part of the page Models: how a version's figures hold under noise and for groups of rows, and how it was trained."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import charts, intervals, metrics, progress, tables, url
from workbench.components.downloads import table as shown
from workbench.insights.figures import METRICS, deciding
from workbench.insights.findings import NOISES, WAYS, said
from workbench.insights.reports.of_model import compared_by, elsewhere_table, groups_table, noise_table
from workbench.registry import ModelVersion

SIGNED = {"difference", "from", "to", "difference_low", "difference_high"}
TO_THE_REST = {"better": "above the rest", "worse": "below the rest", "no difference beyond chance": "like the rest, within chance"}


def numbers(frame: pd.DataFrame) -> dict[str, Any]:
    """How the columns of figures are written: three places, differences with their sign."""
    floats = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    return {name: st.column_config.NumberColumn(format="%+.3f" if name.lower() in SIGNED else "%.3f") for name in floats}


def calibration(error: dict[str, Any]) -> None:
    """How often a task is right where it is so sure: nothing for a task without probabilities."""
    bins = pd.DataFrame(error.get("bins", []), columns=["said", "right", "rows"])
    if bins.empty:
        return
    with st.expander(f"How honest its probabilities are: calibration error {metrics.digits(error['value'])}", icon=":material/balance:"):
        st.caption("Where it says 0.8 it should be right in 8 of 10 rows: points on the line are honest, below it too sure of itself.")
        _calibration_chart(bins)
        table = bins.set_axis(["Probability it gave", "Share that was right", "Test rows"], axis=1)
        tables.show(table, "Calibration by probability", "calibration-table", column_config=numbers(table))


def _calibration_chart(bins: pd.DataFrame) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="honest", line={"color": "gray", "dash": "dot"}, hoverinfo="skip")
    size = 8 + 22 * (bins["rows"] / bins["rows"].max()) ** 0.5
    figure.add_scatter(
        x=bins["said"],
        y=bins["right"],
        mode="markers",
        name="test rows (area: how many)",
        marker={"size": size, "color": charts.colour(0)},
        customdata=bins["rows"],
        hovertemplate="said %{x:.2f}, right %{y:.2f}, %{customdata:,} rows<extra></extra>",
    )
    figure.update_layout(
        xaxis={"title": "probability it gave", "range": [0, 1.03]}, yaxis={"title": "share that was right", "range": [0, 1.05]}
    )
    told = "; ".join(f"said {row.said:.2f} right {row.right:.2f} in {row.rows:,} rows" for row in bins.itertuples())
    charts.show(charts.tidy(figure), key="calibration", alt=f"Calibration: {told}")


def robustness(version: ModelVersion) -> None:
    """Figures under noise, and on the reviews of other shops."""
    noise, elsewhere = noise_table(version.measured), elsewhere_table(version.measured)
    if noise.empty and elsewhere.empty:
        st.text("Not measured yet. “Measure more” reads the test rows with typing errors, capitals and words out of order.")
    if len(noise):
        st.caption("The test rows as hurried people would have written them; the change is paired with the texts as they were written.")
        _under_noise(version)
        shown(noise, "robustness", "robustness", right=["Figure and interval", "Change"])
    if len(elsewhere):
        st.markdown("**On the reviews of another shop**")
        shown(elsewhere, "another-shop", "elsewhere", right=["Figure and interval"])


def _under_noise(version: ModelVersion) -> None:
    """The deciding figure of each task, as written and under each noise."""
    told: dict[str, list[tuple[str, dict[str, Any]]]] = {"as written": []}
    for task, found in version.measured["tasks"].items():
        metric = deciding(task, found)
        if "noise" in found and metric:
            label = f"{metrics.title(task)} · {METRICS.get(metric, metric)}"
            told["as written"].append((label, found["metrics"][metric]))
            for noise, its in found["noise"].items():
                told.setdefault(NOISES.get(noise, noise), []).append((label, its["metrics"][metric]))
    series = [intervals.Dots(name, charts.colour(position - 1), rows) for position, (name, rows) in enumerate(told.items())]
    alt = "; ".join(f"{label} {name} {metrics.digits(its['value'])}" for name, rows in told.items() for label, its in rows)
    intervals.show(series, "noise-chart", f"Figures under noise: {alt}", side_by_side=True)


def fairness(version: ModelVersion) -> None:
    """One task's figure by one way to group its rows."""
    tasks = version.measured.get("tasks", {})
    ways = {
        f"{metrics.title(task)} by {WAYS.get(way, way)}": (task, way) for task, found in tasks.items() for way in found.get("groups", {})
    }
    if not ways:
        st.text("The shop's rows form no two groups of 20 test rows or more that could be compared.")
        return
    task, way = ways[url.choice("Figure", list(ways), "groups", segmented=False)]
    told = tasks[task]["groups"][way]
    gap, metric, axis = told["gap"], compared_by(told), METRICS.get(told["metric"], told["metric"])
    st.text(f"Gap: {metrics.digits(gap['value'])} {metric} ({metrics.span(gap)}) from “{gap['lowest']}” to “{gap['highest']}”.")
    rows = [(f"{name} · n {its['n']:,}", its, said(its["rest"], told["metric"])) for name, its in told["groups"].items() if "rest" in its]
    alt = "; ".join(f"{label} {metrics.digits(its['value'])} {TO_THE_REST.get(word, word)}" for label, its, word in rows)
    intervals.show(intervals.by_verdict(rows, TO_THE_REST), "groups-chart", f"{metric} by group: {alt}", axis=axis)
    frame = groups_table({"tasks": {task: {"groups": {way: told}}}}).drop(columns=["Task", "By"])
    shown(frame, "fairness", "fairness", right=["Figure and interval", "Difference to the rest"])


def training(version: ModelVersion) -> None:
    """The validation metric by epoch, or the loss by step."""
    curve = version.curve
    if not curve:
        st.text("This version kept no curve.")
        return
    points = pd.DataFrame([p for p in curve if "value" in p])
    if points.empty or url.choice("Curve", ["On validation rows", "Loss"], "curve", segmented=True) == "Loss":
        progress.losses(curve, key="training-loss")
        return
    _validation(points)
    table = points.pivot_table(index="epoch", columns="task", values="value").rename(columns=metrics.title).reset_index()
    with st.expander("Table", icon=":material/table:"):
        tables.show(table, "Validation metric by epoch", "validation-table", column_config=numbers(table))


def _validation(points: pd.DataFrame) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    for position, (task, rows) in enumerate(points.groupby("task", sort=True)):
        metric = str(rows["metric"].iloc[0])
        name = f"{metrics.title(str(task))} · {METRICS.get(metric, metric)}"
        figure.add_scatter(x=rows["epoch"], y=rows["value"], name=name, mode="lines+markers", line={"color": charts.colour(position)})
    figure.update_layout(xaxis={"title": "epoch", "dtick": 1}, yaxis_title="on validation rows", yaxis_rangemode="tozero")
    latest = ", ".join(f"{task} {metrics.digits(rows['value'].iloc[-1])}" for task, rows in points.groupby("task"))
    charts.show(charts.tidy(figure), key="validation", alt=f"Validation metric by epoch, last: {latest}")
