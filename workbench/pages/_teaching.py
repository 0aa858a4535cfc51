"""Part of the page Fine-tune: what the columns of a file teach, and what was found in its rows."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, states, tables, url
from workbench.pages._agreed import agreed, digest
from workbench.pages._texts_file import PREVIEW, SEEN, Upload
from workbench.tasks.labelled import (
    Labelled,
    known_labels,
    longer_than,
    ordered,
    read_labelled,
    set_apart,
    task_name,
    teachable,
    unknown_labels,
)
from workbench.tasks.labelled_rows import TABLES
from workbench.tasks.several import YES, divider, read_several
from workbench.tasks.tables import Table, propose

OWN = "a task of your own…"
LEAVE_OUT, AS_NEW = "leave these rows out", "learn as a new label"
MOST_WORDS = 96
ABOUT = list(TABLES)
LABEL_PIXELS = 200
MOST_MAPPED = 30


def read(upload: Upload) -> list[Labelled]:
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
        found = _checked(_enough(replace(labelled, about=about), label), upload.table, known=task in titles)
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
    st.text(f"{len(uploads):,} labels, each learned as yes or no. {_apart(uploads[0], known=False)}")
    downloads.table(pd.DataFrame(rows, columns=["label", "rows that carry it", "rows"]), "labels", "label-counts", most=SEEN)
    problems = pd.concat([_problems(table), uploads[0].problems_frame()], ignore_index=True)
    if len(problems):
        downloads.table(problems, "problems", "label-problems", most=SEEN)
    return uploads


def _apart(labelled: Labelled, *, known: bool) -> str:
    """What becomes of rows beside being learned, in words; `known`: whether the task has other rows too."""
    cut, said = longer_than(labelled, MOST_WORDS), [set_apart(labelled, known=known)]
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
        key=f"means-{labelled.task}-{digest((words, known))}",
        alt="What the unknown labels mean",
    )
    means = dict(zip(answer["in the file"], answer["means"], strict=True))
    if not agreed("These meanings are right", "agreed", (labelled.task, list(labelled.unknown), means)):
        return labelled
    mapping = {word: meant for word, meant in means.items() if meant in known}
    accept = [word for word, meant in means.items() if meant == AS_NEW]
    made = read_labelled(frame, labelled.task, text, label, known, mapping=mapping, accept=accept)
    return made.without_unknown()


def _enough(labelled: Labelled, column: str) -> Labelled:
    """Ask whether labels with too few rows are left out, where others would remain."""
    scarce = labelled.scarce
    if not _may_leave_out(labelled):
        return labelled
    names = ", ".join(f"“{label}” {n}" for label, n in ordered(scarce)[:SEEN]) + (" …" if len(scarce) > SEEN else "")
    st.text(f"Labels with fewer than {labelled.least} rows cannot be learned: {names}.")
    without = agreed("Do without these labels and their rows", "without-scarce", (labelled.task, scarce))
    return labelled.without_scarce(column) if without else labelled


def _checked(labelled: Labelled, table: Table, *, known: bool) -> Labelled | None:
    """Show counts and problems; None where it cannot be trained, or a question above is open."""
    st.subheader("3 · What was found", anchor=False)
    said, counts = st.columns([1, 1], gap="medium")
    problems = pd.concat([_problems(table), labelled.problems_frame()], ignore_index=True).sort_values("row", kind="stable")
    with said:
        rows, labels = len(labelled.rows), len(labelled.counts)
        counted = f"{rows:,} usable row{'' if rows == 1 else 's'}, {labels:,} label{'' if labels == 1 else 's'}."
        st.text(f"{counted} {_apart(labelled, known=known)}")
        if labelled.counts and (uneven := _balance(labelled)):
            st.text(uneven)
        if problems.empty and not labelled.scarce:
            st.text("Every row can be used.")
    with counts:
        narrow = {"label": st.column_config.TextColumn(width=LABEL_PIXELS)}  # long labels would push the numbers out of sight
        downloads.table(labelled.counts_frame(), "labels", "label-counts", column_config=narrow, most=SEEN)
    if len(problems):
        are = "1 row is left out," if len(problems) == 1 else f"{len(problems):,} rows are left out, each"
        st.text(f"{are} with its line in the file and why")
        downloads.table(problems, "problems", "label-problems", most=SEEN)
    if labelled.unknown:
        _ask(labelled)
        return None
    if _may_leave_out(labelled):
        _open("Some labels have too few rows", "Tick the box above to do without them, or give them more rows in the file.")
        return None
    labelled.check()
    return labelled


def _may_leave_out(labelled: Labelled) -> bool:
    """Whether labels have too few rows, and others would remain without them."""
    return bool(labelled.scarce) and not labelled.unknown and not labelled.without_scarce("").refusal


def _ask(labelled: Labelled) -> None:
    """What keeps the rows from being learned until the meanings above are confirmed."""
    told = unknown_labels(labelled)
    _open("Confirm what these labels mean, above", told.problem, told.page)


def _open(title: str, *lines: str) -> None:
    """A question above that waits for its answer; `lines` as literal text."""
    with st.container(border=True):
        st.markdown(f":orange[:material/help: **{title}**]")
        for line in lines:
            st.text(line)


def _problems(table: Table) -> pd.DataFrame:
    return Labelled("", [], table.problems, {}).problems_frame()
