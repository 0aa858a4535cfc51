"""A box to tick under what is asked: it holds for exactly that, and is empty again once something else is asked."""

from __future__ import annotations

import hashlib
from typing import Any

import streamlit as st


def agreed(label: str, key: str, to: Any) -> bool:
    """Whether the box is ticked; `to` is all that a person agrees to by it, told apart by its `repr`."""
    return st.checkbox(label, key=f"{key}-{digest(to)}")


def digest(what: Any) -> str:
    """A short name for what a widget is about, for its key."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:8]
