"""The active version's space, or what to do where there is none yet."""

from __future__ import annotations

import streamlit as st

from workbench.components import context, progress, states
from workbench.shop.space import Space


def model(page: str = "models") -> Space:
    """The active version's space; without one, say what to do next and end the page."""
    found = context.space()
    if found is not None:
        return found
    if gone():
        st.stop()
    training = [status.id for status in progress.running() if status.kind == "train"]
    if training:
        st.text("The first model is being trained; this page fills when it is ready.")
        progress.watch(training[0])
    elif any(context.store().counts().values()):
        states.empty(
            "No model yet", "This page reads a trained model. Train one on the shop's data: it takes some minutes.", "Train a model", page
        )
    else:
        states.empty("This shop is empty", "Import the shop's files first; then a model can learn from them.", "Import data", "data")
    st.stop()


def gone() -> bool:
    """Whether the active version's folder is gone; if so, that and what to do is said here."""
    registry = context.registry()
    if not registry.missing():
        return False
    why = registry.none_active()
    states.empty("The active model is missing", f"{why.problem} {why.page}", "See the models", "models")
    return True
