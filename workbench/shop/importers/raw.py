"""A source as a temporary table: `line`, then every column as text under the names c0, c1, …

Columns are named by their place, so that no header, whatever it contains, becomes part of a statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.shop.importers.source import Source
from workbench.shop.store import Connection, DatabaseError

LINE_BYTES = 16 * 1024**2


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
    reader, values = {"csv": _csv, "json": _json, "parquet": _parquet}[source.format](source)
    first = 2 if source.format == "csv" else 1
    names = ", ".join(f"{column} AS c{i}" for i, column in enumerate(_columns(source)))
    cursor.execute(f"CREATE TEMP TABLE raw AS SELECT row_number() OVER () + {first - 1} AS line, {names} FROM {reader}", values)
    return _rejected(cursor) if source.format == "csv" else []


def _columns(source: Source) -> list[str]:
    if source.format == "csv":
        return [f"c{i}" for i in range(len(source.columns))]
    return [f"CAST({_quoted(c)} AS VARCHAR)" for c in source.columns]


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
    columns = ", ".join(f"{_text(c)}: 'VARCHAR'" for c in source.columns)
    kind = "array" if source.json_array else "newline_delimited"
    more = "" if source.json_array else ", ignore_errors=true"
    return f"read_json(?, columns={{{columns}}}, format='{kind}', maximum_object_size={LINE_BYTES}{more})", [str(source.path)]


def _parquet(source: Source) -> tuple[str, list[str]]:
    return "read_parquet(?)", [str(source.path)]


def _rejected(cursor: Connection) -> list[Problem]:
    try:
        rows = cursor.execute(
            "SELECT line, min(coalesce(column_name, '')), min(csv_line), min(error_message) FROM reject_errors GROUP BY line"
        ).fetchall()
    except DatabaseError:
        return []
    return [Problem(int(line), column, (text or "")[:200], _plain(message)) for line, column, text, message in rows]


def _plain(message: str) -> str:
    text = " ".join(message.split())
    return "too few or too many fields" if "Expected Number of Columns" in text else text[:200]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
