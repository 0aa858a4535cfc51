"""The quality of each table on the page Data: what is odd, how often, and the rows behind it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import context, downloads, tables
from workbench.insights import quality
from workbench.shop.doubts import TIMES


@st.cache_data(show_spinner="Looking through the table", max_entries=32)
def _found(state: tuple[str, int], table: str) -> dict[str, pd.DataFrame]:
    """Everything about a table at a data version of a home."""
    store = context.store()
    found = {"checks": quality.report(store, table), "columns": quality.columns(store, table)}
    if table in TIMES:
        found["holes"] = quality.holes(store, table)
    return found | ({"languages": quality.languages(store)} if table == "reviews" else {})


def show(table: str) -> None:
    """The report of one table, with the rows behind the check that was picked."""
    found = _found(context.state_key()[:2], table)
    share = {"share": st.column_config.NumberColumn(format="percent"), "rows": st.column_config.NumberColumn(format="localized")}
    if found["checks"].empty:
        st.text("Nothing odd was found.")
    else:
        _checks(found["checks"], table, share)
    holes = found.get("holes")
    if holes is not None and not holes.empty:
        st.caption("Days without a row, far longer than usual")
        tables.show(holes, "Holes in time", f"quality-holes-{table}")
    if "languages" in found and len(found["languages"]) > 1:
        st.caption("Languages of the reviews")
        tables.show(found["languages"], "Reviews by language", "quality-languages", column_config=share)
    st.caption("Columns: rows that have a value, different values (estimated), the least and the greatest")
    tables.show(found["columns"], "Columns of the table", f"quality-columns-{table}", most=12)


def _checks(checks: pd.DataFrame, table: str, config: dict[str, Any]) -> None:
    st.caption("Click a line to see the rows behind it")
    picked = tables.show(
        checks, "What is odd", f"quality-{table}", column_config={"check": None, **config}, on_select="rerun", selection_mode="single-row"
    )
    rows = picked.selection.rows
    if rows:
        check = checks.iloc[rows[0]]
        behind = quality.behind(context.store(), table, str(check["check"]))
        shown = f"the first {len(behind):,} of {check['rows']:,}" if check["rows"] > len(behind) else f"{check['rows']:,}"
        st.caption(f"Where {check['meaning']}: {shown} rows")
        downloads.table(behind, f"{table}-{check['check']}", f"quality-rows-{table}")
