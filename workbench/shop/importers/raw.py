"""A source as the temporary view `raw`: `line`, then every column as text under the names c0, c1, …

Columns are named by their place, so that no header, whatever it contains, becomes part of a statement.
`line` is the line of the file in which a record begins. The cells lie in the temporary table `loaded` in the file's order,
which several cores keep while they read; a row's place there tells its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import WorkbenchError
from workbench.shop.importers.delimited import LINE_BYTES, MOST_ROWS, new_line, read_csv
from workbench.shop.importers.source import Source
from workbench.shop.store import Connection, DatabaseError

REASONS = ("rejected_line", "rejected_column", "rejected_reason")  # the last columns of a file of rejects, never attributes


@dataclass(frozen=True)
class Problem:
    """Why a row was left out: its line, the column and value at fault, the reason."""

    line: int
    column: str
    value: str
    reason: str


def load(cursor: Connection, source: Source) -> list[Problem]:
    """Make the temporary view `raw`; returns the lines that could not be cut into the header's columns."""
    _forget_rejects(cursor)
    lines = source.format == "json" and source.shape == "lines"
    problems = _json_lines(cursor, source) if lines else _table(cursor, source)
    row = cursor.execute("SELECT count(*) FROM raw").fetchone()
    if row and row[0] > MOST_ROWS:
        raise WorkbenchError(f"{source.shown} has more than {MOST_ROWS:,} rows, which is the limit.", "Split the file.")
    return problems


def replace_rows(cursor: Connection, query: str, values: Sequence[Any] = ()) -> None:
    """Make `raw` anew: the rows of `query`, which may read it, with its `values` bound."""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE loaded AS {query}", values)
    cursor.execute("CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM loaded")


def _no_further(source: Source, reader: str) -> str:
    """`reader` up to the first row over the limit, where a file has lines enough to hold one."""
    return f"(SELECT * FROM {reader} LIMIT {MOST_ROWS + 1})" if source.newlines > MOST_ROWS else reader


def _table(cursor: Connection, source: Source) -> list[Problem]:
    reader = _no_further(source, {"csv": _csv, "json": _json, "parquet": _parquet}[source.format](source))
    before = 1 + source.above if source.format == "csv" else 0
    names = ", ".join(f"{column} AS c{i}" for i, column in enumerate(_columns(source)))
    try:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE loaded AS SELECT {names} FROM {reader}", [str(source.path)])
    except DatabaseError as error:
        what = str(error).splitlines()[0].replace(str(source.path), source.shown)
        raise WorkbenchError(f"{source.shown} cannot be read to its end: {what}", "Most often it is damaged: export it again.") from error
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT rowid + {before + 1} AS line, * FROM loaded")
    if source.format != "csv":
        return []
    problems = _rejected(cursor, source)
    if problems:
        _renumber(cursor, [p.line for p in problems])
    return _count_inner_lines(cursor, source, problems)


def _renumber(cursor: Connection, rejected: list[int]) -> None:
    """Count the records that were cut out before each row, so that `line` is its place among all."""
    before = [line - i for i, line in enumerate(sorted(rejected))]
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE cut AS SELECT first, max(n) AS n FROM (SELECT unnest(?) AS first, unnest(?) AS n) GROUP BY 1",
        [before, list(range(1, len(before) + 1))],
    )
    moved = "SELECT r.* REPLACE (r.line + coalesce(c.n, 0) AS line) FROM raw r ASOF LEFT JOIN cut c ON r.line >= c.first"
    replace_rows(cursor, moved)


def _count_inner_lines(cursor: Connection, source: Source, problems: list[Problem]) -> list[Problem]:
    """Where texts hold line ends, move every row down by those that stand before it."""
    row = cursor.execute("SELECT count(*) FROM raw").fetchone()
    if row is None or source.newlines <= row[0] + len(problems) + 1:
        return problems
    held = " + ".join(f"coalesce(length(c{i}) - length(replace(c{i}, chr(10), '')), 0)" for i in range(len(source.columns)))
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE inner_lines AS SELECT line, sum(n) OVER (ORDER BY line) AS n FROM "
        f"(SELECT line, {held} AS n FROM raw UNION ALL SELECT unnest(?), unnest(?)) WHERE n > 0",
        [[p.line for p in problems], [p.value.count("\n") for p in problems]],
    )
    replace_rows(
        cursor,
        "SELECT r.* REPLACE (r.line + coalesce(i.n, 0)::BIGINT AS line) FROM raw r ASOF LEFT JOIN inner_lines i ON r.line > i.line",
    )
    moved = cursor.execute(
        "SELECT coalesce(i.n, 0)::BIGINT FROM (SELECT unnest(?) AS line, unnest(?) AS place) p "
        "ASOF LEFT JOIN inner_lines i ON p.line > i.line ORDER BY place",
        [[p.line for p in problems], list(range(len(problems)))],
    ).fetchall()
    return [replace(p, line=p.line + n) for p, (n,) in zip(problems, moved, strict=True)]


def _json_lines(cursor: Connection, source: Source) -> list[Problem]:
    """One object for each line; a line that is none is a problem, not the end of the reading."""
    pointers = ["/" + name.replace("~", "~0").replace("/", "~1") for name in source.given]
    lines = (
        f"read_csv(?, columns={{'j': 'VARCHAR'}}, delim='\x01', quote='', escape='', header=false, auto_detect=false, "
        f"max_line_size={LINE_BYTES}, null_padding=false, new_line='{new_line(source.path)}')"
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE objects AS SELECT j, "
        f"CASE WHEN json_valid(j) THEN json_type(j) = 'OBJECT' ELSE false END AS good FROM {_no_further(source, lines)}",
        [str(source.path)],
    )
    names = ", ".join(f"o[{i + 1}] AS c{i}" for i in range(len(pointers)))
    taken = "SELECT rowid + 1 AS line, json_extract_string(j, ?) AS o FROM objects WHERE good"
    replace_rows(cursor, f"SELECT line, {names} FROM ({taken})", [pointers])
    bad = cursor.execute(
        "SELECT rowid + 1 AS line, left(j, 200) FROM objects WHERE NOT good AND trim(coalesce(j, '')) <> '' ORDER BY line"
    ).fetchall()
    cursor.execute("DROP TABLE objects")
    return [Problem(int(line), "", text, "not a JSON object") for line, text in bad]


def _columns(source: Source) -> list[str]:
    if source.format == "csv" and set(source.columns) >= set(REASONS):
        return [_unescaped(f"c{i}") for i in range(len(source.columns))]
    if source.format == "csv":
        return [f"c{i}" for i in range(len(source.columns))]
    return [_as_text(_quoted(c)) for c in source.given]


def _as_text(x: str) -> str:
    """A typed cell as text; a whole number that is stored as a fraction (5.0) as people write it."""
    return f"CASE WHEN typeof({x}) IN ('FLOAT', 'DOUBLE') THEN regexp_replace({x}::VARCHAR, '\\.0$', '') ELSE {x}::VARCHAR END"


def _unescaped(x: str) -> str:
    """A cell of a file of rejects without the apostrophe that kept a spreadsheet from taking it for a formula."""
    return f"CASE WHEN regexp_matches({x}, '^''[=+\\-@\\t\\r]') THEN substr({x}, 2) ELSE {x} END"


def _csv(source: Source) -> str:
    return read_csv(len(source.columns), source.delimiter, source.escape, source.path)


def _forget_rejects(cursor: Connection) -> None:
    for name in ("reject_errors", "reject_scans"):
        cursor.execute(f"DROP TABLE IF EXISTS {name}")


def _json(source: Source) -> str:
    columns = ", ".join(f"{_text(c)}: 'VARCHAR'" for c in source.given)
    return f"read_json(?, columns={{{columns}}}, format='array', maximum_object_size={LINE_BYTES})"


def _parquet(source: Source) -> str:
    return "read_parquet(?)"


def _rejected(cursor: Connection, source: Source) -> list[Problem]:
    try:
        rows = cursor.execute(
            "SELECT line, min(coalesce(column_name, '')), min(csv_line), min(error_message) FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
    except DatabaseError:
        return []
    return [Problem(int(line) + source.above, _named(column, source), text or "", _plain(message)) for line, column, text, message in rows]


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
