"""Teach the active model with labelled rows: upload, map, check, start, watch, compare, promote or roll back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import context, downloads, progress, states, tables, url
from workbench.encoder.recipe import recipes
from workbench.jobs.estimate import estimate, in_words
from workbench.pages import _compare, _labelling, _predicting, _settings
from workbench.registry import ModelVersion
from workbench.run import Run
from workbench.tasks.advice import recommended
from workbench.tasks.labelled import (
    Labelled,
    known_labels,
    longer_than,
    ordered,
    read_labelled,
    set_apart,
    store_labels,
    task_name,
    teachable,
    unknown_labels,
)
from workbench.tasks.labelled_rows import TABLES
from workbench.tasks.several import YES, divider, read_several
from workbench.tasks.tables import ENCODINGS, Table, propose, read_table, two_columns

TITLE = "Fine-tune"
ICON = ":material/model_training:"
ORDER = 40

OWN = "a task of your own…"
LEAVE_OUT, AS_NEW = "leave these rows out", "learn as a new label"
PREVIEW = 200
MOST_WORDS = 96
ABOUT = list(TABLES)
SEEN = 6
LABEL_PIXELS = 200
MOST_MAPPED = 30
RECIPE = "finetune"
CHOICES = {
    "head": ("Head", "Only this task's last layer learns. All vectors, recommendations and other tasks stay as they are; the quickest."),
    "adapters": ("Adapters", "Small adapters in the upper layers learn; the base itself stays as it is."),
    "top": ("Top", "The upper text layers learn too, with all text tasks rehearsed beside the new rows."),
    "all": ("All", "Everything that is not frozen learns, over the bare base every layer; the slowest."),
}
HOW = """
Uploaded rows are checked first: nothing is trained while one label stands alone or labels do not belong to the task.
They are stored with the shop, a snapshot is taken, and a job trains a **new version** on top of the active one; the
active one goes on serving. Rows whose text falls into the test split by its hash are not trained on; where a label has few
rows they are measured on first, and learned afterwards. What the parent knows is rehearsed, and texts are kept close to how it reads them.

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
    parent, space = context.registry().active(), context.space()
    _last_runs()
    if parent is None:
        st.caption("There is no version yet: what you teach is learned over the bare base, and the result becomes the first version.")
    upload = _upload()
    if upload is None:
        if space is not None:
            with states.guard():
                _labelling.show(context.store(), space)
                _predicting.show(space)
        return
    uploads = _read(upload)
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
    content: bytes | None = given.getvalue() if given is not None else st.session_state.get(_labelling.HERE)
    if content is None:
        st.caption("CSV, TSV, JSON lines, XLSX or Parquet; for sentiment the label may be stars from 1 to 5 or words.")
        return None
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


def _read(upload: Upload) -> list[Labelled]:
    """What the columns teach: one task, or of a label set one for each label; [] while something is open."""
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
    about, several = _of_ones_own(frame, label, upload.sha) if task not in titles else (ABOUT[0], False)
    with states.guard():
        if text == label:
            st.warning("The text and the label must be two different columns.")
            return []
        name = task if task in titles else task_name(task)
        if several:
            return _several(read_several(frame, name, text, [label], about), upload.table)
        known = _known(*context.state_key(), name)
        labelled = read_labelled(frame, name, text, label, known)
        labelled = _map(labelled, frame, text, label, known) if labelled.unknown else labelled
        found = _checked(_enough(replace(labelled, about=about), label), upload.table)
        return [found] if found else []
    return []


def _of_ones_own(frame: pd.DataFrame, label: str, sha: str) -> tuple[str, bool]:
    """Whose rows get the labels, and whether a row may carry several, which is proposed where cells hold a divider."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    about = left.selectbox("Becomes a column of every", ABOUT, key="about", format_func=lambda table: table.removesuffix("s"))
    divided = divider(frame[label].astype(str).head(PREVIEW).tolist())
    words = f"A row may carry several labels, divided by “{divided}”" if divided else "A row may carry several labels"
    return about, right.checkbox(words, bool(divided), key=f"several-{sha}")


def _several(uploads: list[Labelled], table: Table) -> list[Labelled]:
    """Show the labels of a set with how many rows carry each."""
    st.subheader("3 · What was found", anchor=False)
    rows = [(one.title, one.counts.get(YES, 0), len(one.rows)) for one in uploads]
    st.text(f"{len(uploads):,} labels, each learned as yes or no. {_apart(uploads[0])}")
    downloads.table(pd.DataFrame(rows, columns=["label", "rows that carry it", "rows"]), "labels", "label-counts", most=SEEN)
    problems = pd.concat([_problems(table), uploads[0].problems_frame()], ignore_index=True)
    if len(problems):
        downloads.table(problems, "problems", "label-problems", most=SEEN)
    return uploads


def _apart(labelled: Labelled) -> str:
    """What becomes of rows beside being learned, in words."""
    held, cut = set_apart(labelled), longer_than(labelled, MOST_WORDS)
    said = [f"{held:,} are set apart for validation and test by the hash of their text."]
    said += [f"{labelled.duplicates:,} duplicates are passed over."] if labelled.duplicates else []
    said += [f"{cut:,} texts have more than {MOST_WORDS} words and are cut."] if cut else []
    return " ".join(said)


def _balance(labelled: Labelled) -> str | None:
    """A word on classes of very different size."""
    listed = ordered(labelled.counts)
    (most, many), (least, few) = listed[0], listed[-1]
    return f"“{most}” has {many / few:,.0f} times as many rows as “{least}”; rare labels count more." if many > 10 * few else None


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
    return made.without_unknown()


def _enough(labelled: Labelled, column: str) -> Labelled:
    """Ask whether labels with too few rows are left out, where others would remain."""
    scarce = labelled.scarce
    if not scarce or labelled.unknown or labelled.without_scarce(column).refusal:
        return labelled
    names = ", ".join(f"“{label}” {n}" for label, n in ordered(scarce)[:SEEN]) + (" …" if len(scarce) > SEEN else "")
    st.text(f"Labels with fewer than {labelled.least} rows cannot be learned: {names}.")
    return labelled.without_scarce(column) if st.checkbox("Do without these labels and their rows", key="without-scarce") else labelled


def _checked(labelled: Labelled, table: Table) -> Labelled | None:
    """Show counts and problems; None where it cannot be trained."""
    st.subheader("3 · What was found", anchor=False)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        st.text(f"{len(labelled.rows):,} usable rows, {len(labelled.counts):,} labels. {_apart(labelled)}")
        if labelled.counts and (said := _balance(labelled)):
            st.text(said)
        narrow = {"label": st.column_config.TextColumn(width=LABEL_PIXELS)}  # long labels would push the numbers out of sight
        downloads.table(labelled.counts_frame(), "labels", "label-counts", column_config=narrow, most=SEEN)
    with right:
        problems = pd.concat([_problems(table), labelled.problems_frame()], ignore_index=True).sort_values("row", kind="stable")
        if len(problems):
            st.text(f"{len(problems):,} rows are left out, each with its line in the file and why")
            downloads.table(problems, "problems", "label-problems", most=SEEN)
        elif not labelled.scarce:
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


def _start(upload: Upload, uploads: list[Labelled], parent: ModelVersion | None) -> None:
    st.subheader("4 · How it learns", anchor=False)
    with states.guard():
        _settings.take_kept()
        found = recipes(context.home())
        best, why = recommended(len(uploads[0].rows), parent=parent is not None)
        possible = [key for key in CHOICES if key != "adapters" or parent is None or parent.recipe.get("adapters")]
        choice = url.choice("What to train", possible, "train", best, format_func=lambda key: CHOICES[key][0])
        st.caption(f"{CHOICES[choice][1]} Recommended here is {CHOICES[best][0]}: {why[0].lower()}{why[1:]}")
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
    _keep(upload)
    store, home = context.store(), context.home()
    for one in uploads:
        store_labels(store, one, upload.sha)
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


def _keep(upload: Upload) -> Path:
    """The uploaded bytes under a name of the server's own."""
    path = context.home().uploads / f"labels-{upload.sha[:16]}"
    if not path.exists():
        beside = path.with_suffix(".partial")
        beside.write_bytes(upload.content)
        beside.replace(path)
    return path
