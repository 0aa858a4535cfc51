"""An uploaded file of texts, taught or to be labelled: how it was read, what of that is not certain, its first rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from workbench.components import states, tables
from workbench.pages import _reading
from workbench.shop.importers import Reading, unpack
from workbench.tasks.tables import Table, read_table, two_columns

PREVIEW = 200
SEEN = 6
KINDS = [suffix.removeprefix(".") for suffix in (*unpack.KNOWN, *unpack.PACKED)]
FORMS = "CSV, TSV, JSON, Parquet or a workbook, also packed"
MADE_HERE = "labelled-here.csv"
QUESTIONS = 4


@dataclass(frozen=True)
class Upload:
    """An uploaded file as it was read: the SHA-256 of its bytes, the table in them, whether what is personal is to be masked."""

    sha: str
    table: Table
    mask: bool


def ask(label: str, key: str, hint: str, *, made: bytes | None = None, labelled: bool = True) -> Upload | None:
    """What was uploaded, else the CSV that was `made` on the page; None where there is nothing or something is open.

    A `labelled` file needs two columns.
    """
    given = st.file_uploader(label, type=KINDS, key=key)
    content = given.getvalue() if given is not None else made
    if content is None:
        st.caption(hint)
        return None
    sha, name = hashlib.sha256(content).hexdigest(), given.name if given is not None else MADE_HERE
    with states.guard():
        found = _read_as_said(content, name, sha, labelled=labelled)
        if found is not None:
            table, reading = found
            return Upload(sha, two_columns(table) if labelled else table, reading.personal != "keep")
    return None


def _read_as_said(content: bytes, name: str, sha: str, *, labelled: bool) -> tuple[Table, Reading] | None:
    """The table, shown, as a person changed and answered its reading; None while a question is open."""
    named, part = _parts(sha, name, content), None
    if named:
        part = st.selectbox("Table in the archive", named, None, placeholder=f"Choose one of {len(named)}", key=f"part-{sha}")
        if part is None:
            return None
    place, reading = st.container(), _reading.changed(sha, Reading(part=part), ("encoding", "delimiter"), texts=labelled, ids=False)
    with st.spinner("Reading the file…"):
        table = _table(sha, name, reading.encoding, reading.delimiter, reading.part, content)
    with place:
        for _ in range(QUESTIONS):
            answer = _reading.answered(sha, reading, table.questions)
            if answer == reading:
                break
            reading, table = answer, _table(sha, name, answer.encoding, answer.delimiter, answer.part, content)
        st.text(table.words)
        head = table.frame.head(PREVIEW)
        alt = f"The first rows of the file, {PREVIEW} at most"
        st.dataframe(head, height=tables.height(len(head), most=SEEN), alt=alt, placeholder="")  # headed as the file is
    return None if table.questions else (table, reading)


@st.cache_resource(show_spinner=False, max_entries=4)
def _table(sha: str, name: str, encoding: str | None, delimiter: str | None, part: str | None, _content: bytes) -> Table:
    # the SHA-256 stands for the content, which is not hashed again
    with _written(_content) as path:
        return read_table(path, name, Reading.of(encoding=encoding, delimiter=delimiter, part=part))


@st.cache_resource(show_spinner=False, max_entries=4)
def _parts(sha: str, name: str, _content: bytes) -> list[str]:
    """The tables of an archive that holds several."""
    with _written(_content) as path:
        return unpack.parts(path, name, path.parent)


@contextmanager
def _written(content: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        yield path
