"""A file as people have it, made readable: unpacked, decoded, its dialect known, under a name of our own.

The name the file came with is shown to people and never used as a path.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal
from uuid import uuid4

from workbench.errors import WorkbenchError
from workbench.files import FIELD_BYTES, csv_records
from workbench.home import Home
from workbench.shop.importers import line_ends

Format = Literal["csv", "json", "parquet"]
MOST_BYTES = 4 * 1024**3
MOST_ROWS = 5_000_000
MOST_COLUMNS = 1_000
MOST_SHEET_BYTES = 1024**3
MOST_SHEET_ROWS = 1_048_576
CHUNK = 1 << 20
SHOWN = 120
DELIMITERS = ",\t;|"
_BRACES = str.maketrans("{}", "()")  # braces mark columns in expressions, so no header has them
KNOWN = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".ndjson", ".parquet", ".xlsx")


@dataclass(frozen=True)
class Source:
    """A readable copy: `shown` is the name people know, `path` the copy in UTF-8."""

    shown: str
    path: Path
    format: Format
    columns: tuple[str, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    json_array: bool = False
    sha256: str = ""
    given: tuple[str, ...] = ()  # the names as the file has them, before they were cleaned

    def preview(self, rows: int = 20) -> list[dict[str, str | None]]:
        """The first rows, every value as text."""
        if self.format == "csv":
            with self.path.open(encoding="utf-8", newline="") as file:
                found = csv_records(file, self.delimiter)
                next(found, None)
                return [dict(zip(self.columns, values, strict=False)) for values in islice(found, rows)]
        if self.format == "json":
            with self.path.open(encoding="utf-8") as file:
                return [{k: _as_text(v) for k, v in row.items()} for row in islice(_json_rows(file, self.json_array), rows)]
        return _parquet_rows(self.path, self.columns, rows, self.shown)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def open_source(home: Home, path: Path, shown: str | None = None) -> Source:
    """Make `path` readable; WorkbenchError when it is missing, empty, binary, too large or of an unknown kind."""
    name = shown or path.name
    shown = name if len(name) <= SHOWN else f"{name[: SHOWN // 2]}…{name[-SHOWN // 2 :]}"
    if not path.is_file():
        raise WorkbenchError(f"There is no file {path}.", "Check the path.")
    home.uploads.mkdir(parents=True, exist_ok=True)
    copy = home.uploads / f"{uuid4().hex}.data"
    try:
        suffix, digest = _unpack(path, copy, shown)
        return _describe(copy, suffix, shown, digest)
    except BaseException as error:
        for left in home.uploads.glob(f"{copy.stem}.*"):
            left.unlink(missing_ok=True)
        if isinstance(error, (zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError)):
            raise WorkbenchError(f"{shown} is damaged or cut off: {error}", "Export or download it again.") from error
        raise


def _unpack(path: Path, copy: Path, shown: str) -> tuple[str, str]:
    """Copy the content to `copy`, without its .gz or .zip; (the kind's suffix, SHA-256 of the content)."""
    suffix = Path(shown).suffix.lower()
    inner = Path(shown).with_suffix("").suffix.lower()
    with path.open("rb") as file:
        head = file.read(4)
    if head[:2] == b"\x1f\x8b":
        with closing(gzip.open(path)) as packed:
            return inner if inner in KNOWN else ".csv", _copy(packed, copy, shown)
    if head == b"PK\x03\x04" and suffix != ".xlsx":
        return _unzip(path, copy, shown)
    if suffix not in KNOWN:
        raise WorkbenchError(
            f"{shown}: files of the kind {suffix or 'without a suffix'} cannot be read.",
            f"Allowed are {', '.join(KNOWN)}, also in .gz or .zip.",
        )
    with path.open("rb") as plain:
        return suffix, _copy(plain, copy, shown)


def _unzip(path: Path, copy: Path, shown: str) -> tuple[str, str]:
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if Path(n).suffix.lower() in KNOWN and not n.startswith("__MACOSX")]
        if len(names) != 1:
            raise WorkbenchError(
                f"{shown} holds {len(names)} readable files; one is allowed.", "Unpack it and import the files one by one."
            )
        with archive.open(names[0]) as packed:
            return Path(names[0]).suffix.lower(), _copy(packed, copy, shown)


def _copy(source: IO[bytes] | Any, copy: Path, shown: str) -> str:
    digest, size = hashlib.sha256(), 0
    with copy.open("wb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise WorkbenchError(f"{shown} unpacks to more than {MOST_BYTES // 1024**3} GB, which is the limit.", "Split the file.")
            digest.update(chunk)
            out.write(chunk)
    if size == 0:
        raise WorkbenchError(f"{shown} is empty.", "Export it again; it needs a header and at least one row.")
    return digest.hexdigest()


def _describe(copy: Path, suffix: str, shown: str, digest: str) -> Source:
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        try:
            content = pq.ParquetFile(copy)
        except (OSError, ValueError) as error:
            raise WorkbenchError(f"{shown} is not a readable Parquet file: {error}", "Export it again.") from error
        _limit_rows(content.metadata.num_rows, MOST_ROWS, shown)
        names = content.schema_arrow.names
        return Source(shown, copy, "parquet", _headers(names, shown), sha256=digest, given=tuple(names))
    if suffix == ".xlsx":
        _sheet_to_csv(copy, shown)
        encoding = "xlsx"
    else:
        encoding = _to_utf8(copy, shown)
        line_ends.unify(copy)
    if suffix in (".json", ".jsonl", ".ndjson") or (suffix == ".txt" and _first_character(copy) in "{["):
        return _describe_json(copy, shown, encoding, digest)
    delimiter = "," if encoding == "xlsx" else _delimiter(copy, shown)
    columns, rows = _read_head(copy, delimiter)
    if not rows:
        raise WorkbenchError(f"{shown} holds a header and no row.", "Export it again with its rows.")
    return Source(shown, copy, "csv", _headers(columns, shown), delimiter, encoding, sha256=digest)


def _parquet_rows(path: Path, columns: tuple[str, ...], rows: int, shown: str) -> list[dict[str, str | None]]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            first = next(file.iter_batches(batch_size=rows), None)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{shown} is not a readable Parquet file: {error}", "Export it again.") from error
    values = zip(*(column.to_pylist() for column in first.columns), strict=True) if first is not None else ()
    return [dict(zip(columns, map(_as_text, row), strict=True)) for row in values]


# -- text ------------------------------------------------------------------------------------


def _to_utf8(copy: Path, shown: str) -> str:
    """Rewrite `copy` in UTF-8 without a byte order mark where it is something else; the encoding it had."""
    with copy.open("rb") as file:
        sample = file.read(1 << 18)
    encoding = _encoding(copy, sample, shown)
    if encoding == "utf-8":
        return encoding
    beside = copy.with_suffix(".utf8")
    with copy.open(encoding=encoding, newline="") as source, beside.open("w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(source, out, CHUNK)
    beside.replace(copy)
    return encoding


def _encoding(copy: Path, sample: bytes, shown: str) -> str:
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if sample.startswith(mark):
            return name
    if b"\0" in sample:
        raise WorkbenchError(f"{shown} holds NUL bytes: it is not a text file.", "Export it as CSV, JSON lines, Parquet or XLSX.")
    if _is_utf8(copy):
        return "utf-8"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=["gb18030", "big5", "cp1252", "latin_1", "shift_jis", "cp1251"]).best()
    if best is None:
        raise WorkbenchError(f"The encoding of {shown} cannot be told.", "Save it as UTF-8 and import it again.")
    return "gb18030" if best.encoding in ("gbk", "gb2312", "gb18030") else best.encoding


def _is_utf8(copy: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with copy.open("rb") as file:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _first_character(copy: Path) -> str:
    with copy.open(encoding="utf-8") as file:
        return file.read(200).lstrip()[:1]


def _delimiter(copy: Path, shown: str) -> str:
    """The delimiter that cuts the first lines into the same number of fields, more than one."""
    found = []
    for delimiter in DELIMITERS:
        with copy.open(encoding="utf-8", newline="") as file:
            try:
                widths = [len(row) for row in islice(csv_records(file, delimiter), 30) if row]
            except csv.Error as error:
                if "limit" in str(error):
                    raise _too_long(shown) from error
                continue
        if widths and widths[0] > 1:
            found.append((sum(w == widths[0] for w in widths) / len(widths), widths[0], delimiter))
    if not found:
        raise WorkbenchError(
            f"{shown} has one column only, whatever delimiter is tried (comma, tab, semicolon, bar).", "Export it with one of these."
        )
    return max(found)[2]


def _read_head(copy: Path, delimiter: str) -> tuple[list[str], bool]:
    with copy.open(encoding="utf-8", newline="") as file:
        rows = csv_records(file, delimiter)
        return next(rows, []), next(rows, None) is not None


def _too_long(shown: str) -> WorkbenchError:
    return WorkbenchError(
        f"{shown} has a field of more than {FIELD_BYTES // 1024**2} MB near its beginning, which is the limit, "
        "or a quote that is never closed.",
        "Mend or leave out that line.",
    )


def _limit_rows(rows: int, most: int, shown: str) -> None:
    if rows > most:
        raise WorkbenchError(f"{shown} has {rows:,} rows; at most {most:,} are allowed.", "Split the file.")


def _headers(names: list[str], shown: str) -> tuple[str, ...]:
    """The column names, checked: none empty where it matters, none twice, not too many."""
    if len(names) > MOST_COLUMNS:
        raise WorkbenchError(f"{shown} has {len(names)} columns; at most {MOST_COLUMNS} are allowed.", "Leave out what is not needed.")
    stripped = [name.strip().translate(_BRACES) for name in names]
    if stripped and stripped[0] == "":
        stripped[0] = "row number"
    twice = sorted({name for name in stripped if stripped.count(name) > 1})
    if twice:
        empty = [str(i + 1) for i, name in enumerate(stripped) if not name]
        what = (
            f"empty headers in columns {', '.join(empty)}" if twice == [""] else f"the headers {', '.join(map(repr, twice))} more than once"
        )
        raise WorkbenchError(
            f"{shown} has {what}, so its columns cannot be mapped by name.", "Give every column a name of its own, then map them."
        )
    if "" in stripped:
        raise WorkbenchError(f"{shown} has an empty header in column {stripped.index('') + 1}.", "Give every column a name, then map them.")
    return tuple(stripped)


# -- JSON and sheets -------------------------------------------------------------------------


def _json_rows(file: IO[str], array: bool) -> Iterator[dict[str, Any]]:
    rows = json.load(file) if array else (_json_line(line) for line in file if line.strip())
    return (row for row in rows if isinstance(row, dict))


def _json_line(line: str) -> Any:
    """The value of a line; None where it is not JSON, which the import counts and names."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def _describe_json(copy: Path, shown: str, encoding: str, digest: str) -> Source:
    array = _first_character(copy) == "["
    columns: dict[str, None] = {}
    try:
        with copy.open(encoding="utf-8") as file:
            for row in islice(_json_rows(file, array), 2000):
                columns.update(dict.fromkeys(row))
    except json.JSONDecodeError as error:
        raise WorkbenchError(f"{shown} is not JSON: {error}", "Export it as JSON lines or a JSON array of objects.") from error
    if not columns:
        raise WorkbenchError(f"{shown} holds no JSON objects.", "Export it as JSON lines or a JSON array of objects.")
    return Source(shown, copy, "json", _headers(list(columns), shown), ",", encoding, array, digest, tuple(columns))


def _sheet_to_csv(copy: Path, shown: str) -> None:
    """The first sheet of a workbook as CSV in its place."""
    from python_calamine import CalamineError, CalamineWorkbook

    if zipfile.is_zipfile(copy):
        with zipfile.ZipFile(copy) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_SHEET_BYTES:
                raise WorkbenchError(
                    f"{shown} unpacks to more than {MOST_SHEET_BYTES // 1024**3} GB, which is the limit for a workbook.", "Save it as CSV."
                )
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(copy.read_bytes())).get_sheet_by_index(0)
    except (CalamineError, OSError) as error:
        raise WorkbenchError(f"{shown} is not a readable workbook: {error}", "Save it as XLSX or CSV.") from error
    _limit_rows(sheet.total_height, MOST_SHEET_ROWS, shown)
    with copy.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        for row in sheet.iter_rows():
            writer.writerow([_as_text(value) for value in row])


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
