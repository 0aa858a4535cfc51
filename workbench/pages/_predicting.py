"""Any table of texts labelled by the active version: upload, choose, look, download."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.components import downloads, states, url
from workbench.components.encoder import inference
from workbench.jobs.labelling import labelled
from workbench.pages import _texts_file
from workbench.shop.space import Space
from workbench.tasks.labelled import teachable
from workbench.tasks.tables import text_column

MOST_ROWS = 2000
SEEN = 10


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
        if st.button("Label it", type="primary", key="label-it", icon=":material/label:"):
            with st.spinner("Reading the texts…"):
                rows = frame.head(MOST_ROWS)
                st.session_state["labelled-table"] = labelled(rows, inference().predict(task, rows[text].tolist()))
        _answer(st.session_state.get("labelled-table"))


def _answer(made: pd.DataFrame | None) -> None:
    if made is None:
        return
    silent = int(made["abstain"].sum())
    st.text(f"{len(made):,} rows labelled; {silent:,} of them are unlike all that was learned: mind those yourself.")
    config = {"probability": st.column_config.NumberColumn(format="%.2f")}
    downloads.table(made, "labelled", "labelled", column_config=config, most=SEEN)
