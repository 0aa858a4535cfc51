"""Buttons that hand a table on, made only when they are pressed; no cell is ever a formula."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.export import to_csv, to_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def table_downloads(frame: pd.DataFrame, name: str, key: str) -> None:
    """CSV and XLSX of `frame`, saved as `name`.csv and `name`.xlsx."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV",
            lambda: to_csv(frame),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"{key}-csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "XLSX",
            lambda: to_xlsx({name: frame}),
            file_name=f"{name}.xlsx",
            mime=XLSX,
            key=f"{key}-xlsx",
            on_click="ignore",
            icon=":material/download:",
        )


def table(frame: pd.DataFrame, name: str, key: str, **options: object) -> None:
    """`frame` as literal text in a table, with its downloads."""
    st.dataframe(frame, hide_index=True, alt=name, key=f"{key}-table", **options)  # type: ignore[call-overload]
    table_downloads(frame, name, key)
