"""Before an upload: what can be taught, and the shop's own rows that are most worth labelling."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, tables, url
from workbench.insights.unsure import unsure
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.labelled import LEAST_ROWS, known_labels, teachable

SIZES = [50, 100, 500]
HERE = "labelled-here"  # in the session: the rows labelled in the page, as CSV
_GIVEN = "labelled-given"  # in the session: the labels given so far, by task and text
_BEGUN = "labelled-begun"  # in the session: those of them that the table was begun with
HERE_ROWS = 50
ROW = 84  # pixels: three lines of a text, so that most can be read to their end


def show(store: Store, space: Space) -> None:
    """The rows that the model is least sure of, to label here, or to download, label and bring back."""
    st.subheader("Nothing labelled yet?", anchor=False)
    st.text("These are the rows that the model is least sure of. Label some here, or take them as a file, fill in “label” and upload it.")
    titles = {name: title for name, title in teachable(store).items() if space.has_task(name)}
    if not titles:
        st.caption("The active model predicts no labels of texts: upload rows of your own.")
        return
    left, right = st.columns(2)
    with left:
        task = url.choice("Task", list(titles), "unsure", "sentiment", segmented=False, format_func=titles.__getitem__)
    with right:
        n = url.choice("Rows", SIZES, "rows", SIZES[1])
    labels = _labels(*context.state_key(), task) or space.labels(task)
    st.text("Its labels: " + ", ".join(labels) + ". First come the rows whose two likeliest labels are closest.")
    rows = _unsure(store, space, context.state_key(), task, n)
    here, as_file = st.tabs(["Label them here", "As a file"])
    with here:
        _label_here(rows.head(HERE_ROWS), task, labels)
    config = {"text": st.column_config.TextColumn(width="large"), "probability": st.column_config.NumberColumn(format="%.2f")}
    with as_file:
        downloads.table(rows, f"label-{task}", "worth-labelling", column_config=config)


def _label_here(rows: pd.DataFrame, task: str, labels: list[str]) -> None:
    """A table whose column “label” is filled in; what is filled in becomes an upload.

    Streamlit keeps what is filled in by a row's place: each list has a table of its own, which begins with the labels that its texts have.
    """
    columns = {
        "text": st.column_config.TextColumn(width="large"),
        "label": st.column_config.SelectboxColumn(options=labels),
        "probability": st.column_config.NumberColumn(format="%.2f"),
    }
    key = f"here-{task}-{hashlib.sha256(json.dumps(rows['text'].tolist()).encode()).hexdigest()[:16]}"
    given = st.session_state.setdefault(_GIVEN, {})
    if key not in st.session_state:
        st.session_state[_BEGUN] = dict(given)
    begun = st.session_state[_BEGUN]
    shown = rows[["text", "label", "predicted", "probability"]].assign(label=[begun.get((task, text)) for text in rows["text"]])
    answer = st.data_editor(
        shown,
        hide_index=True,
        disabled=["text", "predicted", "probability"],
        column_config=tables.headings(shown, columns),
        placeholder="",
        row_height=ROW,
        key=key,
        alt="Rows to label, the model's least sure first",
    )
    done = answer[answer["label"].notna()]
    given.update({(task, text): None for text in answer["text"]})
    given.update({(task, text): label for text, label in zip(done["text"], done["label"], strict=True)})
    enough = len(done) >= LEAST_ROWS and done["label"].nunique() > 1
    st.caption(f"{len(done):,} labelled so far; {LEAST_ROWS} rows with two labels or more can be taught.")
    words = "Teach this row" if len(done) == 1 else f"Teach these {len(done):,} rows" if len(done) else "Teach these rows"
    st.button(words, key="teach-here", disabled=not enough, icon=":material/school:", on_click=_use, args=(done,))


def _use(done: pd.DataFrame) -> None:
    """Make an upload of the rows; their labels are kept for who comes back to them."""
    st.session_state[HERE] = done[["text", "label"]].to_csv(index=False).encode("utf-8")


def back() -> None:
    """The way back from the upload to the rows, with the labels that they were given."""
    st.button("Back to the rows", key="back-to-rows", icon=":material/arrow_back:", on_click=lambda: st.session_state.pop(HERE, None))


@st.cache_data(show_spinner=False, max_entries=16)
def _labels(root: str, data_version: int, version: str, task: str) -> list[str]:
    return known_labels(context.store(), task)


@st.cache_data(show_spinner=False, max_entries=16)
def _unsure(_store: Store, _space: Space, state: tuple[str, int, str], task: str, n: int) -> pd.DataFrame:
    return unsure(_store, _space, task, n)
