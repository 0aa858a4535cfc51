"""Part of the page Fine-tune: the file of labelled rows, as it was read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st

from workbench.components import states, tables
from workbench.pages import _labelling
from workbench.tasks.tables import ENCODINGS, Table, read_table, two_columns

PREVIEW = 200
SEEN = 6


@dataclass(frozen=True)
class Upload:
    """An uploaded file as it was read: its bytes, their SHA-256 and the table in them."""

    content: bytes
    sha: str
    table: Table


def ask() -> Upload | None:
    """What was uploaded, or labelled on this page; None where there is nothing or it cannot be read."""
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
