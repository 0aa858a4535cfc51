"""Filters that live in the URL: a link shows another person the same view.

The widget's `key` is the query parameter's name; a filter of the same key on another page keeps
its value. Streamlit keeps an option's label in the URL, so every label stands for one option; a link
may name the option itself too. What a link asks for and the options do not have is ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException

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
    """One of `options` (at least one): side by side when they are few, a list otherwise; labels that repeat name their option."""
    first = options[0] if default is None or default not in options else default
    labels = told_apart(options, format_func)
    _follow(key, labels)

    def label_of(option: T) -> str:
        return labels.get(option, str(option))

    if segmented if segmented is not None else len(options) <= SEGMENTED_UP_TO:
        picked: T | None = st.segmented_control(
            label, options, default=first, required=True, format_func=label_of, key=key, help=help, bind="query-params"
        )
    else:
        picked = st.selectbox(
            label, options, index=list(options).index(first), format_func=label_of, key=key, help=help, bind="query-params"
        )
    return picked if picked is not None else first


def told_apart(options: Sequence[T], format_func: Callable[[T], str] = str) -> dict[T, str]:
    """The label of each option; one that others have too, or that is another option's name, is followed by its option."""
    labels = {option: format_func(option) for option in options}
    times, names = Counter(labels.values()), {str(option) for option in options}

    def clear(option: T, label: str) -> bool:
        return not str(option) or label == str(option) or (times[label] == 1 and label not in names)

    return {option: label if clear(option, label) else f"{label} · {option}" for option, label in labels.items()}


def _follow(key: str, labels: dict[T, str]) -> None:
    """Where a link names an option itself, put its label into the URL, from where Streamlit chooses it."""
    asked = st.query_params.get(key)
    named = next((option for option in labels if asked and str(option) == asked), None)
    if named is None or asked in labels.values():
        return
    try:
        st.query_params[key] = labels[named]
    except StreamlitAPIException:  # the widget is drawn already and its parameter its own: one went back to a link
        st.session_state[key] = named
        return
    st.rerun()


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
