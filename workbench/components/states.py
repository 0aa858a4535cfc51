"""What a page shows when there is nothing, when something went wrong, and how a figure came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from workbench.components import context
from workbench.errors import WorkbenchError

_PLACES = "_places"
_SAID = "{page}-said"


def know(pages: Mapping[str, Any]) -> None:
    """Remember the app's pages by name, so that components can lead there."""
    st.session_state[_PLACES] = dict(pages)


def go(page: str, **query: str) -> None:
    """Switch to the page of this name, where the app has one, with these parameters in its URL."""
    place = st.session_state.get(_PLACES, {}).get(page)
    if place is not None:
        st.switch_page(place, query_params=query)


def empty(title: str, what: str, button_label: str | None = None, page: str | None = None) -> None:
    """An empty state: what is missing, what to do next, and the button that leads there."""
    with st.container(border=True):
        st.subheader(title, anchor=False)
        st.text(what)
        if button_label and page and st.button(button_label, type="primary", key=f"empty-{page}-{title}"):
            go(page)


def failed(error: WorkbenchError, what: str = "This could not be done") -> None:
    """Problem and fix, as literal text: a bad value of a file may look like Markdown."""
    with st.container(border=True):
        st.markdown(f":red[:material/error: **{what}**]")
        st.text(error.problem)
        st.markdown(":material/arrow_forward: **What to do**")
        st.text(error.page)


@contextmanager
def guard() -> Iterator[None]:
    """Show a WorkbenchError of the block as problem and fix; the page goes on after it."""
    try:
        yield
    except WorkbenchError as error:
        failed(error)


def say(page: str, what: str | WorkbenchError) -> None:
    """What came of a decision, for `answer` to say when the page is drawn next: a callback cannot draw."""
    st.session_state[_SAID.format(page=page)] = what


@contextmanager
def saying(page: str) -> Iterator[None]:
    """A WorkbenchError of the block is said by `answer`."""
    try:
        yield
    except WorkbenchError as error:
        say(page, error)


def answer(page: str) -> None:
    """What came of the last decision on a page, once."""
    said = st.session_state.pop(_SAID.format(page=page), None)
    if isinstance(said, WorkbenchError):
        failed(said)
    elif said:
        st.success(said, icon=":material/check_circle:")


def how(text: str) -> None:
    """The help line "How is this computed?" with the data and the model version that were used."""
    _, data_version, version = context.state_key()
    with st.popover("How is this computed?", icon=":material/help:", type="tertiary"):
        st.markdown(text)
        st.caption(f"Data version {data_version} · model {version or 'none yet'}")
