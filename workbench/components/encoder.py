"""The active version's encoder for the pages: one warm process for everybody, started when first asked."""

from __future__ import annotations

from contextlib import suppress

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


def warm() -> None:
    """Start its process, without waiting, where it will be asked soon; what stands in its way is told to who asks."""
    with suppress(WorkbenchError):
        inference().warm()


@st.cache_resource(show_spinner=False, max_entries=1, on_release=Inference.close)
def _client(root: str, version: str, state: str) -> Inference:
    from workbench.home import Home

    return Inference(Home.find(root), version)
