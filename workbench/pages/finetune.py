"""Teach the active model with labelled rows: upload, map, check, start, watch, compare, promote or roll back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import context, downloads, progress, states, tables, url
from workbench.encoder.recipe import recipes
from workbench.pages import _compare, _labelling
from workbench.registry import ModelVersion
from workbench.run import Run
from workbench.tasks.labelled import Labelled, known_labels, read_labelled, store_labels, task_name, teachable, unknown_labels
from workbench.tasks.tables import ENCODINGS, Table, propose, read_table, two_columns

TITLE = "Fine-tune"
ICON = ":material/model_training:"
ORDER = 40

OWN = "a task of your own…"
LEAVE_OUT, AS_NEW = "leave these rows out", "learn as a new label"
PREVIEW = 200
SEEN = 6
MOST_MAPPED = 30
RECIPE = "finetune"
CHOICES = {
    "head": ("Head", "Only this task's last layer learns. All vectors, recommendations and other tasks stay as they are; the quickest."),
    "top": ("Top", "The shared text layers learn too, with all text tasks rehearsed beside the new rows. Recommended."),
    "all": ("All", "Everything above the frozen layers learns, customers' and products' own parts included; the slowest."),
}
HOW = """
Uploaded rows are checked first: nothing is trained while one label stands alone or labels do not belong to the task.
They are stored with the shop, a snapshot is taken, and a job trains a **new version** on top of the active one; the
active one goes on serving. Rows whose text falls into the test split by its hash are never trained on.

**Before and after** measure the parent and the new version on the same test rows. Ranges are 95 % intervals;
*better* or *worse* is only said where they do not touch.
"""


@dataclass(frozen=True)
class Upload:
    """An uploaded file as it was read: its bytes, their SHA-256 and the table in them."""

    content: bytes
    sha: str
    table: Table


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    run_id = progress.remembered()
    if run_id is not None:
        _follow(run_id)
        return
    space = states.need_model()
    parent = context.registry().active()
    assert parent is not None
    _last_runs()
    upload = _upload()
    if upload is None:
        with states.guard():
            _labelling.show(context.store(), space)
        return
    labelled = _read(upload)
    if labelled is not None:
        _start(upload, labelled, parent)


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
        hidden = ("home", "created", "kind")
        rows = [(name, str(value)) for name, value in status.spec.items() if name not in hidden]
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


# -- the file --------------------------------------------------------------------------------------


def _upload() -> Upload | None:
    st.subheader("1 · Labelled rows", anchor=False)
    given = st.file_uploader(
        "A table with one text and its label in each row",
        type=["csv", "tsv", "txt", "jsonl", "xlsx", "parquet", "gz", "zip"],
        key="labelled-file",
    )
    if given is None:
        st.caption("CSV, TSV, JSON lines, XLSX or Parquet; for sentiment the label may be stars from 1 to 5 or words.")
        return None
    content = given.getvalue()
    sha = hashlib.sha256(content).hexdigest()
    encoding = st.session_state.get(f"encoding-{sha}")
    found: Upload | None = None
    with states.guard(), st.spinner("Reading the file…"):
        found = Upload(content, sha, _table(sha, content, encoding))
    if found is None or found.table.encoding is not None:
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        left.text(found.table.words if found else "")
        right.selectbox("Encoding", [None, *ENCODINGS], format_func=lambda e: e or "as detected", key=f"encoding-{sha}")
    elif found:
        st.text(found.table.words)
    if found:
        head = found.table.frame.head(PREVIEW)
        alt = f"The first rows of the file, {PREVIEW} at most"
        st.dataframe(head, height=tables.height(len(head), most=SEEN), alt=alt, placeholder="")  # headed as the file is
    return found


@st.cache_resource(show_spinner=False, max_entries=4)
def _table(sha: str, _content: bytes, encoding: str | None) -> Table:
    # the SHA-256 stands for the content, which is not hashed again
    return two_columns(read_table(_content, encoding))


# -- what its columns mean -----------------------------------------------------------------------


def _read(upload: Upload) -> Labelled | None:
    st.subheader("2 · What it teaches", anchor=False)
    frame, store = upload.table.frame, context.store()
    columns, (text, label) = list(frame.columns), propose(frame)
    first, second, third = st.columns(3)
    text = first.selectbox("Column of the text", columns, columns.index(text), key=f"text-{upload.sha}")
    label = second.selectbox("Column of the label", columns, columns.index(label), key=f"label-{upload.sha}")
    titles = teachable(store)
    with third:
        likely = _likely_task(frame, text, label, list(titles))
        task = url.choice("Task", [*titles, OWN], "task", likely, segmented=False, format_func=lambda name: titles.get(name, OWN))
        if task == OWN:
            task = st.text_input("Its name", "my_labels", key="own-name", max_chars=60)
    with states.guard():
        if text == label:
            st.warning("The text and the label must be two different columns.")
            return None
        name = task if task in titles else task_name(task)
        known = _known(*context.state_key(), name)
        labelled = read_labelled(frame, name, text, label, known)
        labelled = _map(labelled, frame, text, label, known) if labelled.unknown else labelled
        return _checked(labelled, upload.table)
    return None


def _likely_task(frame: pd.DataFrame, text: str, label: str, names: list[str]) -> str:
    """The task whose own labels most of the file's rows carry; a task of one's own where none has a third of them."""
    head = frame.head(PREVIEW)
    known = {name: _known(*context.state_key(), name) for name in names}
    fits = {name: len(read_labelled(head, name, text, label, labels).rows) for name, labels in known.items() if labels}
    best = max(fits, key=lambda name: (fits[name], name == "sentiment"), default=OWN)
    return best if fits.get(best, 0) * 3 > len(head) else OWN


@st.cache_data(show_spinner="Looking up the task's labels…", max_entries=16)
def _known(root: str, data_version: int, version: str, task: str) -> list[str]:
    return known_labels(context.store(), task)


def _map(labelled: Labelled, frame: pd.DataFrame, text: str, label: str, known: list[str]) -> Labelled:
    """Ask what the labels mean that do not belong to the task; the nearest known one is proposed."""
    st.text(f"{len(labelled.unknown):,} labels of the file do not belong to this task. Say what they mean:")
    may_grow = labelled.task != "sentiment"
    options = [LEAVE_OUT, *known, *([AS_NEW] if may_grow else [])]
    words = list(labelled.unknown)[:MOST_MAPPED]
    asked = pd.DataFrame({"in the file": words, "means": [labelled.unknown[w] or LEAVE_OUT for w in words]})
    answer = st.data_editor(
        asked,
        hide_index=True,
        disabled=["in the file"],
        column_config=tables.headings(asked, {"means": st.column_config.SelectboxColumn(options=options, required=True)}),
        key=f"means-{labelled.task}-{hashlib.sha256(repr((words, known)).encode()).hexdigest()[:8]}",
        alt="What the unknown labels mean",
    )
    agreed = st.checkbox("These meanings are right", key="agreed")
    if not agreed:
        return labelled
    means = dict(zip(answer["in the file"], answer["means"], strict=True))
    mapping = {word: meant for word, meant in means.items() if meant in known}
    accept = [word for word, meant in means.items() if meant == AS_NEW]
    made = read_labelled(frame, labelled.task, text, label, known, mapping=mapping, accept=accept)
    return Labelled(made.task, made.rows, made.problems, made.counts, {}, made.refusal)


def _checked(labelled: Labelled, table: Table) -> Labelled | None:
    """Show counts and problems; None where it cannot be trained."""
    st.subheader("3 · What was found", anchor=False)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        st.text(f"{len(labelled.rows):,} usable rows, {len(labelled.counts):,} labels")
        downloads.table(labelled.counts_frame(), "labels", "label-counts", most=SEEN)
    with right:
        problems = pd.concat([_problems(table), labelled.problems_frame()], ignore_index=True).sort_values("row", kind="stable")
        if len(problems):
            st.text(f"{len(problems):,} rows are left out, each with its line in the file and why")
            downloads.table(problems, "problems", "label-problems", most=SEEN)
        else:
            st.text("Every row can be used.")
    if labelled.unknown:
        _ask(labelled)
        return None
    labelled.check()
    return labelled


def _ask(labelled: Labelled) -> None:
    """What keeps the rows from being learned until the meanings above are confirmed, as literal text."""
    told = unknown_labels(labelled)
    with st.container(border=True):
        st.markdown(":orange[:material/help: **Confirm what these labels mean, above**]")
        st.text(told.problem)
        st.text(told.fix)


def _problems(table: Table) -> pd.DataFrame:
    return Labelled("", [], table.problems, {}).problems_frame()


# -- how it learns ---------------------------------------------------------------------------------


def _start(upload: Upload, labelled: Labelled, parent: ModelVersion) -> None:
    st.subheader("4 · How it learns", anchor=False)
    with states.guard():
        found = recipes(context.home())
        choice = url.choice("What to train", list(CHOICES), "train", "top", format_func=lambda key: CHOICES[key][0])
        st.caption(CHOICES[choice][1])
        names = sorted(found, key=lambda name: (name != RECIPE, name))
        recipe = url.choice("Recipe", names, "recipe", RECIPE if RECIPE in found else None)
        with st.expander("All settings", icon=":material/tune:"):
            st.caption(f"Base, layers and sizes are always those of the parent, {parent.id}.")
            rows = [(name, str(value), str(parent.recipe.get(name, ""))) for name, value in found[recipe].asdict().items()]
            tables.show(pd.DataFrame(rows, columns=["setting", "recipe", "parent"]), "Settings of the recipe", "recipe-settings")
        busy = [status for status in progress.running() if status.kind != "derive"]
        if busy:
            st.caption(f"{progress.name(busy[0])} is running; this job waits for it or slows both down.")
        if st.button("Start fine-tuning", type="primary", icon=":material/play_arrow:", key="start"):
            with st.spinner("Storing the rows and taking a snapshot…"):
                run = _begin(upload, labelled, parent.id, recipe, choice)
            progress.remember(run.id)
            st.rerun()


def _begin(upload: Upload, labelled: Labelled, parent: str, recipe: str, train: str) -> Run:
    """Store the rows, take a snapshot and start the job."""
    _keep(upload)
    store, home = context.store(), context.home()
    store_labels(store, labelled, upload.sha)
    spec: dict[str, Any] = {
        "snapshot": str(store.snapshot()),
        "task": labelled.task,
        "upload": upload.sha,
        "recipe": recipe,
        "train": train,
        "parent": parent,
    }
    return jobs.start(home, "finetune", spec)


def _keep(upload: Upload) -> Path:
    """The uploaded bytes under a name of the server's own."""
    path = context.home().uploads / f"labels-{upload.sha[:16]}"
    if not path.exists():
        beside = path.with_suffix(".partial")
        beside.write_bytes(upload.content)
        beside.replace(path)
    return path
