"""Before an upload: what can be taught, and the shop's own rows that are most worth labelling."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, url
from workbench.insights.unsure import unsure
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.labelled import known_labels, teachable

SIZES = [50, 100, 500]


def show(store: Store, space: Space) -> None:
    """The rows that the model is least sure of, to download, label and bring back."""
    st.subheader("Nothing labelled yet?", anchor=False)
    st.text("Take the rows that the model is least sure of, fill in their column “label” and upload the file above.")
    titles = {name: title for name, title in teachable(store).items() if space.has_task(name)}
    if not titles:
        st.caption("The active model predicts no labels of texts: upload rows of your own.")
        return
    left, right = st.columns(2)
    with left:
        task = url.choice("Task", list(titles), "unsure", "sentiment", segmented=False, format_func=titles.__getitem__)
    with right:
        n = url.choice("Rows", SIZES, "rows", SIZES[1])
    st.text("Its labels: " + ", ".join(_labels(*context.state_key(), task)))
    rows = _unsure(store, space, context.state_key(), task, n)
    columns = {
        "text": st.column_config.TextColumn(width="large"),
        "probability": st.column_config.NumberColumn(format="%.2f"),
    }
    downloads.table(rows, f"label-{task}", "worth-labelling", column_config=columns)


@st.cache_data(show_spinner=False, max_entries=16)
def _labels(root: str, data_version: int, version: str, task: str) -> list[str]:
    return known_labels(context.store(), task)


@st.cache_data(show_spinner=False, max_entries=16)
def _unsure(_store: Store, _space: Space, state: tuple[str, int, str], task: str, n: int) -> pd.DataFrame:
    return unsure(_store, _space, task, n)
