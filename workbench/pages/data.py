"""The shop's data: bring files in, see what was understood and what is wrong before anything changes, see what there is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, progress, states
from workbench.export import to_csv
from workbench.insights import activity
from workbench.pages import _reading, _uploads
from workbench.pages._uploads import Checked, Kept
from workbench.shop.importers import Reading
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
_ROUND, _RESULT = "data-round", "data-result"
HOW = """
A file is recognised by its columns; nothing is written before you press **Import**, and then all files go in together
or not at all. Rows are matched by their id: the same file twice changes nothing, changed rows are updated, an empty
cell never empties what is there. Rows that cannot be read are **left out** with line, column, value and reason. Exact
copies and cancelled orders are **set apart** and counted. Products and users that reviews or orders mention get a row
of their own. Columns that nothing else uses are kept as *attributes*. A review's language is guessed from its script
and common words.
"""


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    _result()
    _import()
    _tables()


# -- bringing files in ---------------------------------------------------------------------------


def _import() -> None:
    st.subheader("Import files", anchor=False)
    files = st.file_uploader(
        "Products, users, reviews, orders or other events, tickets",
        type=KINDS,
        accept_multiple_files=True,
        key=f"data-files-{st.session_state.get(_ROUND, 0)}",
        help="CSV, TSV, JSON, JSON lines, Parquet or a workbook, also packed. Choose files that belong together at once.",
    )
    kept = _uploads.keep(files)
    read = [_file(file) for file in kept]
    if read:
        _consent(read)


def _file(file: Kept) -> Checked:
    """One uploaded table: what it was taken for, its rows, its columns, what is wrong with it."""
    with st.container(border=True):
        st.text(f"{file.shown[:120]} · {_uploads.size(file.size)}")
        table = st.selectbox("Read it as", [RECOGNISED, *IMPORTABLE, *LINES], key=f"as-{file.id}")
        reading = Reading(as_table=table) if table in IMPORTABLE else Reading(preset=table if table in LINES else None)
        reading = _reading.changed(file, reading)
        first = _uploads.check(file, reading)
        if first.columns and table not in LINES:
            reading = reading.but(mapping=_mapping(file, reading.as_table, first))
        checked = _answered(file, reading)
        _understood(file, checked)
    return checked


def _answered(file: Kept, reading: Reading) -> Checked:
    """The file read with every answer that was given; an answer may lead to a further question."""
    checked, asked = _uploads.check(file, reading), 0
    while checked.questions and asked < QUESTIONS:
        answer = _reading.answered(file, reading, checked.questions)
        if answer == reading:
            break
        reading, asked = answer, asked + 1
        checked = _uploads.check(file, reading)
    return checked


def _mapping(file: Kept, as_table: str | None, first: Checked) -> tuple[tuple[str, str], ...]:
    """What was changed about the proposed columns; nothing where a layout that we know was recognised."""
    table = as_table or (first.sheet.table if first.sheet else None)
    if table is None or (first.sheet and first.sheet.importer.name != "generic"):
        return ()
    proposed = first.sheet.mapping if first.sheet else {}
    changed = []
    with st.expander("Columns", expanded=first.error is not None, icon=":material/view_column:"):
        places = st.columns(3)
        for i, column in enumerate(c for c in TABLES[table].columns if c.name != "attributes"):
            given = proposed.get(column.name, NONE)
            options = [NONE, *first.columns]
            picked = places[i % 3].selectbox(
                column.name, options, index=options.index(given), help=column.meaning, key=f"map-{file.id}-{table}-{column.name}"
            )
            if picked != given:
                changed.append((column.name, "" if picked == NONE else str(picked)))
    return tuple(changed)


def _understood(file: Kept, checked: Checked) -> None:
    if checked.sheet:
        st.text(f"Recognised: {checked.sheet.importer.title}, into {checked.sheet.table} · {_reading.told(checked.sheet.source)}")
    if checked.error:
        states.failed(checked.error)
    if checked.preview:
        st.caption(f"The first {len(checked.preview)} rows, as the file has them")
        st.dataframe(pd.DataFrame(checked.preview), hide_index=True, height=220, alt="First rows", key=f"preview-{file.id}")
    if checked.document:
        st.caption("What importing it would do")
        _counts(checked.document, f"would-{file.id}")
        _problems(checked.document, f"wrong-{file.id}")


def _counts(document: dict[str, Any], key: str) -> None:
    st.dataframe(_uploads.counts_frame(document), hide_index=True, alt="Counts of the import", key=key)
    for line in _uploads.notes(document):
        st.text(line)


def _problems(document: dict[str, Any], key: str) -> None:
    """The rows left out, with their reasons, to look at and to download."""
    frame = _uploads.problems_frame(document)
    if frame.empty:
        return
    total = _uploads.rejected(document)
    st.text(
        f"{total:,} rows have problems and would be left out" + (f"; the first {len(frame):,} are listed." if total > len(frame) else ".")
    )
    st.dataframe(frame, hide_index=True, height=220, alt="Rows with problems", key=key)
    st.download_button(
        "Rows left out (CSV)",
        lambda: to_csv(frame),
        file_name="rows-left-out.csv",
        mime="text/csv",
        key=f"{key}-csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _consent(read: list[Checked]) -> None:
    """The button that imports, once every file is certain and what is left out was agreed to."""
    waiting = sum(not checked.ready for checked in read)
    left_out = sum(checked.rejected for checked in read)
    agreed = True
    if waiting:
        st.text(f"{waiting} of {len(read)} files need an answer first." if len(read) > 1 else "The file needs an answer first.")
    elif left_out:
        agreed = st.checkbox(f"Import without the {left_out:,} rows that have problems", key="data-consent")
    if st.button("Import", type="primary", key="data-import", icon=":material/upload:", disabled=bool(waiting) or not agreed):
        with states.guard():
            with st.spinner("Importing"):
                document = _uploads.take_in(read)
            st.session_state[_RESULT] = document
            st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
            _uploads.keep([])
            st.rerun()


def _result() -> None:
    """What the last import did."""
    document = st.session_state.get(_RESULT)
    if document is None:
        return
    with st.container(border=True):
        changed = any(c["added"] + c["updated"] for f in document["files"] for c in f["tables"].values())
        st.markdown(":green[:material/check_circle: **Imported**]" if changed else ":material/info: **Everything was there already**")
        _counts(document, "result")
        _problems(document, "result-problems")
        with st.container(horizontal=True):
            if changed and _unlearned() and st.button("Train a model on it", type="primary", key="data-train"):
                states.go("models")
            st.button("Close", key="data-close", on_click=lambda: st.session_state.pop(_RESULT, None))


def _unlearned() -> bool:
    """Whether no model has learned from the present data, or is about to."""
    learned = max((int(v.info.get("data_version") or 0) for v in context.registry().versions()), default=0)
    return learned < context.store().data_version and not any(status.kind == "train" for status in progress.running())


# -- what there is -------------------------------------------------------------------------------


def _tables() -> None:
    store = context.store()
    counts = store.counts()
    if not any(counts.values()):
        states.empty("This shop is empty", "Choose files above: reviews or orders are enough to begin with.")
        return
    st.subheader("Tables", anchor=False)
    frame = activity.holdings(store)
    frame["key"] = [TABLES[name].key for name in frame["table"]]
    day = "YYYY-MM-DD"
    columns = {
        "rows": st.column_config.NumberColumn(format="localized"),
        "first": st.column_config.DatetimeColumn(format=day),
        "last": st.column_config.DatetimeColumn(format=day),
    }
    st.dataframe(frame, hide_index=True, alt="Tables, their rows and the times they span", key="data-tables", column_config=columns)
    st.caption(f"Data version {store.data_version}")
    filled = [name for name, rows in counts.items() if rows]
    with st.expander("Look into a table", icon=":material/table:"):
        name = st.selectbox("Table", filled, key="data-look")
        shown = store.frame(f"SELECT * FROM {name} LIMIT 200")
        st.caption("The first 200 rows")
        downloads.table(shown, name, f"data-{name}")
