"""Workbooks: one sheet as CSV, with its cells as text."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

MOST_SHEET_BYTES = 1024**3
MOST_SHEET_ROWS = 1_048_576


def sheet_to_csv(book: Path, target: Path, shown: str, part: str | None) -> list[str]:
    """Write a sheet as CSV: the named one, else the first that holds rows; returns the names of all that do.

    Raises WorkbenchError for a damaged or too large workbook, or one without such a sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    if zipfile.is_zipfile(book):
        with zipfile.ZipFile(book) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_SHEET_BYTES:
                raise WorkbenchError(
                    f"{shown} unpacks to more than {MOST_SHEET_BYTES // 1024**3} GB, which is the limit for a workbook.", "Save it as CSV."
                )
    try:
        opened = CalamineWorkbook.from_filelike(io.BytesIO(book.read_bytes()))
        sheets = {name: opened.get_sheet_by_name(name) for name in opened.sheet_names}
    except (CalamineError, OSError) as error:
        raise WorkbenchError(f"{shown} is not a readable workbook: {error}", "Save it as XLSX or CSV.") from error
    filled = [name for name, sheet in sheets.items() if sheet.total_height > 1 and sheet.width > 1]
    if part is not None and part not in sheets:
        raise WorkbenchError(f"{shown} has no sheet {part!r}; it has {', '.join(sheets)}.", "Name one of these with --part.")
    if not filled and part is None:
        raise WorkbenchError(f"{shown} holds no sheet with a header and a row of at least two columns.", "Export it again with its rows.")
    sheet = sheets[part or filled[0]]
    if sheet.total_height > MOST_SHEET_ROWS:
        raise WorkbenchError(f"{shown} has {sheet.total_height:,} rows; at most {MOST_SHEET_ROWS:,} are allowed.", "Split the file.")
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for row in sheet.iter_rows():
            writer.writerow([as_text(value) for value in row])
    return filled


def as_text(value: Any) -> str | None:
    """A cell or a JSON value as the text that the importers read."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
