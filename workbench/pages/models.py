"""The versions: how good each is, how it came about, which one is in use; promote, roll back, train another."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, metrics, progress, states, url
from workbench.components.training import LEARNABLE, for_training, start_training, what_can_be_learned
from workbench.pages import _versions
from workbench.registry import ModelVersion, Registry
from workbench.run import Run

TITLE = "Models"
ICON = ":material/deployed_code_history:"
ORDER = 60

HOW = """
Each version is a folder with its weights, its vectors and its figures; nothing in it changes after it was made.

Figures were measured when the version was made, on **test rows** that it never learned from, with a 95 % interval; the
simple methods beside it were measured on the same rows. Versions that were made from different data were tested on
different rows: then only large differences mean something.

**Promoting** makes all pages answer from another version; **rolling back** returns to the one before, model and vectors
together. Both are written into the history.
"""


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    registry = context.registry()
    versions = registry.versions()
    _run()
    if not versions:
        _first()
        return
    active = registry.active()
    _overview(versions, active)
    _compare(versions, active)
    chosen = _one(versions, active)
    _versions.decide(registry, chosen, active)
    with st.expander("Train a new version", icon=":material/model_training:"):
        _train()
    _history(registry)


def _run() -> None:
    """The training that runs now, or the one that the URL names."""
    running = [status.id for status in progress.running()]
    remembered = progress.remembered()
    if remembered and remembered not in running and Run.find(context.home(), remembered).status().kind == "train":
        running.append(remembered)
    for run_id in running:
        progress.watch(run_id)


def _first() -> None:
    if progress.running():
        return
    if not any(context.store().counts().values()):
        states.empty("No model yet", "A model learns from the shop's data, and there is none yet.", "Import data", "data")
        return
    with st.container(border=True):
        st.subheader("No model yet: train the first", anchor=False)
        _train()


# -- training ------------------------------------------------------------------------------------


def _train() -> None:
    learnable = what_can_be_learned()
    found = for_training()
    left, right = st.columns(2, gap="large")
    with left:
        st.dataframe(
            learnable[["title", "state"]],
            hide_index=True,
            alt="What can be learned from this shop",
            column_config={"title": "Task", "state": "Can it be learned?"},
        )
        ready = learnable.loc[learnable["state"] == LEARNABLE, "task"].tolist()
        only = st.multiselect("Only these tasks", ready, format_func=metrics.title, placeholder="all that can be learned", key="only-tasks")
    with right:
        name = st.selectbox("Recipe", list(found), key="recipe", help="How long and with what settings the encoder is trained.")
        settings = [(key, str(value)) for key, value in found[name].asdict().items() if key != "name"]
        st.dataframe(pd.DataFrame(settings, columns=["setting", "value"]), hide_index=True, height=210, alt=f"Settings of recipe {name}")
    if not ready:
        st.text("Nothing can be learned from this shop yet: the table says what is missing.")
    if st.button("Start training", type="primary", key="start-training", icon=":material/play_arrow:", disabled=not ready):
        with states.guard():
            progress.remember(start_training(name, only or None))
            st.rerun()


# -- the versions --------------------------------------------------------------------------------


def _overview(versions: list[ModelVersion], active: ModelVersion | None) -> None:
    frame = _versions.table(versions, active)
    config = {name: st.column_config.NumberColumn(format="%.3f") for name in frame.columns[7:]}
    config["data_version"] = st.column_config.NumberColumn("data")
    config["seconds"] = st.column_config.NumberColumn("took", format="%.0f s")
    downloads.table(frame, "versions", "versions", column_config=config)


def _compare(versions: list[ModelVersion], active: ModelVersion | None) -> None:
    st.subheader("Side by side", anchor=False)
    ids = [v.id for v in versions]
    first = [v.id for v in versions if active and v.id == active.id] + [i for i in ids if not active or i != active.id]
    picked = url.choices("Versions", ids, "versions", first[:2])
    chosen = [v for v in versions if v.id in (picked or first[:2])]
    _versions.compared(chosen)


def _one(versions: list[ModelVersion], active: ModelVersion | None) -> ModelVersion:
    st.subheader("One version", anchor=False)
    ids = [v.id for v in versions]
    name = url.choice("Version", ids, "version", active.id if active else None, segmented=False)
    chosen = next(v for v in versions if v.id == name)
    _versions.facts(chosen)
    return chosen


def _history(registry: Registry) -> None:
    history = registry.history()
    if not history:
        return
    st.subheader("What happened", anchor=False)
    frame = pd.DataFrame(history)[::-1]
    frame["when"] = pd.to_datetime(frame["when"], unit="s").dt.floor("s")
    downloads.table(frame[["when", "who", "action", "version", "before", "why"]], "model-history", "history")
