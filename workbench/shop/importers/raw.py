"""A source as a temporary table: `line`, then every column as text under the names c0, c1, …

Columns are named by their place, so that no header, whatever it contains, becomes part of a statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.files import FIELD_BYTES
from workbench.shop.importers.source import MOST_ROWS, Source
from workbench.shop.store import Connection, DatabaseError

LINE_BYTES = FIELD_BYTES


@dataclass(frozen=True)
class Problem:
    """Why a row was left out: its line, the column and value at fault, the reason."""

    line: int
    column: str
    value: str
    reason: str


def load(cursor: Connection, source: Source) -> list[Problem]:
    """Make the temporary table `raw`; returns the lines that could not be cut into the header's columns."""
    cursor.execute("DROP TABLE IF EXISTS raw")
    for name in ("reject_errors", "reject_scans"):
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
    lines = source.format == "json" and not source.json_array
    problems = _json_lines(cursor, source) if lines else _table(cursor, source)
    row = cursor.execute("SELECT count(*) FROM raw").fetchone()
    if row and row[0] > MOST_ROWS:
        raise WorkbenchError(f"{source.shown} has {row[0]:,} rows; at most {MOST_ROWS:,} are allowed.", "Split the file.")
    return problems


def _table(cursor: Connection, source: Source) -> list[Problem]:
    reader, values = {"csv": _csv, "json": _json, "parquet": _parquet}[source.format](source)
    first = 2 if source.format == "csv" else 1
    names = ", ".join(f"{column} AS c{i}" for i, column in enumerate(_columns(source)))
    try:
        cursor.execute(f"CREATE TEMP TABLE raw AS SELECT row_number() OVER () + {first - 1} AS line, {names} FROM {reader}", values)
    except DatabaseError as error:
        what = str(error).splitlines()[0].replace(str(source.path), source.shown)
        raise WorkbenchError(f"{source.shown} cannot be read to its end: {what}", "Most often it is damaged: export it again.") from error
    problems = _rejected(cursor, source) if source.format == "csv" else []
    if problems:
        _renumber(cursor, [p.line for p in problems])
    return problems


def _renumber(cursor: Connection, rejected: list[int]) -> None:
    """Count the lines that were cut out before each row, so that `line` is its place in the file."""
    before = [line - i for i, line in enumerate(sorted(rejected))]
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE cut AS SELECT first, max(n) AS n FROM (SELECT unnest(?) AS first, unnest(?) AS n) GROUP BY 1",
        [before, list(range(1, len(before) + 1))],
    )
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE raw AS SELECT r.* REPLACE (r.line + coalesce(c.n, 0) AS line) "
        "FROM raw r ASOF LEFT JOIN cut c ON r.line >= c.first"
    )


def _json_lines(cursor: Connection, source: Source) -> list[Problem]:
    """One object for each line; a line that is none is a problem, not the end of the reading."""
    pointers = ["/" + name.replace("~", "~0").replace("/", "~1") for name in source.given]
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE objects AS SELECT row_number() OVER () AS line, j, "
        f"CASE WHEN json_valid(j) THEN json_type(j) = 'OBJECT' ELSE false END AS good "
        f"FROM read_csv(?, columns={{'j': 'VARCHAR'}}, delim='\x01', quote='', escape='', header=false, auto_detect=false, "
        f"max_line_size={LINE_BYTES}, null_padding=false, new_line='{_new_line(source)}')",
        [str(source.path)],
    )
    names = ", ".join(f"o[{i + 1}] AS c{i}" for i in range(len(pointers)))
    cursor.execute(
        f"CREATE TEMP TABLE raw AS SELECT line, {names} FROM (SELECT line, json_extract_string(j, ?) AS o FROM objects WHERE good)",
        [pointers],
    )
    bad = cursor.execute("SELECT line, left(j, 200) FROM objects WHERE NOT good AND trim(coalesce(j, '')) <> '' ORDER BY line").fetchall()
    cursor.execute("DROP TABLE objects")
    return [Problem(int(line), "", text, "not a JSON object") for line, text in bad]


def _columns(source: Source) -> list[str]:
    if source.format == "csv":
        return [f"c{i}" for i in range(len(source.columns))]
    return [f"CAST({_quoted(c)} AS VARCHAR)" for c in source.given]


def _csv(source: Source) -> tuple[str, list[str]]:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(source.columns)))
    return (
        f"read_csv(?, columns={{{columns}}}, delim='{source.delimiter}', quote='\"', escape='\"', header=true, auto_detect=false, "
        f"store_rejects=true, max_line_size={LINE_BYTES}, new_line='{_new_line(source)}')",
        [str(source.path)],
    )


def _new_line(source: Source) -> str:
    with source.path.open("rb") as file:
        head = file.read(1 << 16)
    return "\\r\\n" if b"\r\n" in head else "\\n"


def _json(source: Source) -> tuple[str, list[str]]:
    columns = ", ".join(f"{_text(c)}: 'VARCHAR'" for c in source.given)
    return f"read_json(?, columns={{{columns}}}, format='array', maximum_object_size={LINE_BYTES})", [str(source.path)]


def _parquet(source: Source) -> tuple[str, list[str]]:
    return "read_parquet(?)", [str(source.path)]


def _rejected(cursor: Connection, source: Source) -> list[Problem]:
    try:
        rows = cursor.execute(
            "SELECT line, min(coalesce(column_name, '')), min(csv_line), min(error_message) FROM reject_errors GROUP BY line"
        ).fetchall()
    except DatabaseError:
        return []
    return [Problem(int(line), _named(column, source), (text or "")[:200], _plain(message)) for line, column, text, message in rows]


def _named(column: str, source: Source) -> str:
    """The header of a column that is known by its place."""
    place = column[1:]
    return source.columns[int(place)] if column[:1] == "c" and place.isdigit() and int(place) < len(source.columns) else column


def _plain(message: str) -> str:
    if "unterminated quote" in message:
        return "a quote opens in this line and is not closed; what follows it could not be read"
    text = " ".join(message.split())
    return "too few or too many fields" if "Expected Number of Columns" in text else text[:200]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
