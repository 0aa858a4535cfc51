"""Parts of the page Models: the table of versions, their figures side by side, one version's story, the decision."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import charts, context, metrics, states
from workbench.insights import promotion
from workbench.insights.changes import changes
from workbench.insights.reports.of_model import lineage
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import Space

PAGE = "models"


def table(versions: list[ModelVersion], active: ModelVersion | None) -> pd.DataFrame:
    """One row for each version: how it came about, then the deciding figure of each task."""
    rows: list[dict[str, Any]] = []
    for version in versions:
        info = version.info
        about = {"active": bool(active and active.id == version.id), "version": version.id}
        told = {name: info.get(name) for name in ("kind", "recipe", "data_version", "parent", "seconds")}
        figures = {f"{h.title} · {h.name}": h.value for h in metrics.headlines(version.metrics)}
        rows.append({**about, **told, **figures})
    return pd.DataFrame(rows)


def compared(versions: list[ModelVersion]) -> None:
    """The deciding figure of each task with its interval, for each version and the simple methods."""
    import plotly.graph_objects as go

    told = {version.id: metrics.table(version.metrics) for version in versions}
    frame = pd.concat([t.assign(version=name) for name, t in told.items()], ignore_index=True)
    if frame.empty:
        st.text("These versions were not measured.")
        return
    deciding = {(h.title, h.name) for version in versions for h in metrics.headlines(version.metrics)}
    main = frame[[pair in deciding for pair in zip(frame["task"], frame["metric"], strict=True)]]
    figure = go.Figure()
    for position, (name, label, rows) in enumerate(_series(main, versions)):
        own = label is None
        colour = charts.colour(position) if own else charts.NEUTRAL
        figure.add_scatter(
            x=rows["value"],
            y=[f"{task} · {metric}" for task, metric in zip(rows["task"], rows["metric"], strict=True)],
            name=label or name,
            mode="markers",
            orientation="h",
            offsetgroup=name,
            marker={"color": colour, "size": 12 if own else 9, "symbol": "circle" if own else SYMBOLS[position % len(SYMBOLS)]},
            error_x={"type": "data", "array": rows["high"] - rows["value"], "arrayminus": rows["value"] - rows["low"], "thickness": 1.5},
            hovertemplate="%{x:.3f}<extra>%{fullData.name}</extra>",
        )
    tasks = main["task"].nunique()
    figure.update_layout(xaxis_range=[0, 1.02], scattermode="group", scattergap=0.25, yaxis_autorange="reversed")
    alt = "Figures by task: " + "; ".join(f"{r.by} {r.task} {metrics.digits(r.value)}" for r in main.itertuples())
    charts.show(charts.tidy(figure, height=110 + 22 * tasks * (len(versions) + 2)), key="side-by-side", alt=alt[:900], table=frame)


SYMBOLS = ["diamond-open", "square-open", "triangle-up-open", "x-thin-open", "cross-open", "star-open"]


def _series(main: pd.DataFrame, versions: list[ModelVersion]) -> list[tuple[str, str | None, pd.DataFrame]]:
    """The versions' own figures, then each simple method as the first version measured it."""
    own = [(v.id, None, main[(main["version"] == v.id) & (main["by"] == metrics.MODEL)]) for v in versions]
    simple = main[(main["by"] != metrics.MODEL)].drop_duplicates(["task", "metric", "by"])
    return [*own, *((str(by), str(by), rows) for by, rows in simple.groupby("by", sort=False))]


def facts(version: ModelVersion) -> None:
    """Recipe, lineage, size and what was left out."""
    info = version.info
    left, right = st.columns(2, gap="large")
    with left:
        told = {name: info[name] for name in info if info[name] is not None}
        size = sum(f.stat().st_size for f in version.folder.rglob("*") if f.is_file())
        rows = [(name.replace("_", " "), str(value)) for name, value in told.items()] + [("size", f"{size / 1e6:,.1f} MB")]
        st.dataframe(pd.DataFrame(rows, columns=["about", "value"]), hide_index=True, alt=f"About version {version.id}")
        st.text("Comes from: " + " ← ".join(lineage(context.store(), version)))
        for task, reason in version.metrics.get("left_out", {}).items():
            st.text(f"Not learned: {metrics.title(task)} ({reason}).")
    with right:
        settings = [(name, str(value)) for name, value in version.recipe.items()]
        st.dataframe(pd.DataFrame(settings, columns=["setting", "value"]), hide_index=True, height=248, alt=f"Recipe of {version.id}")


# -- the decision --------------------------------------------------------------------------------


def decide(registry: Registry, chosen: ModelVersion, active: ModelVersion | None) -> None:
    """Promote the chosen version, or roll back from the active one; both ask first; `answer` says what came of it."""
    other = active is None or chosen.id != active.id
    if other and st.button(f"Promote {chosen.id}", type="primary", key="promote", icon=":material/publish:"):
        _ask_promote(registry, chosen, active)
    earlier = registry.previous()
    if active and earlier and st.button("Roll back", key="roll-back", icon=":material/undo:"):
        _ask_rollback(registry, active.id, earlier[-1])


@st.dialog("Promote this version?")
def _ask_promote(registry: Registry, chosen: ModelVersion, active: ModelVersion | None) -> None:
    st.text(f"Every page will answer from {chosen.id}" + (f" instead of {active.id}." if active else "."))
    if active is not None:
        with states.guard():
            store = context.store()
            frame = changes(Space(store, active), Space(store, chosen))
            frame["task"] = frame["task"].map(metrics.title)
            st.dataframe(
                frame,
                hide_index=True,
                alt="What would change",
                column_config={"share": st.column_config.NumberColumn("share", format="percent"), "changed": "rows that change"},
            )
    refused = promotion.refusal(chosen, active)
    if refused:
        st.warning(refused.problem, icon=":material/trending_down:")
    agreed = not refused or st.checkbox("Promote it all the same", key="despite-worse")
    st.text_input("Why (kept in the history)", key="promote-why")
    given = (registry, chosen.id, active.id if active else None, bool(refused))
    if st.button("Promote", type="primary", key="promote-yes", on_click=_promote, args=given, disabled=not agreed):
        st.rerun()


@st.dialog("Roll back?")
def _ask_rollback(registry: Registry, seen: str, earlier: str) -> None:
    st.text(f"{seen} is active. Model and vectors go back to {earlier} together; nothing is deleted.")
    st.text_input("Why (kept in the history)", key="roll-back-why")
    if st.button("Roll back", type="primary", key="roll-back-yes", on_click=_roll_back, args=(registry, seen)):
        st.rerun()


def _promote(registry: Registry, version: str, seen: str | None, despite: bool) -> None:
    """`seen` is what was active when the question was asked: of two people who promote at once, one is told."""
    with states.saying(PAGE):
        promotion.promote(registry, version, expected=seen, why=st.session_state.get("promote-why", ""), despite_worse=despite)
        states.say(PAGE, f"{version} is active now; every page answers from it.")


def _roll_back(registry: Registry, seen: str) -> None:
    with states.saying(PAGE):
        active = registry.rollback(expected=seen, why=st.session_state.get("roll-back-why", ""))
        states.say(PAGE, f"Rolled back: {active.id} is active again.")
