"""Workbooks: one sheet as CSV, with its cells as text."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

MOST_SHEET_BYTES = 1024**3
MOST_SHEET_ROWS = 1_048_576  # as in the format itself
CHUNK = 1 << 22
_ROW = re.compile(rb"<(?:\w+:)?(?:row|table-row)[ >/]")


def sheet_to_csv(book: Path, target: Path, shown: str, part: str | None, *, narrow: bool = False) -> list[str]:
    """Write a sheet as CSV: the named one, else the first that holds rows; returns the names of all that do.

    A sheet of one column counts only where that is `narrow`.

    Raises WorkbenchError for a damaged or too large workbook, or one without such a sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    if zipfile.is_zipfile(book):
        _within_limits(book, shown)
    try:
        opened = CalamineWorkbook.from_filelike(io.BytesIO(book.read_bytes()))
        sheets = {name: opened.get_sheet_by_name(name) for name in opened.sheet_names}
    except (CalamineError, OSError) as error:
        raise WorkbenchError(f"{shown} is not a readable workbook: {error}", "Save it as XLSX or CSV.") from error
    least = 1 if narrow else 2
    filled = [name for name, sheet in sheets.items() if sheet.total_height > 1 and sheet.width >= least]
    if part is not None and part not in sheets:
        problem = f"{shown} has no sheet {part!r}; it has {', '.join(sheets)}."
        raise WorkbenchError(problem, "Name one of these with --part.", page="Choose one of these.")
    if not filled and part is None:
        needed = "a row" if narrow else "a row of at least two columns"
        raise WorkbenchError(f"{shown} holds no sheet with a header and {needed}.", "Export it again with its rows.")
    sheet = sheets[part or filled[0]]
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for row in sheet.iter_rows():
            writer.writerow([as_text(value) for value in row])
    return filled


def _within_limits(book: Path, shown: str) -> None:
    """Refuse a workbook by the bytes and the rows of its parts, before any cell is read."""
    with zipfile.ZipFile(book) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_SHEET_BYTES:
            raise WorkbenchError(
                f"{shown} unpacks to more than {MOST_SHEET_BYTES // 1024**3} GB, which is the limit for a workbook.", "Save it as CSV."
            )
        for part in archive.infolist():
            if part.filename.endswith(".xml") and _rows(archive, part) > MOST_SHEET_ROWS:
                raise WorkbenchError(
                    f"{shown} has a sheet of more than {MOST_SHEET_ROWS:,} rows, which is the limit for a workbook.", "Save it as CSV."
                )


def _rows(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """How many rows the elements of a part begin, counted no further than the limit."""
    rows, kept = 0, b""
    with archive.open(part) as file:
        while (chunk := file.read(CHUNK)) and rows <= MOST_SHEET_ROWS:
            text = kept + chunk
            ends = [found.end() for found in _ROW.finditer(text)]
            rows += len(ends)
            kept = text[max(len(text) - 40, *ends[-1:], 0) :]  # an element may lie across the border
    return rows


def as_text(value: Any) -> str | None:
    """A cell or a JSON value as the text that the importers read."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
