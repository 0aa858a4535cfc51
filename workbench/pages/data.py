"""The shop's data: bring files in, see what was understood and what is wrong before anything changes, see what there is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import context, progress, states, tables
from workbench.export import to_csv
from workbench.pages import _agreed, _forgetting, _holdings, _reading, _together, _uploads
from workbench.pages._together import Box
from workbench.pages._uploads import Checked, Kept
from workbench.shop.importers import Chosen, Reading, generic, remembered
from workbench.shop.schema import TABLES

TITLE = "Data"
ICON = ":material/database:"
ORDER = 50

RECOGNISED = "as recognised"
NONE = "—"
LINES = ("sequences", "product-lines")
QUESTIONS = 4  # kinds of questions that one file can ask
IMPORTABLE = ("reviews", "products", "users", "events", "tickets")
KINDS = ["csv", "tsv", "txt", "jsonl", "json", "ndjson", "parquet", "xlsx", "xls", "ods", "gz", "zip", "tgz", "tar", "bz2", "xz"]
HOW = """
A file is recognised by its columns; nothing is written before you press **Import**, and then all files go in together
or not at all. Rows are matched by their id: the same file twice changes nothing, changed rows are updated, an empty
cell never empties what is there. Rows that cannot be read are **left out** with line, column, value and reason. Exact
copies and cancelled orders are **set apart** and counted. Products and users that reviews or orders mention get a row
of their own. Columns that nothing else uses are kept as *attributes*. A review's language is guessed from its script
and common words. Ratings on other scales than stars (8/10, 80%, 1 to 10) become **stars from 1 to 5**, the lowest 1 and the
highest 5. **Personal data** (mail addresses, phones, cards, IBANs, id numbers, postal addresses, and names that something
tells, such as "my name is" or the row's own column of a name) is masked by patterns unless you say otherwise under *How it is
read*; other names inside sentences are not found. What you say of a file is remembered for the next one with the same columns.
**Undo** takes the last import back, row by row as it was.
"""


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    states.answer(_holdings.PAGE)
    _result()
    _import()
    _holdings.show()
    _forgetting.show()


# -- bringing files in ---------------------------------------------------------------------------


def _import() -> None:
    st.subheader("Import files", anchor=False)
    files = st.file_uploader(
        "Products, users, reviews, orders or other events, tickets",
        type=KINDS,
        accept_multiple_files=True,
        key=f"data-files-{_uploads.round_of_files()}",
        help="CSV, TSV, JSON, JSON lines, Parquet or a workbook, also packed. Choose files that belong together at once.",
    )
    boxes = [_box(file) for file in _uploads.keep(files)]
    read = {box.file.id: checked for box in boxes if (checked := _file(box, boxes))}
    _uploads.sweep()
    if read:
        _consent(read)


def _box(file: Kept) -> Box:
    """The place of one uploaded table, with how it is to be read; what it is by itself."""
    place = st.container(border=True)
    with place:
        st.text(f"{file.shown[:120]} · {_uploads.size(file.size)}")
        table = st.selectbox("Read it as", [RECOGNISED, *IMPORTABLE, *LINES, *_own()], key=f"as-{file.id}")
        reading = Reading(as_table=table) if table in IMPORTABLE else Reading(preset=None if table == RECOGNISED else table)
        reading = _reading.changed(file.id, reading)
        return Box(place, file, reading, _uploads.check(file, reading))


def _own() -> list[str]:
    """The presets of the user's own."""
    return [name for name in remembered.named(context.home()) if name not in IMPORTABLE]


def _file(box: Box, boxes: list[Box]) -> Checked | None:
    """One uploaded table: what it was taken for, its rows, its columns, what is wrong with it; None where it only serves another."""
    with box.place:
        if serves := _together.served(box, boxes):
            _serving(box, serves)
            return None
        needed = _together.needed(box, boxes)
        if needed.lacking and any(other.alone.waits for other in boxes if other is not box):
            st.text(f"Waits until the other files are read: it needs the file of {' and that of '.join(needed.lacking)} beside it.")
            return Checked()
        reading = box.reading
        if box.alone.columns and reading.preset is None:
            reading = reading.but(mapping=_mapping(box.file, reading.as_table, box.alone))
        checked = _answered(box.file, reading, needed.files)
        _understood(box.file, checked)
    return checked


def _serving(box: Box, serves: dict[str, str]) -> None:
    """A file that is no table by itself: whom it serves, and its first rows."""
    for name, what in serves.items():
        st.text(f"Read together with {name[:120]}, which looks its {what} up here.")
    st.text("It is not imported by itself; say under “Read it as” what it holds if it is to be.")
    _preview(box.file, box.alone)


def _answered(file: Kept, reading: Reading, beside: tuple[Chosen, ...]) -> Checked:
    """The file read with every answer that was given; an answer may lead to a further question."""
    checked, asked = _uploads.check(file, reading, beside), 0
    while checked.questions and asked < QUESTIONS:
        answer = _reading.answered(file.id, reading, checked.questions)
        if answer == reading:
            break
        reading, asked = answer, asked + 1
        checked = _uploads.check(file, reading, beside)
    return checked


def _mapping(file: Kept, as_table: str | None, first: Checked) -> tuple[tuple[str, str], ...]:
    """What was changed about the proposed columns; nothing where a layout that we know was recognised."""
    table = as_table or (first.sheet.table if first.sheet else None)
    if table is None or (first.sheet and first.sheet.importer.name != "generic"):
        return ()
    proposed = first.sheet.mapping if first.sheet else generic.propose(first.columns, table)
    likely = {} if first.sheet else generic.by_content(first.preview, table, proposed)
    changed = []
    with st.expander("Columns", expanded=first.error is not None, icon=":material/view_column:"):
        places = st.columns(3)
        for i, column in enumerate(c for c in TABLES[table].columns if c.name != "attributes"):
            given = proposed.get(column.name, NONE)
            options = [NONE, *first.columns]
            index = options.index(likely.get(column.name, given))
            picked = places[i % 3].selectbox(
                column.name, options, index=index, help=column.meaning, key=f"map-{file.id}-{table}-{column.name}"
            )
            if picked != given:
                changed.append((column.name, "" if picked == NONE else str(picked)))
    return tuple(changed)


def _understood(file: Kept, checked: Checked) -> None:
    if checked.run:
        progress.watch(checked.run)
    elif checked.error:
        states.failed(checked.error)
    if checked.sheet:
        st.text(f"Recognised: {checked.sheet.importer.title}, into {checked.sheet.table} · {checked.sheet.source.words}")
    _preview(file, checked)
    if checked.document:
        st.caption("What importing it would do")
        _counts(checked.document, f"would-{file.id}")
        _problems(checked.document, _uploads.left_out([checked]), f"wrong-{file.id}", done=False)


def _preview(file: Kept, checked: Checked) -> None:
    if checked.preview:
        first, rows = pd.DataFrame(checked.preview), len(checked.preview)
        st.caption(f"The first {rows} rows, as the file has them" if rows > 1 else "The first row, as the file has it")
        st.dataframe(first, hide_index=True, height=tables.height(rows, most=6), alt="First rows", key=f"preview-{file.id}")


def _counts(document: dict[str, Any], key: str) -> None:
    figures = {word: st.column_config.NumberColumn(format="localized") for word in _uploads.COUNTS.values()}
    tables.show(_uploads.counts_frame(document), "Counts of the import", key, column_config=figures)
    for line in _uploads.notes(document):
        st.text(line)
    if doubtful := _uploads.doubtful(document):
        with st.container(border=True, gap="xsmall"):
            st.markdown(":orange[:material/help: **Likely mistakes; these rows are taken in as they are**]")
            for line in doubtful:
                st.text(line)


def _problems(document: dict[str, Any], left_out: list[tuple[str, pd.DataFrame]], key: str, *, done: bool) -> None:
    """The rows left out, or that would be until that is `done`, with their reasons; of each file also as one that can be mended."""
    frame = _uploads.problems_frame(document)
    if frame.empty:
        return
    total = _uploads.rejected(document)
    has, are = ("row has", "was") if total == 1 else ("rows have", "were")
    st.text(
        f"{total:,} {has} problems and {are if done else 'would be'} left out"
        + (f"; the first {len(frame):,} are listed." if total > len(frame) else ".")
    )
    tables.show(frame, "Rows with problems", f"{key}-table", most=6)
    for place, (file, rows) in enumerate(left_out):
        of = f" of {file[:60]}" if len(left_out) > 1 else ""
        st.download_button(
            f"Rows left out{of}, to mend and import again (CSV)",
            partial(to_csv, rows),
            file_name="rows-left-out.csv",
            mime="text/csv",
            key=f"{key}-csv-{place}",
            on_click="ignore",
            icon=":material/download:",
        )


def _consent(files: dict[str, Checked]) -> None:
    """The button that imports the files, each by its id, once every one is certain and what is left out was agreed to."""
    read = list(files.values())
    waiting = sum(not checked.ready for checked in read)
    left_out = sum(checked.rejected for checked in read)
    agreed = True
    if any(checked.waits for checked in read):
        st.text("Wait until every file is read.")
    elif any(checked.error for checked in read):
        st.text("What stands in the way is said above." if len(read) == 1 else "What stands in the way of a file is said in its box.")
    elif waiting:
        st.text(f"{waiting} of {len(read)} files need an answer first." if len(read) > 1 else "The file needs an answer first.")
    elif left_out:
        rows = "row that has" if left_out == 1 else f"{left_out:,} rows that have"
        what = [(file, checked.sheet.reading, checked.rejected) for file, checked in files.items() if checked.sheet and checked.rejected]
        agreed = _agreed.agreed(f"Import without the {rows} problems", "data-consent", what)
    replacing, name = _options(read)
    if st.button("Import", type="primary", key="data-import", icon=":material/upload:", disabled=bool(waiting) or not agreed):
        with states.guard():
            with st.spinner("Importing"):
                mendable = _uploads.left_out(read)
                document = _uploads.take_in(read, replacing=replacing, save_as=name)
            st.session_state[_holdings.RESULT] = (document, mendable)
            _uploads.empty()
            st.rerun()


def _options(read: list[Checked]) -> tuple[bool, str | None]:
    """(whether the files replace what their tables hold, the name under which the mapping is kept)."""
    into = dict.fromkeys(checked.sheet.table for checked in read if checked.sheet)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        replacing = st.segmented_control(
            "Rows that are there already",
            [False, True],
            default=False,
            required=True,
            format_func=lambda answer: "are deleted first" if answer else "stay, changed ones are updated",
            key=f"data-replace-{'-'.join(sorted(into))}",  # what is deleted for some tables is not for others
            help=f"Deleting concerns {', '.join(into) or 'the tables that the files go to'}. The last import can be undone either way.",
        )
        name = None
        if any(checked.sheet and checked.sheet.importer.name == "generic" for checked in read):
            name = st.text_input("Keep these columns as a preset named", key="data-save-as", placeholder="optional", max_chars=60)
    return bool(replacing), (name or "").strip() or None


def _result() -> None:
    """What the last import did."""
    if _holdings.RESULT not in st.session_state:
        return
    document, left_out = st.session_state[_holdings.RESULT]
    with st.container(border=True):
        changed = any(c["added"] + c["updated"] for f in document["files"] for c in f["tables"].values())
        st.markdown(":green[:material/check_circle: **Imported**]" if changed else ":material/info: **Everything was there already**")
        _counts(document, "result")
        _problems(document, left_out, "result-problems", done=True)
        with st.container(horizontal=True):
            if changed and _unlearned() and st.button("Train a model on it", type="primary", key="data-train"):
                states.go("models")
            st.button("Close", key="data-close", on_click=lambda: st.session_state.pop(_holdings.RESULT, None))


def _unlearned() -> bool:
    """Whether no model has learned from the present data, or is about to."""
    learned = max((int(v.info.get("data_version") or 0) for v in context.registry().versions()), default=0)
    return learned < context.store().content_version and not any(status.kind == "train" for status in progress.running())
