"""Any table of texts labelled by the active version: upload, choose, look, download."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from workbench.components import downloads, states, url
from workbench.components.encoder import inference
from workbench.jobs.labelling import ADDED, labelled, names_beside
from workbench.pages import _texts_file
from workbench.shop.space import Space
from workbench.tasks.labelled import teachable
from workbench.tasks.tables import text_column

MOST_ROWS = 2000
SEEN = 10
_MADE = "labelled-table"  # in the session: what was labelled last, and what it answers


class _Made(NamedTuple):
    """A labelled table with the rows, the column of the text, the task and the version's state that it was made of."""

    rows: pd.DataFrame
    of: tuple[str, str, str]
    answer: pd.DataFrame


def show(space: Space) -> None:
    """A file in, the same file with label, probability and abstain out."""
    st.subheader("Label a table", anchor=False)
    titles = {name: title for name, title in teachable(space.store).items() if space.has_task(name)}
    if not titles:
        st.caption("The active version has no task that labels texts.")
        return
    hint = f"{_texts_file.FORMS}. Up to {MOST_ROWS:,} rows here; `workbench predict` has no such limit."
    upload = _texts_file.ask("A table of texts that the active version is to label", "to-label", hint, labelled=False)
    if upload is None:
        return
    with states.guard():
        frame = upload.table.frame
        columns, text = list(frame.columns), text_column(frame)
        left, right = st.columns(2)
        text = left.selectbox("Column of the text", columns, columns.index(text), key="to-label-text")
        with right:
            task = url.choice("Label by", list(titles), "by", "sentiment", segmented=False, format_func=titles.__getitem__)
        if len(frame) > MOST_ROWS:
            st.text(f"The table has {len(frame):,} rows: the first {MOST_ROWS:,} are labelled.")
        rows, of = frame.head(MOST_ROWS), (text, task, space.version.state)
        if st.button("Label it", type="primary", key="label-it", icon=":material/label:"):
            with st.spinner("Reading the texts…"):
                answer = labelled(rows, inference().predict(task, rows[text].tolist()))
            st.session_state[_MADE] = _Made(rows, of, answer)
        made: _Made | None = st.session_state.get(_MADE)
        if made is not None and made.of == of and made.rows.equals(rows):
            _answer(made.answer, names_beside(rows))


def _answer(made: pd.DataFrame, names: tuple[str, str, str]) -> None:
    """The labelled table, whose added columns are called `names`."""
    _, probability, abstain = names
    silent = int(made[abstain].sum())
    st.text(f"{len(made):,} rows labelled; {silent:,} of them are unlike all that was learned: mind those yourself.")
    if names != ADDED:
        st.text(f"The file has columns of these names already, so those added are called {', '.join(names)}.")
    config = {probability: st.column_config.NumberColumn(format="%.2f")}
    downloads.table(made, "labelled", "labelled", column_config=config, most=SEEN)
