"""The versions: the verdict on one, its figures, how it came about; promote, roll back, measure more, train another."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import context, downloads, metrics, progress, states, url
from workbench.components.training import LEARNABLE, for_training, start_training, what_can_be_learned
from workbench.insights import reports
from workbench.pages import _judgement, _versions
from workbench.registry import ModelVersion, Registry
from workbench.run import Run

TITLE = "Models"
ICON = ":material/deployed_code_history:"
ORDER = 60

HOW = """
Each version is a folder with its weights, its vectors and its figures; nothing that was measured when it was made changes.

All figures are of **test rows** that were never learned from, with a 95 % interval (bootstrap over rows). A difference to
another method is **paired**: both are taken from the same rows. *Better* and *worse* are said only where the interval of the
difference leaves out 0.

**Measure more** adds what takes long: each task trained alone with the same steps, and the same rows with typing errors,
capitals and words out of order. It is kept with the version.

**Promoting** makes all pages answer from another version; **rolling back** returns to the one before, model and vectors
together. Both are written into the history.
"""
RECIPE_HELP = "How long and with what settings the encoder is trained. Masked words take masked_words = true and top_layers = -1."
CARDS = {"HTML": "html", "Markdown": "md"}


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
    chosen = _one(versions, active)
    _judgement.verdict(chosen)
    _decide(registry, chosen, active)
    _judgement.details(chosen)
    st.subheader("All versions", anchor=False)
    _overview(versions, active)
    with st.expander("Side by side", icon=":material/compare:", expanded="versions" in st.query_params):
        _compare(versions, active)
    another = st.expander("Train a new version", icon=":material/model_training:", key="train-another", on_change="rerun")
    if another.open:  # in a large shop it takes seconds to find out what can be learned
        with another:
            _train()
    _history(registry)


def _run() -> None:
    """The trainings and measurements that run now, and the one that the URL names."""
    running = [status.id for status in progress.running()]
    remembered = progress.remembered()
    if remembered and remembered not in running and Run.find(context.home(), remembered).status().kind in ("train", "evaluate"):
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
    found = for_training()
    left, right = st.columns(2, gap="large")
    with right:
        name = st.selectbox("Recipe", list(found), key="recipe", help=RECIPE_HELP)
        settings = [(key, str(value)) for key, value in found[name].asdict().items() if key != "name"]
        st.dataframe(pd.DataFrame(settings, columns=["setting", "value"]), hide_index=True, height=210, alt=f"Settings of recipe {name}")
    with left:
        learnable = what_can_be_learned(found[name])
        st.dataframe(
            learnable[["title", "state"]],
            hide_index=True,
            alt="What can be learned from this shop",
            column_config={"title": "Task", "state": "Can it be learned?"},
        )
        ready = learnable.loc[learnable["state"] == LEARNABLE, "task"].tolist()
        only = st.multiselect("Only these tasks", ready, format_func=metrics.title, placeholder="all that can be learned", key="only-tasks")
    if not ready:
        st.text("Nothing can be learned from this shop yet: the table says what is missing.")
    if st.button("Start training", type="primary", key="start-training", icon=":material/play_arrow:", disabled=not ready):
        with states.guard():
            progress.remember(start_training(name, only or None))
            st.rerun()


# -- one version ---------------------------------------------------------------------------------


def _one(versions: list[ModelVersion], active: ModelVersion | None) -> ModelVersion:
    ids = [v.id for v in versions]
    name = url.choice("Version", ids, "version", active.id if active else None, segmented=False)
    return next(v for v in versions if v.id == name)


def _decide(registry: Registry, chosen: ModelVersion, active: ModelVersion | None) -> None:
    """Promote or roll back, measure more, hand the model card on."""
    if active and chosen.id == active.id:
        st.caption("This version is active: every page answers from it.")
    states.answer(_versions.PAGE)
    with st.container(horizontal=True, vertical_alignment="center"):
        _versions.decide(registry, chosen, active)
        if st.button("Measure more", key="measure-more", icon=":material/labs:", disabled=bool(_measuring(chosen))):
            _ask_measure(chosen)
        for label, kind in CARDS.items():
            st.download_button(
                f"Model card, {label}",
                partial(reports.model, context.store(), chosen, kind),
                file_name=f"model-card-{chosen.id}-{date.today():%Y-%m-%d}.{kind}",
                mime=reports.FORMATS[kind],
                key=f"card-{kind}",
                on_click="ignore",
                icon=":material/description:",
            )


def _measuring(version: ModelVersion) -> list[str]:
    return [s.id for s in progress.running() if s.kind == "evaluate" and s.spec.get("version") == version.id]


@st.dialog("Measure more")
def _ask_measure(version: ModelVersion) -> None:
    st.text(f"Of {version.id}, on the rows it was tested on. It runs beside your work; a training waits for its turn.")
    tuned = version.info.get("kind") == "finetune" or len(version.metrics.get("tasks", {})) < 2
    alone = st.checkbox(
        "Each task trained alone (about as long as the training took, for each task)",
        not tuned,
        disabled=tuned,
        key="measure-alone",
        help="Not for a fine-tuned version or one that learned a single task." if tuned else None,
    )
    noise = st.checkbox("Typing errors, capitals, words out of order (some minutes)", True, key="measure-noise")
    earlier = [v.id for v in context.registry().versions() if _earlier(v, version)]
    against = st.selectbox("Another version, on the same rows (optional)", earlier, index=None, key="measure-against")
    other = st.text_input("On the reviews of another shop: its home, or a file on this machine (optional)", key="measure-other").strip()
    asked = bool(alone or noise or against or other)
    if st.button("Start", type="primary", key="measure-start", disabled=not asked, on_click=_measure, args=(version.id,)):
        st.rerun()


def _earlier(other: ModelVersion, version: ModelVersion) -> bool:
    """Whether `other` can be compared with `version`: it learned from no later data."""
    return other.id != version.id and other.info.get("data_version", 0) <= version.info.get("data_version", 0)


def _measure(version: str) -> None:
    """Start what the dialog asked for; its run is in the URL then."""
    asked = st.session_state
    rivals = ["single_task"] if asked.get("measure-alone") else []
    spec = {"version": version, "rivals": rivals, "robustness": bool(asked.get("measure-noise")), "against": asked.get("measure-against")}
    with states.saying(_versions.PAGE):
        progress.remember(jobs.start(context.home(), "evaluate", {**spec, "other": asked.get("measure-other", "").strip() or None}).id)


# -- all versions --------------------------------------------------------------------------------


def _overview(versions: list[ModelVersion], active: ModelVersion | None) -> None:
    frame = _versions.table(versions, active)
    config = {name: st.column_config.NumberColumn(format="%.3f") for name in frame.columns[7:]}
    config["data_version"] = st.column_config.NumberColumn("data")
    config["seconds"] = st.column_config.NumberColumn("took", format="%.0f s")
    downloads.table(frame, "versions", "versions", column_config=config)


def _compare(versions: list[ModelVersion], active: ModelVersion | None) -> None:
    st.caption("Versions that were made from different data were tested on different rows: then only large differences mean something.")
    ids = [v.id for v in versions]
    first = [v.id for v in versions if active and v.id == active.id] + [i for i in ids if not active or i != active.id]
    picked = url.choices("Versions", ids, "versions", first[:2])
    chosen = [v for v in versions if v.id in (picked or first[:2])]
    _versions.compared(chosen)


def _history(registry: Registry) -> None:
    history = registry.history()
    if not history:
        return
    st.subheader("What happened", anchor=False)
    frame = pd.DataFrame(history)[::-1]
    frame["when"] = [datetime.fromtimestamp(seconds).replace(microsecond=0) for seconds in frame["when"]]
    st.caption(f"Times are of this machine's clock ({datetime.now().astimezone().tzname()}), as everywhere in the workbench.")
    downloads.table(frame[["when", "who", "action", "version", "before", "why"]], "model-history", "history")
