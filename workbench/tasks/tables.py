"""An uploaded table of labelled rows as text cells: CSV, TSV, JSON lines, XLSX or Parquet, by content rather than by name."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.files import csv_records

MOST_BYTES = 100 * 2**20
MOST_ROWS = 500_000
MOST_COLUMNS = 500
LONGEST_CELL = 1_000_000
ENCODINGS = ("utf-8", "gb18030", "latin-1", "cp1252", "utf-16", "big5", "shift_jis")
DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
ALONE = "\x1f"  # where nothing divides the lines, each is one text, whatever commas it holds
_SAMPLE = 200_000


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row: its line in the file (the header is line 1), column, value and the next step."""

    row: int
    column: str
    value: str
    problem: str
    fix: str


@dataclass(frozen=True)
class Table:
    """A file that was read: `frame` holds text cells, indexed by the line each row begins in."""

    frame: pd.DataFrame
    form: str
    encoding: str | None = None
    delimiter: str | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def words(self) -> str:
        """One line for the preview: what the file was taken for."""
        told = [self.form, self.encoding, DELIMITERS.get(self.delimiter or "")]
        return " · ".join(part for part in told if part) + f" · {len(self.frame):,} rows, {len(self.frame.columns)} columns"


def read_file(path: Path, encoding: str | None = None) -> Table:
    """The table in a file; see `read_table`."""
    if not path.is_file():
        raise WorkbenchError(f"There is no file {path}.", "Check the path.")
    if path.stat().st_size > MOST_BYTES:
        raise _too_large(path.stat().st_size)
    return read_table(path.read_bytes(), encoding)


def read_table(content: bytes, encoding: str | None = None) -> Table:
    """The table in `content`; WorkbenchError says what keeps the whole of it from being read.

    `encoding` is guessed where it is not given. Rows with too few or too many fields are left out and named in `problems`.
    """
    if len(content) > MOST_BYTES:
        raise _too_large(len(content))
    if not content.strip():
        raise WorkbenchError("The file is empty.", "Export it again, with a header and one row for each labelled text.")
    content = _unpacked(content)
    if content.startswith(b"PK\x03\x04"):
        return _checked(_xlsx(content))
    if content.startswith(b"PAR1"):
        return _checked(_parquet(content))
    text, used = _decode(content, encoding)
    if text.lstrip().startswith("{"):
        return _checked(_json_lines(text, used))
    return _checked(_delimited(text, used))


def _unpacked(content: bytes) -> bytes:
    """What a .gz or a .zip of one file holds, up to the limit; other content as it is."""
    try:
        if content.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                return _capped(packed.read(MOST_BYTES + 1))
        if content.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                inside = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
                if "xl/workbook.xml" not in inside and len(inside) == 1:
                    with archive.open(inside[0]) as member:
                        return _capped(member.read(MOST_BYTES + 1))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise WorkbenchError(f"The file cannot be unpacked: {error}.", "Pack it again, or upload the table itself.") from error
    return content


def _capped(content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise WorkbenchError(f"The file unpacks to more than {MOST_BYTES // 2**20} MB.", "Split it, or leave columns out.")
    return content


def _too_large(size: int) -> WorkbenchError:
    return WorkbenchError(f"The file has {size / 2**20:,.0f} MB; {MOST_BYTES // 2**20} MB are allowed.", "Split it, or leave columns out.")


def _checked(table: Table) -> Table:
    if table.frame.empty and not table.problems:
        raise WorkbenchError("The file has a header but no rows.", "Add one row for each labelled text.")
    return table


def two_columns(table: Table) -> Table:
    """`table`, or WorkbenchError where it cannot hold a text and a label."""
    if len(table.frame.columns) < 2:
        raise WorkbenchError(
            f"The file was read as one column, {str(table.frame.columns[0])[:60]!r}; a text and a label column are needed.",
            "Save it with commas, semicolons or tabs between the columns.",
        )
    return table


# -- text ------------------------------------------------------------------------------------


def _decode(content: bytes, encoding: str | None) -> tuple[str, str]:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            encoding = name
    if encoding != "utf-16" and b"\0" in content[:_SAMPLE]:
        raise WorkbenchError("The file holds NUL bytes: it is no text table.", "Export it as CSV in UTF-8, or as XLSX.")
    for name in [encoding] if encoding else ["utf-8", _guess(content[:_SAMPLE])]:
        try:
            return content.decode(name), name
        except (UnicodeDecodeError, LookupError):
            continue
    raise WorkbenchError(
        f"The file is not readable as {encoding or 'any known encoding'}.", "Choose another encoding, or save it as UTF-8."
    )


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=list(ENCODINGS)).best()
    return found.encoding if found else "latin-1"


def _delimited(text: str, encoding: str) -> Table:
    fits = {delimiter: _agree(text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(fits, key=lambda d: fits[d]) if any(fits.values()) else ALONE
    records = _records(text, delimiter)
    _, header = next(records)
    names, problems = _names(header), []
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, cells in records:
        if len(cells) == len(names):
            lines.append(line)
            rows.append(cells)
            _limit(len(rows))
        elif any(cell.strip() for cell in cells):
            what = f"{len(cells)} fields where the header has {len(names)}"
            problems.append(Problem(line, "", delimiter.join(cells)[:80], what, "Put quotes around texts that hold the delimiter."))
    return Table(_frame(rows, names, lines), "TSV" if delimiter == "\t" else "CSV", encoding, delimiter, problems)


def _agree(text: str, delimiter: str) -> float:
    """How many columns the first rows agree on with this delimiter; 0 where they do not."""
    sample = io.StringIO(text[:_SAMPLE], newline="")
    try:
        widths = [len(row) for row, _ in zip(csv_records(sample, delimiter), range(50), strict=False) if row]
    except csv.Error:
        return 0
    same = sum(width == widths[0] for width in widths) / len(widths) if widths else 0
    return same * min(widths[0], 50) if widths and widths[0] > 1 and same > 0.5 else 0


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins in, cells) of every record that is not blank."""
    reader = csv_records(io.StringIO(text, newline=""), delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(begins, str(error)) from error
        if any(len(cell) > LONGEST_CELL for cell in cells):
            raise _too_long(begins)
        if cells:
            yield begins, cells
        begins = reader.line_num + 1


def _broken(line: int, error: str) -> WorkbenchError:
    if "end of data" in error:
        return WorkbenchError(f"The quote that opens in line {line} is never closed.", "Close it, or double the quotes inside the text.")
    if "field limit" in error:
        return _too_long(line)
    return WorkbenchError(f"Line {line} cannot be read: {error}.", "Double the quotes inside quoted texts.")


def _too_long(line: int) -> WorkbenchError:
    return WorkbenchError(f"Line {line} has a cell of more than {LONGEST_CELL:,} letters.", "Shorten it, or leave the row out.")


def _json_lines(text: str, encoding: str) -> Table:
    rows, lines, problems = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            assert isinstance(value, dict)
        except (json.JSONDecodeError, AssertionError):
            problems.append(Problem(number, "", line[:80], "this line is no JSON object", "Write one object in each line."))
            continue
        rows.append(value)
        lines.append(number)
        _limit(len(rows))
    names = _names(list(dict.fromkeys(key for row in rows for key in row)))
    return Table(_frame([[_cell(row.get(name)) for name in names] for row in rows], names, lines), "JSON lines", encoding, None, problems)


# -- tables with types of their own --------------------------------------------------------------


def _xlsx(content: bytes) -> Table:
    from python_calamine import CalamineError, load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > 4 * MOST_BYTES:
            raise _too_large(size)
        sheets = load_workbook(io.BytesIO(content))
        rows = next((found for name in sheets.sheet_names if (found := sheets.get_sheet_by_name(name).to_python())), [])
    except (zipfile.BadZipFile, CalamineError) as error:
        raise WorkbenchError(f"The file is no readable XLSX workbook: {error}.", "Save it as XLSX or CSV again.") from error
    names = _names([str(cell) for cell in rows[0]] if rows else [])
    _limit(len(rows))
    kept = [(line, [_cell(cell) for cell in row]) for line, row in enumerate(rows[1:], 2) if any(_cell(cell) for cell in row)]
    return Table(_frame([row for _, row in kept], names, [line for line, _ in kept]), "XLSX")


def _parquet(content: bytes) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        _limit(file.metadata.num_rows)
        columns = file.read().to_pydict()
    except pa.ArrowException as error:
        raise WorkbenchError(f"The file is no readable Parquet file: {error}.", "Write it again.") from error
    names = _names(list(columns))
    rows = [[_cell(value) for value in row] for row in zip(*columns.values(), strict=True)]
    return Table(_frame(rows, names, range(2, len(rows) + 2)), "Parquet")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _limit(rows: int) -> None:
    if rows > MOST_ROWS:
        raise WorkbenchError(f"The file has more than {MOST_ROWS:,} rows.", "Split it, or keep a sample of it.")


def _names(header: list[str]) -> list[str]:
    """Column names, each once: an empty one is called by its place, a repeated one gets its number."""
    if len(header) > MOST_COLUMNS:
        raise WorkbenchError(f"The file has {len(header):,} columns; {MOST_COLUMNS} are allowed.", "Leave the others out.")
    made: list[str] = []
    for place, given in enumerate(header, 1):
        name = given.strip() or f"column {place}"
        made.append(name if name not in made else f"{name} ({place})")
    return made


def _frame(rows: list[list[str]], names: list[str], lines: Iterable[int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names, index=pd.Index(list(lines), name="line", dtype="int64"))


# -- which column is which -----------------------------------------------------------------------

_TEXTS = (
    "text",
    "body",
    "review_body",
    "reviewtext",
    "review_text",
    "review",
    "instruction",
    "utterance",
    "query",
    "comment",
    "content",
    "message",
)
_LABELS = ("label", "labels", "class", "intent", "sentiment", "category", "target", "rating", "stars", "star_rating", "overall", "score")


def propose(frame: pd.DataFrame) -> tuple[str, str]:
    """The likely text and label column: by name, else the column of the longest cells and the one of the fewest different ones."""
    names = list(frame.columns)
    head = frame.head(2000)
    text = _named(names, _TEXTS) or max(names, key=lambda name: head[name].str.len().mean() if len(head) else 0)
    others = [name for name in names if name != text]
    label = _named(others, _LABELS) or min(others, key=lambda name: (_distinct(head[name]), names.index(name)))
    return text, label


def _named(names: list[str], wanted: tuple[str, ...]) -> str | None:
    folded = {name.casefold().replace(" ", "_"): name for name in reversed(names)}
    return next((folded[word] for word in wanted if word in folded), None)


def _distinct(cells: Any) -> int:
    """How many different cells; one that never changes is no label."""
    found = int(cells.nunique())
    return found if found > 1 else 10**9
