"""Before and after a fine-tuning: every metric with its interval, what would change for the shop, promote or roll back."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import charts, context, downloads, metrics
from workbench.errors import WorkbenchError
from workbench.insights import promotion
from workbench.insights.changes import shares
from workbench.insights.consequences import Consequences, consequences
from workbench.insights.figures import difference
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import Space
from workbench.tasks.base import tasks
from workbench.tasks.labelled_rows import ORIGIN

_SAID = "promotion-said"


def compare(before: dict[str, Any], after: dict[str, Any]) -> pd.DataFrame:
    """One row for each task and metric: before and after with low and high, the change, n and what can be said of it."""
    rows = []
    for task in sorted({*before, *after}):
        old, new = (found.get(task, {}).get("metrics", {}) for found in (before, after))
        for metric in sorted({*old, *new}):
            b, a = old.get(metric) or {}, new.get(metric) or {}
            change = a["value"] - b["value"] if a and b else None
            values = [b.get("value"), b.get("low"), b.get("high"), a.get("value"), a.get("low"), a.get("high")]
            said = metrics.verdict(b, a, difference(after.get(task, {}), metric, "parent"), metric=metric)
            rows.append([task, metric, *values, change, a.get("n") or b.get("n"), said])
    names = ["task", "metric", "before", "before_low", "before_high", "after", "after_low", "after_high", "change", "n", "verdict"]
    return pd.DataFrame(rows, columns=names).astype({name: "float64" for name in names[2:9]})


def show(result: dict[str, Any], taught: str) -> None:
    """All of a finished fine-tuning, the task that was taught first."""
    frame = compare(result.get("before") or {}, result.get("tasks") or {})
    first = frame["task"] == taught
    frame = pd.concat([frame[first], frame[~first]], ignore_index=True)
    st.subheader("Before and after, on the same test rows", anchor=False)
    if frame.empty:
        st.text("Nothing could be measured.")
    else:
        _main_metrics(frame, taught)
        _by_origin(by_group(result.get("tasks") or {}), taught)
    _decide(str(result["version"]))
    if len(frame):
        _chart(frame)
        downloads.table(frame, "before-and-after", "before-and-after", column_config=_columns())
    _by_group(result.get("tasks") or {})
    for task, reason in (result.get("left_out") or {}).items():
        st.text(f"Not learned: {metrics.title(task)} ({reason}).")
    _consequences(result)


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
    return {**number, **sides, "change": st.column_config.NumberColumn(format="%+.3f")}


def main_metrics(frame: pd.DataFrame) -> pd.DataFrame:
    """The metric that decides for each task; macro F1 for tasks of the shop's own."""
    known = {name: task.metric for name, task in tasks().items()}
    return frame[[known.get(task, "macro_f1") == metric for task, metric in zip(frame["task"], frame["metric"], strict=True)]]


def _main_metrics(frame: pd.DataFrame, taught: str) -> None:
    rows = main_metrics(frame).head(5).to_dict("records")
    for column, row in zip(st.columns(max(1, len(rows))), rows, strict=False):
        change = {} if pd.isna(row["change"]) else metrics.delta(row["change"], row["verdict"])
        value = "–" if pd.isna(row["after"]) else f"{row['after']:.3f}"
        column.metric(metrics.title(row["task"]), value, border=True, **change)
        first = "taught · " if row["task"] == taught else ""
        column.caption(f"{first}{metrics.METRICS.get(row['metric'], row['metric'])} · {row['verdict']} · n {row['n']:,.0f}")


def _by_origin(groups: pd.DataFrame, taught: str) -> None:
    """How the task that was taught does on texts such as were uploaded, and on the shop's own."""
    for row in groups[(groups["by"] == ORIGIN) & (groups["task"] == metrics.title(taught))].itertuples():
        st.text(f"On {row.group}: {row.before:.3f} before, {row.after:.3f} after ({row.verdict}, n {row.n:,}).")


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
        f"{_words(str(r.task), str(r.metric))}: {r.before:.3f} before, {r.after:.3f} after" for r in rows.iloc[::-1].itertuples()
    )
    charts.show(charts.tidy(figure, height=110 + 46 * len(rows)), key="before-after", alt=said)


def _words(task: str, metric: str) -> str:
    return f"{metrics.title(task)} · {metrics.METRICS.get(metric, metric)}"


def _consequences(result: dict[str, Any]) -> None:
    active = context.registry().active()
    version = str(result["version"])
    if active is None or active.id == version:
        return
    store = context.store()
    before, after = Space(store, active), Space(store, context.registry().get(version))
    st.subheader("What promoting it would change", anchor=False)
    st.caption(f"Predictions of {version} against the active {active.id}, over the rows that both have read.")
    found = _found(before, after, (*context.state_key(), version))
    for sentence in found.sentences() or ["No review, alert, segment or recommendation would change."]:
        st.text(sentence)
    named = {"Labels": "tasks", "Reviews": "reviews", "Alerts": "alerts", "Segments": "moved", "Recommendations": "items"}
    shown = {name: getattr(found, table) for name, table in named.items() if len(getattr(found, table))}
    for tab, (name, frame) in zip(st.tabs(list(shown)) if shown else (), shown.items(), strict=True):
        with tab:
            downloads.table(frame, f"changed-{name.lower()}", f"changed-{name.lower()}", column_config=SHARES, most=8)
            if name == "Labels" and "sentiment" in set(frame["task"]):
                downloads.table(shares(before, after, "sentiment"), "sentiment-shares", "shares", column_config=SHARES)


SHARES = {name: st.column_config.NumberColumn(format="percent") for name in ("share", "baseline")}


@st.cache_data(show_spinner="Comparing the two versions over the whole shop…", max_entries=4)
def _found(_before: Space, _after: Space, state: tuple[str, int, str, str]) -> Consequences:
    return consequences(_before.store, _before, _after)


def _decide(version: str) -> None:
    registry = context.registry()
    active = registry.active()
    seen = active.id if active else None
    said = st.session_state.pop(_SAID, None)
    if isinstance(said, WorkbenchError):
        st.error(f"{said.problem} {said.fix}", icon=":material/error:")
    elif said:
        st.success(said, icon=":material/check_circle:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if seen == version:
            st.text(f"{version} is the active version.")
            st.button("Roll back", key="roll-back", icon=":material/undo:", on_click=_roll_back, args=(registry, version))
        else:
            despite = agreed(registry.get(version))
            st.text(f"Active now: {seen or 'none'}")
            icon, given = ":material/publish:", (registry, version, seen, despite)
            st.button("Promote", type="primary", key="promote", icon=icon, on_click=_promote, args=given, disabled=despite is False)


def agreed(version: ModelVersion) -> bool | None:
    """Whether it is agreed that something got worse; None where nothing did."""
    refused = promotion.refusal(version)
    if refused is None:
        return None
    st.warning(refused.problem, icon=":material/trending_down:")
    return st.checkbox("Promote it all the same", key="despite-worse")


def _promote(registry: Registry, version: str, seen: str | None, despite: bool | None) -> None:
    """`seen` is what was active when the button was drawn: of two people who promote at once, one is told."""
    try:
        promotion.promote(registry, version, expected=seen, why="fine-tuning", despite_worse=bool(despite))
        st.session_state[_SAID] = f"{version} is active now; every page answers from it."
    except WorkbenchError as error:
        st.session_state[_SAID] = error


def _roll_back(registry: Registry, version: str) -> None:
    try:
        active = registry.active()
        if active is None or active.id != version:
            raise WorkbenchError(
                f"Nothing was rolled back: {active.id if active else 'no version'} became active in the meantime.",
                "Look at the versions again, then decide.",
            )
        st.session_state[_SAID] = f"Rolled back: {registry.rollback(why='fine-tuning').id} is active again."
    except WorkbenchError as error:
        st.session_state[_SAID] = error
