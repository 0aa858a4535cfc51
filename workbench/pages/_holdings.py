"""What the shop holds: its tables, the quality and the rows of each, and the last import, which can be taken back."""

from __future__ import annotations

import streamlit as st

from workbench.components import context, downloads, states, tables, training
from workbench.insights import activity
from workbench.pages import _quality
from workbench.shop.importers import undo
from workbench.shop.schema import TABLES

PAGE = "data"
RESULT = "data-result"  # where the page keeps what the last import did
ROWS = 200
QUALITY, FIRST, IMPORTED = "Quality", "Rows", "Rows of the last import"


def show() -> None:
    """All tables, and of the chosen one its quality or its rows."""
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
    tables.show(frame, "Tables, their rows and the times they span", "data-tables", column_config=columns)
    st.caption(f"Data version {store.data_version}{_unread()}")
    _last_import()
    filled = [name for name, rows in counts.items() if rows]
    name = st.segmented_control("Table", filled, default=filled[0], required=True, key="data-look") or filled[0]
    touched, query = undo.touched(store, TABLES[name])
    view = st.segmented_control("Show", [QUALITY, FIRST, *([IMPORTED] if touched else [])], key="data-view")
    if view == QUALITY:
        _quality.show(name)
    elif view == FIRST:
        _rows(name, f"SELECT * FROM {name}", counts[name], "")
    elif view == IMPORTED:
        _rows(name, query, touched, "that the last import added or changed")


def _rows(name: str, query: str, total: int, which: str) -> None:
    store = context.store()
    said = f"{f'The first {ROWS} of ' if total > ROWS else ''}{total:,} row{'' if total == 1 else 's'} {which}".strip()
    st.caption(said + ("; the files hold all." if total > ROWS else ""))
    downloads.table(store.frame(f"{query} LIMIT {ROWS}"), name, f"data-{name}", whole=lambda: store.frame(query))


def _unread() -> str:
    """What the active version has not seen of the rows, in words."""
    space = context.space()
    unseen = training.unseen_words(space) if space else ""
    return f" · the active model has not seen {unseen}; the page Overview lets it read them" if unseen else ""


def _last_import() -> None:
    """The last import, and the button that takes it back."""
    last = undo.last(context.store())
    if last is None:
        return
    files = ", ".join(str(file["file"])[:60] for file in last["files"])
    what = f"{files} · {str(last['when']).replace('T', ' ')}"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.text(f"Last import: {what}")
        if st.button("Undo this import", key="data-undo", icon=":material/undo:"):
            _ask_undo(what)


@st.dialog("Undo this import?")
def _ask_undo(what: str) -> None:
    st.text(what)
    st.text("The rows that it added go, those that it changed become what they were. Only importing the files again brings it back.")
    if st.button("Undo it", type="primary", key="data-undo-yes", on_click=_undo):
        st.rerun()


def _undo() -> None:
    with states.saying(PAGE):
        undone = undo.take_back(context.store())
        st.session_state.pop(RESULT, None)
        removed, restored = (sum(counts[part] for counts in undone["tables"].values()) for part in ("removed", "restored"))
        states.say(PAGE, f"The import was undone: {removed:,} rows removed, {restored:,} as they were before.")
