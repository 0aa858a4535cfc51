"""Tables that leave the workbench: CSV and XLSX in which no cell is ever a formula."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pandas as pd

_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(value: Any) -> Any:
    """`value`, with an apostrophe before text that a spreadsheet would take for a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_STARTS) else value


def escape(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of `frame` whose column names and text cells are safe in a spreadsheet."""
    safe = frame.map(escape_cell)
    safe.columns = [escape_cell(str(c)) for c in frame.columns]
    return safe


def to_csv(frame: pd.DataFrame) -> bytes:
    """`frame` as CSV in UTF-8 with a BOM (so that spreadsheets read Chinese), formulas escaped."""
    return escape(frame).to_csv(index=False).encode("utf-8-sig")


def to_xlsx(sheets: Mapping[str, pd.DataFrame]) -> bytes:
    """`sheets` as one workbook; text is written as text, never as a formula or a link."""
    buffer = io.BytesIO()
    options = {"options": {"strings_to_formulas": False, "strings_to_urls": False}}
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs=options) as writer:
        for name, frame in sheets.items():
            escape(frame).to_excel(writer, sheet_name=name[:31], index=False)
    return buffer.getvalue()
