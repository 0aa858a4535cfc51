"""Filters that live in the URL: a link shows another person the same view.

The widget's `key` is the query parameter's name; a filter of the same key on another page keeps
its value. What a link asks for and the options do not have is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")
SEGMENTED_UP_TO = 4


def choice(
    label: str,
    options: Sequence[T],
    key: str,
    default: T | None = None,
    *,
    segmented: bool | None = None,
    format_func: Callable[[T], str] = str,
    help: str | None = None,
) -> T:
    """One of `options` (at least one): side by side when they are few, a list otherwise."""
    first = options[0] if default is None or default not in options else default
    if segmented if segmented is not None else len(options) <= SEGMENTED_UP_TO:
        picked: T | None = st.segmented_control(
            label, options, default=first, required=True, format_func=format_func, key=key, help=help, bind="query-params"
        )
    else:
        picked = st.selectbox(
            label, options, index=list(options).index(first), format_func=format_func, key=key, help=help, bind="query-params"
        )
    return picked if picked is not None else first


def choices(
    label: str,
    options: Sequence[str],
    key: str,
    default: Sequence[str] = (),
    *,
    placeholder: str = "all",
    format_func: Callable[[str], str] = str,
    help: str | None = None,
) -> list[str]:
    """Any number of `options`; an empty list means that nothing was narrowed down."""
    kept = [d for d in default if d in options]
    return list(
        st.multiselect(
            label, options, default=kept, key=key, placeholder=placeholder, format_func=format_func, help=help, bind="query-params"
        )
    )


def text(label: str, key: str, default: str = "", *, placeholder: str | None = None, help: str | None = None) -> str:
    """What was typed, without the spaces around it."""
    return (st.text_input(label, default, key=key, placeholder=placeholder, help=help, bind="query-params") or "").strip()


def dates(label: str, key: str, first: date, last: date, *, help: str | None = None) -> tuple[date, date] | None:
    """First and last day of a range within `first`..`last`; None while all days are meant."""
    empty: Any = ()
    picked: Any = st.date_input(label, empty, min_value=first, max_value=last, format="YYYY-MM-DD", key=key, help=help, bind="query-params")
    return (picked[0], picked[1]) if isinstance(picked, tuple) and len(picked) == 2 else None
