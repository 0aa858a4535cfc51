"""A run as it goes: share done, step, time left, live loss, cancel; how it ended, and how to go on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import charts, states, tables
from workbench.components.context import home
from workbench.components.metrics import METRICS, title
from workbench.run import Run, RunStatus, runs

EVERY_SECONDS = 1.0
POINTS = 400
KEPT = "close to parent"  # the loss of what keeps a fine-tuning close to its parent
NAMES = {
    "train": "Training",
    "finetune": "Fine-tuning",
    "tune": "Search for a recipe",
    "embed": "Reading new rows",
    "derive": "Finding segments and topics",
    "evaluate": "Measuring more",
    "import": "Reading a file",
}


def watch(run_id: str) -> None:
    """Follow the run with this id until it ends; then say how it ended. A reload finds it again by its id."""
    status = Run.find(home(), run_id).status()
    if status.state in ("queued", "running"):
        st.fragment(_live, run_every=EVERY_SECONDS)(run_id)
    else:
        _ended(status)


def running() -> list[RunStatus]:
    """The runs that wait or work now, newest first."""
    found = (run.status() for run in runs(home()) if not run.ended())
    return [status for status in found if status.state in ("queued", "running")]


def remember(run_id: str) -> None:
    """Put the run's id into the URL, so that a reload or a link comes back to it."""
    st.query_params["run"] = run_id


def remembered() -> str | None:
    """The run that the URL names, where this home has it."""
    run_id = st.query_params.get("run", "")
    return run_id if run_id and (home().runs / run_id / "spec.json").exists() and "/" not in run_id else None


def name(status: RunStatus) -> str:
    return NAMES.get(status.kind, status.kind.capitalize())


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 3 min, 1 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def line(status: RunStatus) -> str:
    """One line: share done, time spent, time left."""
    progress = status.progress
    left = f", about {duration(progress.left)} left" if progress.left else ""
    return f"{progress.done:.0%} · {duration(progress.seconds)} so far{left}"


def _live(run_id: str) -> None:
    run = Run.find(home(), run_id)
    status = run.status()
    if status.state not in ("queued", "running"):
        st.rerun()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{name(status)}** · `{run_id}`")
            asked = run.cancel_asked()
            if st.button("Cancelling…" if asked else "Cancel", disabled=asked, key=f"cancel-{run_id}", icon=":material/stop_circle:"):
                jobs.cancel(home(), run_id)
                st.rerun(scope="fragment")
        st.progress(min(1.0, max(0.0, status.progress.done)), text=status.progress.step)
        st.caption(line(status))
        curve = run.curve()
        losses(curve, key=f"curve-{run_id}")
        _validation(curve, key=f"validation-{run_id}")


def losses(curve: list[dict[str, Any]], key: str) -> None:
    """The loss of each task against the step, as a share of its first: tasks whose losses differ in size stand side by side."""
    frame = pd.DataFrame([p for p in curve if "loss" in p])
    if frame.empty:
        return
    first = frame.groupby("task")["loss"].transform("first")
    frame["share"] = frame["loss"] / first.where(first > 0)
    import plotly.graph_objects as go

    figure = go.Figure()
    for position, (task, points) in enumerate(frame.groupby("task", sort=True)):
        thinned = points.iloc[:: max(1, len(points) // POINTS)]
        figure.add_scatter(
            x=thinned["step"], y=thinned["share"], name=_named(str(task)), mode="lines", line={"color": charts.colour(position)}
        )
    figure.update_layout(xaxis_title="step", yaxis_title="loss, 1 at the beginning", yaxis_rangemode="tozero")
    latest = ", ".join(f"{task} {points['loss'].iloc[-1]:.3g}" for task, points in frame.groupby("task"))
    charts.show(charts.tidy(figure, height=260), key=key, alt=f"Training loss by task, latest: {latest}")


def validation(curve: list[dict[str, Any]]) -> pd.DataFrame:
    """How good each task is on the validation rows: its metric at first and after the latest epoch; nan where none can be spared."""
    points = pd.DataFrame([p for p in curve if "metric" in p])
    columns = ["task", "metric", "first", "latest", "epoch"]
    if points.empty:
        return pd.DataFrame(columns=columns)
    found = points.groupby("task", sort=True).agg(
        metric=("metric", "last"), first=("value", lambda x: x.iloc[0]), latest=("value", lambda x: x.iloc[-1]), epoch=("epoch", "last")
    )
    return found.reset_index()[columns]


def _validation(curve: list[dict[str, Any]], key: str) -> None:
    frame = validation(curve)
    if frame.empty:
        return
    st.caption(f"On the validation rows, after epoch {frame['epoch'].max():.0f}")
    shown = frame.drop(columns="epoch").assign(task=frame["task"].map(_named), metric=[METRICS.get(name, name) for name in frame["metric"]])
    number = {name: st.column_config.NumberColumn(format="%.3f") for name in ("first", "latest")}
    tables.show(shown, "Validation metrics by task", key, column_config=number)
    if frame["latest"].isna().any():
        st.caption("Where few rows carry a label none of them is spared for this; they are measured at the end.")


def _named(task: str) -> str:
    return "closeness to the parent" if task == KEPT else title(task)


def _ended(status: RunStatus) -> None:
    with st.container(border=True):
        if status.state == "done":
            version = (status.result or {}).get("version")
            st.markdown(f":green[:material/check_circle: **{name(status)} is done**]" + (f" · `{version}`" if version else ""))
            for note in (status.result or {}).get("notes", []):
                st.text(note)
            return
        what = "was cancelled" if status.state == "cancelled" else "failed"
        st.markdown(f":orange[:material/warning: **{name(status)} {what}**] · `{status.id}`")
        st.text(status.problem or "")
        st.text(status.page or "")
        log = Run.find(home(), status.id).last_words() if status.state == "failed" else ""
        if log:
            with st.expander("The end of its log.txt", icon=":material/notes:"):
                st.text(log)
        with st.container(horizontal=True):
            if status.resumable and st.button("Resume", key=f"resume-{status.id}", icon=":material/restart_alt:"):
                with states.guard():
                    jobs.resume(home(), status.id)
                    st.rerun()
            if status.kind != "import":  # its file is taken off the list instead
                st.button("Dismiss", key=f"dismiss-{status.id}", icon=":material/close:", on_click=_dismiss, args=(status.id,))


def _dismiss(run_id: str) -> None:
    Run.find(home(), run_id).dismiss()
    st.query_params.pop("run", None)
