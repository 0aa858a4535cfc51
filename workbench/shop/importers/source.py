"""A file as people have it, made readable: unpacked, decoded, its dialect known, under a name of our own.

The name the file came with is shown to people and never used as a path. A file that is clean UTF-8
already is read where it lies; of any other a copy is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from workbench.errors import WorkbenchError
from workbench.files import csv_records
from workbench.shop.importers import objects, spaced, text, unpack
from workbench.shop.importers.delimited import MOST_ROWS, rejected_rows
from workbench.shop.importers.dialect import Dialect, dialect, header
from workbench.shop.importers.reading import DELIMITERS, ENCODINGS, Question, Reading
from workbench.shop.importers.sheets import as_text, sheet_to_csv

Format = Literal["csv", "json", "parquet"]
MOST_COLUMNS = 1_000
SHOWN = 120
PREVIEW_ROWS = 20
_BRACES = str.maketrans("{}", "()")  # braces mark columns in expressions, so no header has them
_JSON = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Source:
    """A readable file: `shown` is the name people know, `path` its text in UTF-8; `own` are the copies that we made."""

    shown: str
    path: Path
    format: Format
    columns: tuple[str, ...]
    delimiter: str = ","
    escape: str = '"'
    encoding: str = "utf-8"
    shape: objects.Shape = "lines"
    given: tuple[str, ...] = ()  # the names as the file has them, before they were cleaned
    above: int = 0  # lines before the header
    newlines: int = 0
    own: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    parts: tuple[str, ...] = ()  # the workbook's filled sheets

    @property
    def words(self) -> str:
        """How the file was read."""
        if self.encoding in ("xlsx", "parquet"):
            return {"xlsx": "workbook", "parquet": "Parquet"}[self.encoding]
        if self.format == "json":
            return f"JSON, {self.encoding}"
        names = {sign: name for name, sign in DELIMITERS.items()}
        cut = f"divided by {names[self.delimiter]}" if self.delimiter in names else "one column"
        quotes = ", quotes behind a backslash" if self.escape != '"' else ""
        return f"{self.encoding}, {cut}{quotes}"

    def preview(self, rows: int = PREVIEW_ROWS) -> list[dict[str, str | None]]:
        """The first rows, every value as text."""
        if self.format == "csv":
            with self.path.open(encoding="utf-8", newline="") as file:
                found = csv_records(file, self.delimiter, escape=self.escape)
                next(found, None)
                return [dict(zip(self.columns, values, strict=False)) for values in islice(found, rows)]
        if self.format == "json":
            with self.path.open(encoding="utf-8") as file:
                return [{k: as_text(v) for k, v in row.items()} for row in islice(objects.records(file, self.shape), rows)]
        return _parquet_rows(self.path, self.columns, rows, self.shown)

    def remove(self) -> None:
        for path in self.own:
            path.unlink(missing_ok=True)


@dataclass
class _Copies:
    """The files that reading one source makes; those not kept are removed. `narrow`: one column will do."""

    folder: Path
    narrow: bool = False
    made: list[Path] = field(default_factory=list)

    def new(self) -> Path:
        path = self.folder / f"{uuid4().hex}.data"
        self.made.append(path)
        return path

    def remove(self, *, but: Path | None = None) -> tuple[Path, ...]:
        for path in self.made:
            if path != but:
                path.unlink(missing_ok=True)
        return tuple(path for path in self.made if path == but)


def open_source(
    folder: Path, path: Path, name: str | None = None, reading: Reading | None = None, *, shown: str | None = None, narrow: bool = False
) -> Source:
    """Make `path` readable; WorkbenchError when it is missing, empty, binary, too large or of an unknown kind.

    `name` is what the file came as and tells its kind, `shown` what people read; copies go to `folder`. A single column
    is a table only where that is `narrow`.
    """
    said = reading or Reading()
    name = name or path.name
    shown = _short(shown or name)
    if not path.is_file():
        raise WorkbenchError(f"There is no file {path}.", "Check the path.")
    folder.mkdir(parents=True, exist_ok=True)
    copies = _Copies(folder, narrow)
    try:
        unpacked = unpack.unpack(path, name, folder, None if _is_book(name) else said.part)
        if unpacked.own:
            copies.made.append(unpacked.path)
        if unpacked.path.stat().st_size == 0:
            raise WorkbenchError(f"{shown} is empty.", "Export it again; it needs a header and at least one row.")
        described = _describe(unpacked, shown, said, copies)
    except BaseException as error:
        copies.remove()
        if isinstance(error, unpack.DAMAGED):
            raise unpack.damaged(shown, error) from error
        raise
    return described


def _short(name: str) -> str:
    return name if len(name) <= SHOWN else f"{name[: SHOWN // 2]}…{name[-SHOWN // 2 :]}"


def _is_book(name: str) -> bool:
    return Path(name).suffix.lower() in unpack.BOOKS


def _describe(unpacked: unpack.Unpacked, shown: str, said: Reading, copies: _Copies) -> Source:
    if unpacked.suffix == ".parquet":
        return _parquet(unpacked.path, shown, copies)
    if unpacked.suffix in unpack.BOOKS:
        return _book(unpacked.path, shown, said, copies)
    path, found, told = _decoded(unpacked.path, shown, said, copies)
    questions = () if told.certain else (_encoding_question(shown, told.encoding),)
    first = objects.first_character(path)
    if unpacked.suffix in _JSON or (unpacked.suffix in (".txt", ".csv") and first in ("{", "[")):
        path = path if path in copies.made else _copied(path, copies)  # it may be written anew as lines
        shape = objects.shape(path, shown)
        names = objects.columns(path, shape, shown)
        made = Source(shown, path, "json", _headers(names, shown), encoding=told.encoding, shape=shape, given=tuple(names))
        return _with(made, copies, notes=told.notes, questions=questions, newlines=found.newlines)
    if first == "<":
        raise WorkbenchError(f"{shown} is an HTML or XML page, not a table.", "Open it in a spreadsheet and save it as CSV or XLSX.")
    return _table(path, shown, said, copies, found, told, questions)


def _decoded(path: Path, shown: str, said: Reading, copies: _Copies) -> tuple[Path, text.Survey, text.Told]:
    """The text in clean UTF-8: the file itself where it is that, else a copy."""
    found = text.survey(path)
    told = text.encoding(path, found, shown, said.encoding)
    if told.encoding == "utf-8" and found.utf8 and not found.nuls and found.one_line_end:
        return path, found, told
    copy = copies.new()
    text.rewrite(path, copy, told, shown)
    return copy, text.survey(copy), told


def _copied(path: Path, copies: _Copies) -> Path:
    copy = copies.new()
    with path.open("rb") as file:
        unpack.copy(file, copy, path.name, path.stat().st_size)
    return copy


def _table(
    path: Path, shown: str, said: Reading, copies: _Copies, found: text.Survey, told: text.Told, questions: tuple[Question, ...]
) -> Source:
    cut = _dialect(path, shown, said, copies)
    if cut is None:
        path, cut = copies.made[-1], Dialect(",")
        found = text.survey(path)
    if cut.above:
        clean = copies.new()
        text.rewrite(path, clean, text.Told("utf-8"), shown, above=cut.above)
        path = clean
    if cut.rivals:
        questions += (_delimiter_question(shown, (cut.delimiter, *cut.rivals)),)
    escape = _escape(path, cut.delimiter) if found.escaped else '"'
    names, rows = header(path, cut.delimiter, escape)
    if not rows:
        raise WorkbenchError(f"{shown} holds a header and no row.", "Export it again with its rows.")
    made = Source(shown, path, "csv", _headers(names, shown), cut.delimiter, escape, told.encoding, above=cut.above)
    notes = told.notes + ((f"{cut.above} lines above the header were passed over",) if cut.above else ())
    return _with(made, copies, notes=notes, questions=questions, newlines=found.newlines)


def _dialect(path: Path, shown: str, said: Reading, copies: _Copies) -> Dialect | None:
    """How the table is cut; None where it is none and its lines of words were written as one, as the preset says."""
    try:
        return dialect(path, shown, said.delimiter, narrow=copies.narrow)
    except WorkbenchError:
        if said.preset not in spaced.ROWS:
            raise
    spaced.rewrite(path, copies.new(), said.preset)
    return None


def _with(made: Source, copies: _Copies, **more: Any) -> Source:
    return replace(made, own=copies.remove(but=made.path), **more)


def _encoding_question(shown: str, likely: str) -> Question:
    others = tuple(name for name in ENCODINGS if name not in (likely, "utf-8", "utf-16"))
    return Question("encoding", f"It is not certain in which encoding {shown} is written; it looks like {likely}.", (likely, *others[:4]))


def _delimiter_question(shown: str, fitting: tuple[str, ...]) -> Question:
    names = {sign: name for name, sign in DELIMITERS.items()}
    fits = tuple(names[sign] for sign in fitting)
    return Question("delimiter", f"The columns of {shown} may be divided by {' or '.join(fits)}.", fits)


def _escape(path: Path, delimiter: str) -> str:
    """Whether quotes in quotes are doubled or stand behind a backslash: the way that loses fewer rows."""
    names, _ = header(path, delimiter, '"')
    doubled, behind = (rejected_rows(path, len(names), delimiter, escape) for escape in ('"', "\\"))
    return "\\" if behind < doubled else '"'


def _book(path: Path, shown: str, said: Reading, copies: _Copies) -> Source:
    target = copies.new()
    filled = sheet_to_csv(path, target, shown, said.part, narrow=copies.narrow)
    names, rows = header(target, ",", '"')
    if not rows:
        raise WorkbenchError(f"{shown} holds a header and no row.", "Export it again with its rows.")
    questions: tuple[Question, ...] = ()
    if len(filled) > 1 and said.part is None:
        questions = (Question("part", f"{shown} has {len(filled)} sheets with rows: {', '.join(filled)}.", tuple(filled)),)
    made = Source(shown, target, "csv", _headers(names, shown), encoding="xlsx", parts=tuple(filled))
    return _with(made, copies, questions=questions)


def _parquet(path: Path, shown: str, copies: _Copies) -> Source:
    import pyarrow.parquet as pq

    try:
        content = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{shown} is not a readable Parquet file: {error}", "Export it again.") from error
    if content.metadata.num_rows > MOST_ROWS:
        raise WorkbenchError(f"{shown} has {content.metadata.num_rows:,} rows; at most {MOST_ROWS:,} are allowed.", "Split the file.")
    names = content.schema_arrow.names
    return _with(Source(shown, path, "parquet", _headers(names, shown), encoding="parquet", given=tuple(names)), copies)


def _parquet_rows(path: Path, columns: tuple[str, ...], rows: int, shown: str) -> list[dict[str, str | None]]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            first = next(file.iter_batches(batch_size=rows), None)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{shown} is not a readable Parquet file: {error}", "Export it again.") from error
    values = zip(*(column.to_pylist() for column in first.columns), strict=True) if first is not None else ()
    return [dict(zip(columns, map(as_text, row), strict=True)) for row in values]


def _headers(names: list[str], shown: str) -> tuple[str, ...]:
    """The column names, each once: an empty one is called by its place, a repeated one gets its number."""
    if len(names) > MOST_COLUMNS:
        raise WorkbenchError(f"{shown} has {len(names)} columns; at most {MOST_COLUMNS} are allowed.", "Leave out what is not needed.")
    made: list[str] = []
    for place, given in enumerate(names, 1):
        name = given.strip().translate(_BRACES) or ("row number" if place == 1 else f"column {place}")
        made.append(f"{name} ({2 + len(_numbered(name, made))})" if name in made else name)
    return tuple(made)


def _numbered(name: str, made: list[str]) -> list[str]:
    return [other for other in made if re.fullmatch(re.escape(name) + r" \(\d+\)", other)]
