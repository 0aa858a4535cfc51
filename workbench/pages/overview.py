"""What there is, how good it is and what to do next."""

from __future__ import annotations

import streamlit as st

from workbench.components import context, progress

TITLE = "Overview"
ICON = ":material/dashboard:"
ORDER = 0


def render() -> None:
    st.title(TITLE, anchor=False)
    for status in progress.running():
        progress.watch(status.id)
    counts = context.store().counts()
    for column, (table, rows) in zip(st.columns(len(counts)), counts.items(), strict=True):
        column.metric(table.capitalize(), f"{rows:,}", border=True)
