"""A person is forgotten: what the shop has of them, the consent, and the proof that nothing is left."""

from __future__ import annotations

from typing import Any

import streamlit as st

from workbench.components import context, states
from workbench.pages import _uploads
from workbench.shop.forget import forget, held, in_words, need_quiet, rows_in_words

_DONE = "forgotten"
WHAT = """
Deletes all rows of a user in the shop, its snapshots and every version, and every other file of the home that holds a trace; then
all files are searched for what may be left. The last import cannot be undone afterwards, and files that wait to be imported are taken
off the page. Where ids are stored as keyed hashes, give the id as the shop's files have it.
"""


def show() -> None:
    """The part of the page Data where a user id is given, looked up and forgotten; not in a shop that never held anything."""
    done: dict[str, Any] | None = st.session_state.get(_DONE)
    if done is None and context.store().data_version == 0:
        return
    with st.expander("Forget a person", icon=":material/person_remove:", expanded=done is not None):
        if done is not None:
            _proof(done)
            return
        st.markdown(WHAT)
        user = st.text_input("User id", key="forget-user", max_chars=200).strip()
        if user:
            with states.guard():
                _consent(user)


def _consent(user: str) -> None:
    rows = held(context.store(), user)
    st.text(f"Rows of this user: {rows_in_words(rows)}." if rows else "No table has rows of this user; other files may still name them.")
    agreed = st.checkbox("Delete all of it; this cannot be undone", key=f"forget-agreed-{user}")
    if st.button("Forget this person", key="forget", type="primary", icon=":material/person_remove:", disabled=not agreed):
        need_quiet(context.home())  # before the shop is closed: opening it again clears what a run is reading
        with st.spinner("Deleting, writing files anew and searching them; other windows wait meanwhile…"), context.closed():
            done = forget(context.home(), user)
        st.session_state[_DONE] = {**done, "user": user}
        _uploads.empty()
        st.rerun()


def _proof(done: dict[str, Any]) -> None:
    left = done["found"]
    st.markdown(":red[:material/error: **Traces are left**]" if left else ":green[:material/check_circle: **Forgotten**]")
    for line in (f"User {done['user']}", *in_words(done)):
        st.text(line)
    st.button("Close", key="forget-close", on_click=lambda: st.session_state.pop(_DONE, None))
