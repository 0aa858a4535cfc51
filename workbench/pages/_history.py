"""The history of a customer as a table that can be edited, to ask "what if they had…". Nothing of it is saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, encoder, tables
from workbench.insights import search
from workbench.insights.catalogue import about
from workbench.insights.history import Step
from workbench.shop.store import Store
from workbench.tasks.histories import KINDS

SHOWN = 400
SEEN = 6


def editor(store: Store, user: str, steps: list[Step]) -> list[Step] | None:
    """Draw the history; returns the edited steps once "Recommend again" was pressed, None while it is as stored."""
    st.subheader("History", anchor=False)
    place = _place(user)
    draft: list[Step] = st.session_state.setdefault(f"{place}-draft", steps[-SHOWN:])
    if len(steps) > SHOWN:
        st.caption(f"The newest {SHOWN:,} of {len(steps):,} steps.")
    edited = _table(store, draft, place)
    changed = edited != steps[-SHOWN:]
    if changed:
        encoder.warm()
    asked: list[Step] | None = st.session_state.get(f"{place}-asked")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Recommend again", type="primary", key="rerun", disabled=not changed or edited == asked, on_click=_rerun, args=(place, edited)
        )
        st.button("Reset", key="reset", disabled=not changed and asked is None, on_click=_reset, args=(place,))
        with st.popover("Add a product", icon=":material/add:"):
            _add(store, place, edited)
        downloads.table_downloads(frame(store, edited), f"history-{user}", "history")
    return asked


def frame(store: Store, steps: list[Step]) -> pd.DataFrame:
    """Steps with the titles of their products, newest first."""
    titles = about(store, [step.product_id for step in steps])
    rows = [(titles[s.product_id].title, s.kind, s.rating, s.happened_at, s.product_id) for s in reversed(steps)]
    made = pd.DataFrame(rows, columns=["product", "kind", "rating", "when", "product_id"])
    return made.astype({"rating": "float64"})


def _table(store: Store, draft: list[Step], place: str) -> list[Step]:
    shown = frame(store, draft)
    version = st.session_state.get(f"{place}-version", 0)
    answer = st.data_editor(
        shown,
        hide_index=True,
        height=tables.height(len(shown), most=SEEN),
        num_rows="delete",
        disabled=["product", "when", "product_id"],
        column_config={
            "product": st.column_config.TextColumn("Product", width=400),
            "kind": st.column_config.SelectboxColumn("What", options=list(KINDS), required=True, width=110),
            "rating": st.column_config.NumberColumn("Stars", min_value=1, max_value=5, step=1, width=90),
            "when": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD", width=110),
            "product_id": st.column_config.TextColumn("Id", width=110),
        },
        placeholder="",
        key=f"{place}-table-{version}",
        alt="The customer's history, newest first",
    )
    return _steps(answer, draft)


def _steps(answer: pd.DataFrame, draft: list[Step]) -> list[Step]:
    """The rows that are left, oldest first; a step whose stars were changed is no longer the review that was stored."""
    made = []
    for position, row in answer[::-1].iterrows():
        before = draft[len(draft) - 1 - int(str(position))]
        rating = None if pd.isna(row["rating"]) else float(row["rating"])
        same = rating == before.rating and row["kind"] == before.kind
        made.append(before if same else Step(before.product_id, str(row["kind"]), before.happened_at, rating, None))
    return made


def _add(store: Store, place: str, edited: list[Step]) -> None:
    typed = st.text_input("Find a product", key=f"{place}-find", live=True, type="search", max_chars=search.LONGEST) or ""
    hits = {hit.id: hit.title for hit in search.products(store, typed.strip(), 30)}
    if not hits:
        st.text("No product matches.")
        return
    product = st.selectbox("Product", list(hits), format_func=lambda key: f"{hits[key][:80]} · {key}", key=f"{place}-add-{typed}")
    kind = st.selectbox("What they did", list(KINDS), key=f"{place}-add-kind")
    stars = st.number_input("Stars", 1, 5, 5, key=f"{place}-add-stars", disabled=kind != "review")
    step = Step(str(product), str(kind), _now(edited), float(stars) if kind == "review" else None)
    st.button("Add", key="add", on_click=_replace, args=(place, [*edited, step]))


def _now(steps: list[Step]) -> datetime:
    """After the newest step of the history, so that what is added comes last."""
    times = [step.happened_at for step in steps if step.happened_at]
    return max(times) if times else datetime.now().replace(microsecond=0)


def _place(user: str) -> str:
    _, data_version, _ = context.state_key()
    return f"history-{user}-{data_version}"


def _replace(place: str, steps: list[Step]) -> None:
    st.session_state[f"{place}-draft"] = steps
    st.session_state[f"{place}-version"] = st.session_state.get(f"{place}-version", 0) + 1


def _rerun(place: str, steps: list[Step]) -> None:
    _replace(place, steps)
    st.session_state[f"{place}-asked"] = steps


def _reset(place: str) -> None:
    version: Any = st.session_state.get(f"{place}-version", 0)
    for name in ("draft", "asked"):
        st.session_state.pop(f"{place}-{name}", None)
    st.session_state[f"{place}-version"] = version + 1
