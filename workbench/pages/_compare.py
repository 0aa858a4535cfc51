"""Before and after a fine-tuning: every metric with its interval, by group too."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import charts, downloads, metrics
from workbench.insights.figures import difference
from workbench.pages import _promoting
from workbench.tasks.base import tasks
from workbench.tasks.labelled_rows import ORIGIN

CARDS = 4  # in a row


def compare(before: dict[str, Any], after: dict[str, Any]) -> pd.DataFrame:
    """One row for each task and metric: before, after and, where it was paired, the change, each with low and high; n and the verdict."""
    rows = []
    for task in sorted({*before, *after}):
        old, new = (found.get(task, {}).get("metrics", {}) for found in (before, after))
        for metric in sorted({*old, *new}):
            b, a = old.get(metric) or {}, new.get(metric) or {}
            change = a["value"] - b["value"] if a and b else None
            values = [b.get("value"), b.get("low"), b.get("high"), a.get("value"), a.get("low"), a.get("high")]
            paired = difference(after.get(task, {}), metric, "parent") or {}
            said = metrics.verdict(b, a, paired or None, metric=metric)
            between = [change, paired.get("low"), paired.get("high")] if b else [None] * 3
            rows.append([task, metric, *values, *between, a.get("n") or b.get("n"), said])
    figures = [name + side for name in ("before", "after", "change") for side in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["task", "metric", *figures, "n", "verdict"]).astype(dict.fromkeys(figures, "float64"))


def show(result: dict[str, Any], taught: str) -> None:
    """All of a finished fine-tuning, the task that was taught first."""
    frame = _in_order(compare(result.get("before") or {}, result.get("tasks") or {}), taught)
    st.subheader("Before and after, on the same test rows", anchor=False)
    if frame.empty:
        st.text("Nothing could be measured.")
    else:
        _main_metrics(frame, taught)
        _by_origin(by_group(result.get("tasks") or {}), taught)
    _promoting.decide(str(result["version"]))
    if len(frame):
        _chart(frame)
        downloads.table(_in_names(frame), "before-and-after", "before-and-after", column_config=_columns())
    _by_group(result.get("tasks") or {})
    for task, reason in (result.get("left_out") or {}).items():
        st.text(f"Not learned: {metrics.title(task)} ({reason}).")
    _promoting.consequences_of(str(result["version"]))


def by_group(tasks_after: dict[str, Any]) -> pd.DataFrame:
    """The deciding figure by language, category and other groups: before, after, the paired change with low and high, what can be said."""
    rows = []
    for task, found in tasks_after.items():
        for way, told in found.get("groups", {}).items():
            for name, its in told["groups"].items():
                paired = its.get("parent")
                if paired:
                    verdict = metrics.verdict({**its, "value": its["value"] - paired["value"]}, its, paired, metric=told["metric"])
                    change = [its["value"] - paired["value"], its["value"], paired["value"], paired["low"], paired["high"], its["n"]]
                    rows.append([metrics.title(task), way, name, *change, verdict])
    return pd.DataFrame(rows, columns=["task", "by", "group", "before", "after", "change", "low", "high", "n", "verdict"])


def _by_group(tasks_after: dict[str, Any]) -> None:
    frame = by_group(tasks_after)
    if frame.empty:
        return
    frame = frame.sort_values("verdict", key=lambda said: said != "worse", kind="stable")
    worse = int((frame["verdict"] == "worse").sum())
    said = f"{worse} got worse beyond chance" if worse else "none got worse beyond chance"
    with st.expander(f"By language, category, customers and origin: of {len(frame)} groups {said}", icon=":material/groups:"):
        config = {name: st.column_config.NumberColumn(format="%+.3f") for name in ("change", "low", "high")}
        downloads.table(frame, "before-and-after-by-group", "by-group", column_config={**_columns(), **config}, most=12)


def _columns() -> dict[str, Any]:
    number = {name: st.column_config.NumberColumn(format="%.3f") for name in ("before", "after")}
    sides = {
        f"{when}_{side}": st.column_config.NumberColumn(f"{when}, {side}", format="%.3f")
        for when in ("before", "after")
        for side in ("low", "high")
    }
    signed = {
        name: st.column_config.NumberColumn(label, format="%+.3f")
        for name, label in (("change", "change"), ("change_low", "change, low"), ("change_high", "change, high"))
    }
    return {**number, **sides, **signed, "n": st.column_config.NumberColumn(format="localized")}


def main_metrics(frame: pd.DataFrame) -> pd.DataFrame:
    """The metric that decides for each task; macro F1 for tasks of the shop's own."""
    known = {name: task.metric for name, task in tasks().items()}
    return frame[[known.get(task, "macro_f1") == metric for task, metric in zip(frame["task"], frame["metric"], strict=True)]]


def _in_order(frame: pd.DataFrame, taught: str) -> pd.DataFrame:
    """The task that was taught first, then those that got worse by their deciding metric, then by their number of test rows."""
    main = main_metrics(frame).set_index("task")
    worse = frame["task"].map(main["verdict"]) != "worse"
    keys = pd.DataFrame({"other": frame["task"] != taught, "fine": worse, "few": -frame["task"].map(main["n"]).fillna(0)})
    return frame.loc[keys.sort_values(["other", "fine", "few"], kind="stable").index].reset_index(drop=True)


def _in_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with tasks and metrics under the names that people know, what decides before the ranges of each side."""
    named = frame.assign(task=frame["task"].map(metrics.title), metric=[metrics.METRICS.get(name, name) for name in frame["metric"]])
    sides = [f"{when}_{side}" for when in ("before", "after") for side in ("low", "high")]
    return named[[name for name in named.columns if name not in sides] + sides]


def _main_metrics(frame: pd.DataFrame, taught: str) -> None:
    """A card for each task."""
    rows: list[Any] = main_metrics(frame).to_dict("records")
    for first in range(0, len(rows), CARDS):
        for column, row in zip(st.columns(CARDS), rows[first : first + CARDS], strict=False):
            _card(column, row, taught)


def _card(place: Any, row: dict[str, Any], taught: str) -> None:
    change = {} if pd.isna(row["change"]) else metrics.delta(row["change"], row["verdict"])
    value = "–" if pd.isna(row["after"]) else metrics.digits(row["after"])
    place.metric(metrics.title(row["task"]), value, border=True, **change)
    said = ["taught"] if row["task"] == taught else []
    said += [metrics.METRICS.get(row["metric"], row["metric"]), row["verdict"], f"n {row['n']:,.0f}"]
    if not pd.isna(row["change_low"]):
        said.insert(-1, f"{metrics.digits(row['change_low'], signed=True)} to {metrics.digits(row['change_high'], signed=True)}")
    if row["n"] < metrics.LEAST_ROWS and row["verdict"] != metrics.TOO_FEW:
        said.append(metrics.TOO_FEW)
    elif row["n"] >= metrics.LEAST_ROWS and not change and not pd.isna(row["after_low"]):
        said.insert(-1, f"{row['after_low']:.2f} to {row['after_high']:.2f}")
    place.caption(" · ".join(said))


def _by_origin(groups: pd.DataFrame, taught: str) -> None:
    """How the task that was taught does on texts such as were uploaded, and on the shop's own."""
    for row in groups[(groups["by"] == ORIGIN) & (groups["task"] == metrics.title(taught))].itertuples():
        st.text(f"On {row.group}: {metrics.digits(row.before)} before, {metrics.digits(row.after)} after ({row.verdict}, n {row.n:,}).")


def _chart(frame: pd.DataFrame) -> None:
    import plotly.graph_objects as go

    rows = main_metrics(frame).iloc[::-1]
    if rows.empty:
        return
    figure = go.Figure()
    for when, colour, symbol in (("before", charts.NEUTRAL, "circle-open"), ("after", charts.POSITIVE, "circle")):
        figure.add_scatter(
            x=rows[when],
            y=[_words(task, metric) for task, metric in zip(rows["task"], rows["metric"], strict=True)],
            name=when,
            mode="markers",
            orientation="h",
            offsetgroup=when,
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2}},
            error_x={"type": "data", "array": rows[f"{when}_high"] - rows[when], "arrayminus": rows[when] - rows[f"{when}_low"]},
        )
    figure.update_layout(xaxis_range=[0, 1.02], scattermode="group", scattergap=0.5)
    said = "; ".join(
        f"{_words(str(r.task), str(r.metric))}: {metrics.digits(r.before)} before, {metrics.digits(r.after)} after"
        for r in rows.iloc[::-1].itertuples()
    )
    charts.show(charts.tidy(figure, height=110 + 46 * len(rows)), key="before-after", alt=said)


def _words(task: str, metric: str) -> str:
    return f"{metrics.title(task)} · {metrics.METRICS.get(metric, metric)}"
