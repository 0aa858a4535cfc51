"""Teach the active model with labelled rows: upload, map, check, start, watch, compare, promote or roll back."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import context, needed, progress, states, tables, url
from workbench.encoder.recipe import recipes
from workbench.jobs.estimate import estimate, in_words
from workbench.pages import _compare, _labelling, _predicting, _settings, _teaching, _texts_file
from workbench.pages._texts_file import Upload
from workbench.registry import ModelVersion
from workbench.run import Run
from workbench.tasks.advice import recommended
from workbench.tasks.labelled import Labelled, store_labels
from workbench.tasks.labelled_rows import TABLES

TITLE = "Fine-tune"
ICON = ":material/model_training:"
ORDER = 40

RECIPE = "finetune"
CHOICES = {
    "head": ("Quick", "Only the answers of this task are learned; how texts are read, other tasks and recommendations stay as they are."),
    "adapters": ("Light", "How texts are read is learned too, by small adapters beside the upper layers; the layers themselves stay."),
    "top": ("Normal", "How texts are read is learned too, in the upper layers; what the model knows is rehearsed beside the new rows."),
    "all": ("Thorough", "Everything that is not frozen is learned, without a version yet every layer; the slowest."),
}
HOW = """
Uploaded rows are checked first: nothing is trained while one label stands alone or labels do not belong to the task.
They are stored with the shop, a snapshot is taken, and a job trains a **new version** on top of the active one; the
active one goes on serving. Rows whose text falls into the test split by its hash are not trained on; where a label has few
rows they are measured on first, and learned afterwards. What the parent knows is rehearsed, and texts are kept close to how it reads them.

**Before and after** measure the parent and the new version on the same test rows, a known task also on the shop's own and on uploaded
rows apart. Ranges are 95 % intervals; *better* or *worse* is only said where the interval of the difference, row by row, does not hold 0.
"""


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    run_id = progress.remembered()
    if run_id is not None:
        _follow(run_id)
        return
    parent, space = context.registry().active(), context.space()
    _last_runs()
    if needed.gone():
        return
    if parent is None:
        st.caption("There is no version yet: what you teach is learned over the bare base, and the result becomes the first version.")
    st.subheader("1 · Labelled rows", anchor=False)
    hint = f"{_texts_file.FORMS}; for sentiment the label may be stars from 1 to 5 or words."
    made = st.session_state.get(_labelling.HERE)
    if made is not None:
        _labelling.back()
    upload = _texts_file.ask("A table with one text and its label in each row", "labelled-file", hint, made=made)
    if upload is None:
        if space is not None and st.session_state.get("labelled-file") is None:
            with states.guard():
                _labelling.show(context.store(), space)
                _predicting.show(space)
        return
    uploads = _teaching.read(upload)
    if uploads:
        _start(upload, uploads, parent)


# -- a run ---------------------------------------------------------------------------------------


def _follow(run_id: str) -> None:
    progress.watch(run_id)
    status = Run.find(context.home(), run_id).status()
    if status.state in ("queued", "running"):
        return
    if status.state == "done" and status.result:
        with states.guard():
            _compare.show(status.result, str(status.spec.get("task", "")))
    with st.expander("Settings of this run", icon=":material/tune:"):
        hidden = ("home", "created", "kind", "snapshot")
        version = (status.result or {}).get("version")
        learned = context.registry().get(str(version)).recipe if version else {}
        rows = [(name, str(value)) for name, value in {**status.spec, **learned}.items() if name not in hidden]
        tables.show(pd.DataFrame(rows, columns=["setting", "value"]), "Settings of this run", "run-settings")
    st.button("Teach it something else", key="again", icon=":material/restart_alt:", on_click=_forget)


def _forget() -> None:
    st.query_params.pop("run", None)


def _last_runs() -> None:
    """A way back to the fine-tuning that runs now, for who came without its link."""
    for status in progress.running():
        if status.kind == "finetune":
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.text(f"A fine-tuning of {status.spec.get('task', '?')} is running: {status.progress.step}.")
                st.button("Watch it", key=f"watch-{status.id}", on_click=progress.remember, args=(status.id,))


# -- how it learns ---------------------------------------------------------------------------------


def _start(upload: Upload, uploads: list[Labelled], parent: ModelVersion | None) -> None:
    st.subheader("4 · How it learns", anchor=False)
    with states.guard():
        _settings.take_kept()
        found = recipes(context.home())
        best, why = recommended(len(uploads[0].rows), parent=parent is not None)
        possible = [key for key in CHOICES if key != "adapters" or parent is None or parent.recipe.get("adapters")]
        choice = url.choice("How thoroughly it learns", possible, "train", best, format_func=lambda key: CHOICES[key][0])
        st.caption(f"{CHOICES[choice][1]} Recommended here is {CHOICES[best][0]}: {why[0].lower()}{why[1:]}")
        if "adapters" not in possible:
            st.caption("Light is not offered: the active version was trained without adapters, and its layers stay as they are built.")
        names = sorted(found, key=lambda name: (name != RECIPE, name))
        recipe = url.choice("Recipe", names, "recipe", RECIPE if RECIPE in found else None)
        _settings.show(found[recipe], parent)
        _estimate(upload.sha, uploads, parent, recipe, choice)
        busy = [status for status in progress.running() if status.kind != "derive"]
        if busy:
            st.caption(f"{progress.name(busy[0])} is running; this job waits for it or slows both down.")
        if st.button("Start fine-tuning", type="primary", icon=":material/play_arrow:", key="start"):
            with st.spinner("Storing the rows and taking a snapshot…"):
                run = _begin(upload, uploads, parent.id if parent else None, recipe, choice)
            st.session_state.pop(_labelling.HERE, None)
            progress.remember(run.id)
            st.rerun()


def _estimate(sha: str, uploads: list[Labelled], parent: ModelVersion | None, recipe: str, choice: str) -> None:
    """On demand: what it will cost, by some seconds of warm-up; kept for this upload and these settings."""
    known = st.session_state.setdefault("estimates", {})
    asked = (sha, uploads[0].task, parent.id if parent else None, recipe, choice)
    if asked not in known and st.button("How long will it take?", key="estimate", icon=":material/timer:"):
        counts = context.store().counts()
        texts, shop = [text for text, _ in uploads[0].rows], sum(counts[table] for table in TABLES) if parent else 0
        how: dict[str, Any] = {"parent": parent.id if parent else None, "recipe": recipe, "train": choice}
        with st.spinner("Warming up: reading and learning from a few rows…"):
            known[asked] = in_words(estimate(context.home(), texts=texts, labels=len(uploads[0].counts), shop=shop, **how))
        st.rerun()
    if asked in known:
        st.text(known[asked])


def _begin(upload: Upload, uploads: list[Labelled], parent: str | None, recipe: str, train: str) -> Run:
    """Store the rows, take a snapshot and start the job."""
    store, home = context.store(), context.home()
    for one in uploads:
        store_labels(store, one, upload.sha, mask=upload.mask)
    spec: dict[str, Any] = {
        "snapshot": str(store.snapshot()),
        "task": uploads[0].family or uploads[0].task,
        "upload": upload.sha,
        "recipe": recipe,
        "train": train,
        "parent": parent,
    }
    of_a_set = [one.task for one in uploads if one.family]
    return jobs.start(home, "finetune", {**spec, **({"tasks": of_a_set} if of_a_set else {})})
