"""One file made ready beside the shop: typed, checked, every row accounted for, in a DuckDB file that only waits to be merged.

Nothing here touches the shop, so that it may run in a process of its own, with memory of its own and
for as long as it takes. The file holds a table for each table of the shop (canonical columns, `line`,
`bad`: the column at fault, `bad_value`, `apart`: why a row is set apart), the `rejects` as they stand in
the file, the `problems`, and `about`, one JSON document.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.files import csv_records
from workbench.home import Home
from workbench.shop.importers import raw, sql
from workbench.shop.importers.base import Fill, Importer, bind, used
from workbench.shop.importers.dates import date_order
from workbench.shop.importers.numbers import decimal
from workbench.shop.importers.raw import Problem
from workbench.shop.importers.reading import DateOrder, Decimal, Question, Reading
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES, Column, Table
from workbench.shop.store import Connection, connect

MERGED = "merged_duplicates"
MEMORY = "1GB"
REASONS = ("rejected_line", "rejected_column", "rejected_reason")  # columns of a file of rejects, never attributes
Report = Callable[[float, str], None]


def quiet(done: float, step: str) -> None:
    """Tells nobody how far the work is."""


@dataclass(frozen=True)
class Written:
    """How numbers and dates of a file are written."""

    dates: DateOrder | None = None
    decimal: Decimal = "point"


@dataclass
class Found:
    """What a staged table holds beside its good rows."""

    rejected: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    apart: int = 0
    problems: list[Problem] = field(default_factory=list)


def stage(
    home: Home, source: Source, importer: Importer, reading: Reading, report: Report = quiet
) -> tuple[Path | None, tuple[Question, ...]]:
    """(the staged file, no questions), or (None, what has to be answered first); the caller removes the file.

    Raises WorkbenchError when the source cannot be read to its end.
    """
    path = home.uploads / f"{uuid4().hex}.staged"
    connection = connect(path, allow=(home.uploads,), files=(source.path,), memory=MEMORY)
    questions: tuple[Question, ...] = ()
    try:
        report(0.0, f"reading {source.shown}")
        sql.prepare(connection)
        cut = raw.load(connection, source)
        written, questions = _written(connection, source, importer, reading)
        if not questions:
            _write(connection, source, importer, written, cut, report)
    except BaseException:
        connection.close()
        path.unlink(missing_ok=True)
        raise
    connection.close()
    if questions:
        path.unlink(missing_ok=True)
        return None, questions
    report(1.0, "read")
    return path, ()


def _written(connection: Connection, source: Source, importer: Importer, reading: Reading) -> tuple[Written, tuple[Question, ...]]:
    """How dates and numbers are written; a question for each that the file leaves open and nobody said."""
    order, open_dates = (reading.dates, None) if reading.dates else date_order(connection, source, importer)
    sign, open_numbers = (reading.decimal, None) if reading.decimal else decimal(connection, source, importer)
    questions = []
    if open_dates:
        text = f"The dates in column {open_dates!r} of {source.shown} can be read with the day or the month first."
        questions.append(Question("dates", text, ("dayfirst", "monthfirst")))
    if open_numbers:
        text = f"In the numbers of column {open_numbers!r} of {source.shown} a comma can stand for the decimal point or for thousands."
        questions.append(Question("decimal", text, ("point", "comma")))
    return Written(order, sign or "point"), tuple(questions)


def _write(connection: Connection, source: Source, importer: Importer, written: Written, cut: list[Problem], report: Report) -> None:
    tables: dict[str, Found] = {}
    for i, (name, plan) in enumerate(importer.fills.items()):
        report(0.4 + 0.5 * i / len(importer.fills), f"checking {name}")
        tables[name] = _fill(connection, source, TABLES[name], plan, written)
    _keep_rejects(connection, source, importer.table, cut, tables[importer.table].problems)
    report(0.95, "writing it down")
    _about(connection, source, importer, tables, len(cut))
    connection.execute("CHECKPOINT")


def _about(connection: Connection, source: Source, importer: Importer, tables: dict[str, Found], cut: int) -> None:
    about: dict[str, Any] = {
        "file": source.shown,
        "importer": importer.name,
        "title": importer.title,
        "encoding": source.encoding,
        "warnings": list(source.notes),
        "counted": list(importer.fills[importer.table].count),
        "tables": {name: {"rejected": found.rejected, "apart": found.apart, "notes": found.notes} for name, found in tables.items()},
    }
    about["tables"][importer.table]["rejected"] += cut
    connection.execute("CREATE TABLE about AS SELECT ? AS document", [json.dumps(about, ensure_ascii=False)])


def _fill(cursor: Connection, source: Source, table: Table, plan: Fill, written: Written) -> Found:
    """Make one table of the staged file from the temporary table `raw` as `plan` says."""
    _type(cursor, source, table, plan, written)
    reasons = cursor.execute(f"SELECT coalesce(apart, ''), count(*) FROM {table.name} WHERE bad IS NULL GROUP BY 1 ORDER BY 1").fetchall()
    found = Found(notes={reason: int(n) for reason, n in reasons if reason}, problems=_problems(cursor, table, plan))
    found.apart = sum(found.notes.values())
    found.rejected = len(found.problems)
    for what, condition in plan.count.items():
        where = bind(condition, source.columns)
        kept = f"FROM {table.name} SEMI JOIN (SELECT line FROM raw WHERE {where}) USING (line) WHERE bad IS NULL AND apart IS NULL"
        found.notes[what] = _one(cursor, f"SELECT count(*) {kept}")
    return found


def _type(cursor: Connection, source: Source, table: Table, plan: Fill, written: Written) -> None:
    given = {c: bound for c, expression in plan.columns.items() if (bound := bind(expression, source.columns)) is not None}
    if "language" in table.names and "language" not in given and "body" in given:
        given["language"] = f"language_of({given['body']})"
    columns = [c for c in table.columns if c.name in given]
    names = [c.name for c in columns]
    select = [f"{'min(line)' if plan.group else 'line'} AS line", f"{_apart(source, plan)} AS apart"]
    select += [f"{_typed(c, given[c.name], written)} AS {c.name}" for c in columns]
    if plan.attributes and (rest := _attributes(source, plan)):
        select.append(f"{rest} AS attributes")
        names.append("attributes")
    wrong = {} if plan.group else {c.name: fault for c in columns if (fault := _fault(c))}
    select += [f"CAST({given[name]} AS VARCHAR) AS raw_{name}" for name in wrong]
    bad, value = _cases(wrong)
    cursor.execute(
        f"CREATE TABLE {table.name} AS SELECT line, {', '.join(names)}, apart, {bad} AS bad, {value} AS bad_value "
        f"FROM (SELECT {', '.join(select)} FROM raw {_scope(source, plan)})"
    )
    _merge_duplicates(cursor, table)


def _apart(source: Source, plan: Fill) -> str:
    cases = " ".join(f"WHEN {bind(condition, source.columns)} THEN '{reason}'" for reason, condition in plan.set_apart.items())
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"


def _scope(source: Source, plan: Fill) -> str:
    group = bind(plan.group, source.columns) if plan.group else None
    return f"WHERE {group} IS NOT NULL GROUP BY {group}" if group else ""


def _fault(column: Column) -> str:
    """The condition under which a typed row is at fault in this column; empty where nothing can be wrong."""
    conditions = []
    if column.type not in ("VARCHAR", "JSON") or column.name == "kind":
        conditions.append(f"trim(raw_{column.name}) <> '' AND {column.name} IS NULL")
    if column.required and column.name != "body":
        conditions.append(f"{column.name} IS NULL")
    return " OR ".join(f"({c})" for c in conditions)


def _cases(wrong: dict[str, str]) -> tuple[str, str]:
    """(the column at fault, its value) as expressions."""
    if not wrong:
        return "NULL::VARCHAR", "NULL::VARCHAR"
    bad = " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in wrong.items())
    value = " ".join(f"WHEN {condition} THEN left(coalesce(raw_{name}, ''), 200)" for name, condition in wrong.items())
    return f"CASE {bad} END", f"CASE {value} END"


def _merge_duplicates(cursor: Connection, table: Table) -> None:
    """Of several good rows with one key the last counts, the others are set apart."""
    good = "apart IS NULL AND bad IS NULL"
    if _one(cursor, f"SELECT count(*) - count(DISTINCT {table.key}) FROM {table.name} WHERE {good}"):
        kept = f"SELECT max(line) FROM {table.name} WHERE {good} GROUP BY {table.key}"
        cursor.execute(f"UPDATE {table.name} SET apart = '{MERGED}' WHERE {good} AND line NOT IN ({kept})")


def _typed(column: Column, expression: str, written: Written) -> str:
    if column.name == "body":
        return f"coalesce({expression}, '')"
    return sql.typed(column, f"({expression})", written.dates, written.decimal)


def _attributes(source: Source, plan: Fill) -> str:
    """A JSON object of the columns that nothing else reads; being part of a hashed id is no reading."""
    told = [x for x in plan.columns.values() if not x.startswith("md5(")]
    passed = {*used(told), "row number", *REASONS}
    rest = [(i, name) for i, name in enumerate(source.columns) if name not in passed]
    pairs = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}', c{i}" for i, name in rest)
    return f"CAST(json_object({pairs}) AS JSON)" if rest else ""


def _problems(cursor: Connection, table: Table, plan: Fill) -> list[Problem]:
    columns = {c.name: c for c in table.columns}
    rows = cursor.execute(f"SELECT line, bad, coalesce(bad_value, '') FROM {table.name} WHERE bad IS NOT NULL ORDER BY line").fetchall()
    named = {c: ", ".join(sorted(used([plan.columns[c]]))) or c for c in plan.columns}
    return [
        Problem(line, named[bad], value, f"must be {sql.allowed(columns[bad])}" if value else f"{bad} is missing")
        for line, bad, value in rows
    ]


def _keep_rejects(cursor: Connection, source: Source, table: str, cut: list[Problem], typed: list[Problem]) -> None:
    """The tables `problems`, and `rejects`: each rejected record's line and cells as they stand in the file."""
    problems = sorted([*cut, *typed], key=lambda p: p.line)
    cursor.execute('CREATE TABLE problems (line BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR)')
    if problems:
        columns = [[getattr(p, name) for p in problems] for name in ("line", "column", "value", "reason")]
        cursor.execute("INSERT INTO problems SELECT unnest(?), unnest(?), left(unnest(?), 200), unnest(?)", columns)
    cells = ", ".join(f"c{i}" for i in range(len(source.columns)))
    cursor.execute(
        f"CREATE TABLE rejects AS SELECT line, [{cells}] AS cells FROM raw SEMI JOIN {table} t ON raw.line = t.line AND t.bad IS NOT NULL"
    )
    if cut:
        split = [next(csv_records([p.value], source.delimiter, escape=source.escape), []) for p in cut]
        padded = [row + [""] * (len(source.columns) - len(row)) for row in split]
        cursor.execute("INSERT INTO rejects SELECT unnest(?), unnest(?::VARCHAR[][])", [[p.line for p in cut], padded])
    cursor.execute("CREATE TABLE header AS SELECT unnest(?) AS name", [list(source.columns)])


def reject_rows(path: Path) -> tuple[list[str], list[list[Any]]]:
    """(header, rows) of a staged file's rejects with line, column and reason, to be mended and imported again."""
    connection = connect(path, read_only=True, allow=(path.parent,))
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM header").fetchall() if name not in REASONS]
        rows = connection.execute(
            'SELECT r.cells, p.line, p."column", p.reason FROM rejects r JOIN problems p USING (line) ORDER BY line'
        ).fetchall()
    finally:
        connection.close()
    return [*names, *REASONS], [[*_wide(cells, len(names)), *why] for cells, *why in rows]


def _wide(cells: list[Any], width: int) -> list[Any]:
    """As many cells as there are columns; what a line has too many of stays together in the last one."""
    return cells if len(cells) <= width else [*cells[: width - 1], ",".join(str(cell) for cell in cells[width - 1 :])]


def _one(cursor: Connection, statement: str) -> int:
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0
