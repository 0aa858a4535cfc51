"""How a text table is cut: its delimiter, how quotes in quotes are written, what stands above its header."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import FIELD_BYTES, csv_records
from workbench.shop.importers.reading import DELIMITERS

SAMPLE_ROWS = 100
ABOVE_AT_MOST = 20
SURE = 0.9
LINES = "sequences (a customer, then products in order) or product-lines (a product, then its text)."
ALONE = "\x1f"  # where nothing divides the lines, each is one text, whatever commas it holds


@dataclass(frozen=True)
class Dialect:
    """Delimiter, the lines above the header, and other delimiters that fit as well."""

    delimiter: str
    above: int = 0
    rivals: tuple[str, ...] = ()


def dialect(path: Path, shown: str, said: str | None, *, narrow: bool = False) -> Dialect:
    """The dialect of a UTF-8 text table; WorkbenchError where no delimiter gives more than one column, unless it may be `narrow`."""
    lines = _first_lines(path, shown)
    named = _named_in_first_line(lines)
    if said or named:
        delimiter = DELIMITERS[said] if said else str(named)
        return Dialect(delimiter, 1 if named else _above(lines, delimiter))
    found = [(fit, delimiter) for delimiter in DELIMITERS.values() if (fit := _fit(lines, delimiter, shown))]
    if narrow:  # commas inside texts cut some lines, a table nearly all; what stands above it is no column's name
        titled = bool(lines) and " " in lines[0].strip()
        found = [one for one in found if not one[0][2] or (titled and one[0][0] >= SURE)]
        if not found:
            return Dialect(ALONE)
    if not found:
        tried, again = ", ".join(DELIMITERS), "Export it with one of these between the columns, or say what its lines are"
        raise WorkbenchError(
            f"{shown} has one column only, whatever delimiter is tried ({tried}).",
            f"{again} with --preset: {LINES}",
            page=f"{again} under “Read it as”: {LINES}",
        )
    found = [one for one in found if not one[0][2]] or found  # where one cuts the first line, nothing stands above the header
    found.sort(reverse=True)
    (share, width, above), delimiter = found[0]
    rivals = tuple(other for (fit, columns, _), other in found[1:] if fit >= min(SURE, share) and columns > 1 and share - fit < 0.02)
    return Dialect(delimiter, -above, rivals if width > 1 else ())


def _first_lines(path: Path, shown: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(islice(iter(lambda: file.readline(FIELD_BYTES + 1), ""), 20 * SAMPLE_ROWS))
    if any(len(line) > FIELD_BYTES for line in lines):
        raise too_long(shown)
    return lines


def _named_in_first_line(lines: list[str]) -> str | None:
    """The delimiter of a first line such as `sep=;`, which Excel writes."""
    first = lines[0].strip().strip('"').lower() if lines else ""
    return first[4:] if first.startswith("sep=") and first[4:] in DELIMITERS.values() else None


def _records(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    return islice((row for row in csv_records(lines, delimiter) if row), SAMPLE_ROWS)


def _widths(lines: list[str], delimiter: str) -> list[int]:
    return [len(row) for row in _records(lines, delimiter)]


def _fit(lines: list[str], delimiter: str, shown: str) -> tuple[float, int, int] | None:
    """(share of rows as wide as most, that width, minus the lines above the header); None where it does not cut."""
    try:
        widths = _widths(lines, delimiter)
    except csv.Error as error:
        if "limit" in str(error):
            raise too_long(shown) from error
        return None
    if not widths:
        return None
    if widths[0] > 1:
        return sum(w == widths[0] for w in widths) / len(widths), widths[0], 0
    above = _above(lines, delimiter)
    below = widths[above:]
    return (sum(w == below[0] for w in below) / len(below) - 0.01, below[0], -above) if above and below else None


def _above(lines: list[str], delimiter: str) -> int:
    """Lines such as a report's title, above a header that is as wide as what follows it."""
    widths = _widths(lines, delimiter)
    if len(widths) < 3 or widths[0] > 1:
        return 0
    usual, often = Counter(w for w in widths if w > 1).most_common(1)[0] if max(widths) > 1 else (1, 0)
    if usual == 1 or often < 2:
        return 0
    for number, line in enumerate(lines[:ABOVE_AT_MOST]):
        if len(next(csv_records([line], delimiter), [])) == usual:
            return number
    return 0


def header(path: Path, delimiter: str, escape: str) -> tuple[list[str], bool]:
    """(the header's cells, whether a row follows)."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv_records(file, delimiter, escape=escape)
        return next(rows, []), next(rows, None) is not None


def too_long(shown: str) -> WorkbenchError:
    return WorkbenchError(
        f"{shown} has a field of more than {FIELD_BYTES // 1024**2} MB near its beginning, which is the limit, "
        "or a quote that is never closed.",
        "Mend or leave out that line.",
    )
