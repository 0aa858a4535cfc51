"""The active version's encoder for the pages: one warm process for everybody, started when first asked."""

from __future__ import annotations

import streamlit as st

from workbench.components import context
from workbench.errors import WorkbenchError
from workbench.jobs.inference import Inference


def inference() -> Inference:
    """The client of the active version; WorkbenchError before the first promotion."""
    registry = context.registry()
    active = registry.active()
    if registry.missing():
        raise registry.none_active()
    if active is None:
        raise WorkbenchError("No model version is active, so no text can be read.", "Train one on the page Models.")
    return _client(str(context.home().root), active.id, active.state)


@st.cache_resource(show_spinner=False, max_entries=1, on_release=Inference.close)
def _client(root: str, version: str, state: str) -> Inference:
    from workbench.home import Home

    return Inference(Home.find(root), version)
