"""Buttons that hand a table on, made only when they are pressed; no cell is ever a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import tables
from workbench.export import to_csv, to_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def table_downloads(frame: pd.DataFrame, name: str, key: str, *, whole: Callable[[], pd.DataFrame] | None = None) -> None:
    """CSV and XLSX of `frame`, saved as `name`.csv and `name`.xlsx; of what `whole` gives where the page shows a part of it."""
    made = whole or (lambda: frame)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV",
            lambda: to_csv(made()),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"{key}-csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "XLSX",
            lambda: to_xlsx({name: made()}),
            file_name=f"{name}.xlsx",
            mime=XLSX,
            key=f"{key}-xlsx",
            on_click="ignore",
            icon=":material/download:",
        )


def table(frame: pd.DataFrame, name: str, key: str, *, whole: Callable[[], pd.DataFrame] | None = None, **options: Any) -> None:
    """`frame` as `tables.show` draws it with these options, and its downloads, as `table_downloads`."""
    tables.show(frame, name, f"{key}-table", **options)
    table_downloads(frame, name, key, whole=whole)
