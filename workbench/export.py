"""Tables that leave the workbench: CSV and XLSX in which no cell is ever a formula."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pandas as pd

SHEET_ROWS, CELL = 1_048_575, 32_767  # what XLSX holds below a header and in a cell
_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(value: Any) -> Any:
    """`value`, with an apostrophe before text that a spreadsheet would take for a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_STARTS) else value


def escape(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of `frame` whose column names and text cells are safe in a spreadsheet."""
    safe = frame.map(escape_cell)
    safe.columns = [escape_cell(str(c)) for c in frame.columns]
    return safe


def _fitting(value: Any) -> Any:
    return value[: CELL - 1] + "…" if isinstance(value, str) and len(value) > CELL else value


def to_csv(frame: pd.DataFrame) -> bytes:
    """`frame` as CSV in UTF-8 with a BOM (so that spreadsheets read Chinese), formulas escaped."""
    return escape(frame).to_csv(index=False).encode("utf-8-sig")


def to_xlsx(sheets: Mapping[str, pd.DataFrame]) -> bytes:
    """`sheets` as one workbook; text is written as text, never as a formula or a link.

    What a sheet has no room for goes on in another, "name (2)"; what a cell has none for ends with three dots.
    """
    buffer = io.BytesIO()
    options = {"options": {"strings_to_formulas": False, "strings_to_urls": False}}
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs=options) as writer:
        for name, frame in sheets.items():
            safe = escape(frame).map(_fitting)
            for part, first in enumerate(range(0, max(1, len(safe)), SHEET_ROWS), 1):
                title = name[:31] if part == 1 else f"{name[:25]} ({part})"
                safe.iloc[first : first + SHEET_ROWS].to_excel(writer, sheet_name=title, index=False)
    return buffer.getvalue()
