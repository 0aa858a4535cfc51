"""One file made ready beside the shop: typed, checked, every row accounted for, in a DuckDB file that only waits to be merged.

Nothing here touches the shop, so that it may run in a process of its own, with memory of its own and
for as long as it takes. The file holds a table for each table of the shop (canonical columns, `line`,
`bad`: the column at fault, `bad_value`, `apart`: why a row is set apart), the `rejects` as they stand in
the file, the `problems`, and `about`, one JSON document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.home import Home
from workbench.shop.doubts import doubtful
from workbench.shop.importers import keys, personal, rejects, sql
from workbench.shop.importers.base import TEXTS, Fill, Importer, bind, used
from workbench.shop.importers.beside import Neighbours, join
from workbench.shop.importers.heard import Report, heard
from workbench.shop.importers.raw import REASONS, Problem
from workbench.shop.importers.reading import Question, Reading
from workbench.shop.importers.source import Source
from workbench.shop.importers.written import Written, moved, written
from workbench.shop.schema import TABLES, Column, Table
from workbench.shop.store import Connection, connect

MERGED = "merged_duplicates"
MEMORY = "1GB"
LINES_NAMED = 5


def quiet(done: float, step: str) -> None:
    """Tells nobody how far the work is."""


@dataclass
class Found:
    """What a staged table holds beside its good rows."""

    rejected: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    apart: int = 0
    problems: list[Problem] = field(default_factory=list)
    doubts: list[dict[str, Any]] = field(default_factory=list)


def stage(
    home: Home, source: Source, importer: Importer, reading: Reading, report: Report = quiet, neighbours: Neighbours = ()
) -> tuple[Path | None, tuple[Question, ...]]:
    """(the staged file, no questions), or (None, what has to be answered first); the caller removes the file.

    Raises WorkbenchError when the source cannot be read to its end.
    """
    path = home.uploads / f"{uuid4().hex}.staged"
    connection = connect(path, allow=(home.uploads,), files=(source.path, *(other.path for _, other in neighbours)), memory=MEMORY)
    questions: tuple[Question, ...] = ()
    try:
        with heard(connection, report) as tell:
            tell(0.0, f"reading {source.shown}")
            sql.prepare(connection)
            personal.prepare(connection, home)
            joined, cut = join(connection, source, neighbours)
            how, questions = written(connection, joined, importer, reading)
            if not questions:
                keys.prepare(connection, mask=how.mask, pseudonyms=how.pseudonyms)
                _write(connection, joined, importer, how, cut, tell)
                rejects.keep(connection, source, importer, how, cut)
                connection.execute("CHECKPOINT")
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


def _write(connection: Connection, source: Source, importer: Importer, how: Written, cut: list[Problem], report: Report) -> None:
    tables: dict[str, Found] = {}
    plans = {name: plan for name, plan in importer.fills.items() if not plan.group or bind(plan.group, source.columns)}
    for i, (name, plan) in enumerate(plans.items()):
        report(0.4 + 0.5 * i / len(plans), f"checking {name}")
        tables[name] = _fill(connection, source, TABLES[name], plan, how)
    report(0.95, "writing it down")
    _keep_problems(connection, [*cut, *tables[importer.table].problems])
    _about(connection, source, importer, tables, len(cut), how)


def _about(connection: Connection, source: Source, importer: Importer, tables: dict[str, Found], cut: int, how: Written) -> None:
    about: dict[str, Any] = {
        "file": source.shown,
        "importer": importer.name,
        "title": importer.title,
        "encoding": source.encoding,
        "warnings": [*source.notes, *moved(connection, source, importer, how), *_said_twice(connection, importer)],
        "attributes": [name for _, name in _unread(source, importer.fills[importer.table])],
        "personal": _personal(connection, source, importer, how),
        "doubts": [doubt for one in tables.values() for doubt in one.doubts],
        "counted": list(importer.fills[importer.table].count),
        "tables": {name: {"rejected": one.rejected, "apart": one.apart, "notes": one.notes} for name, one in tables.items()},
    }
    about["tables"][importer.table]["rejected"] += cut
    connection.execute("CREATE TABLE about AS SELECT ? AS document", [json.dumps(about, ensure_ascii=False)])


def _said_twice(cursor: Connection, importer: Importer) -> list[str]:
    """Which rows of the file are set apart for a later one, in words."""
    table = TABLES[importer.table]
    found = [line for (line,) in cursor.execute(f"SELECT line FROM {table.name} WHERE apart = ? ORDER BY line", [MERGED]).fetchall()]
    if not found:
        return []
    lines = f"line {found[0]}" if len(found) == 1 else f"lines {', '.join(map(str, found[:LINES_NAMED]))}"
    more = f" and {len(found) - LINES_NAMED:,} more" if len(found) > LINES_NAMED else ""
    made = importer.fills[importer.table].columns[table.key].startswith("md5(")  # an id that the file has not
    why = "is the same" if made else f"has the same {table.key} and counts"
    return [f"set apart, because a later row {why}: {lines}{more}"]


def _fill(cursor: Connection, source: Source, table: Table, plan: Fill, how: Written) -> Found:
    """Make one table of the staged file from the view `raw` as `plan` says."""
    _type(cursor, source, table, plan, how)
    reasons = cursor.execute(f"SELECT coalesce(apart, ''), count(*) FROM {table.name} WHERE bad IS NULL GROUP BY 1 ORDER BY 1").fetchall()
    found = Found(notes={reason: int(n) for reason, n in reasons if reason}, problems=_problems(cursor, table, plan, how))
    found.apart = sum(found.notes.values())
    found.rejected = len(found.problems)
    for what, condition in plan.count.items():
        where = bind(condition, source.columns)
        kept = f"FROM {table.name} SEMI JOIN (SELECT line FROM raw WHERE {where}) USING (line) WHERE bad IS NULL AND apart IS NULL"
        found.notes[what] = _one(cursor, f"SELECT count(*) {kept}")
    good = f"SELECT * FROM {table.name} WHERE bad IS NULL AND apart IS NULL"
    given = [name for name, expression in plan.columns.items() if bind(expression, source.columns) is not None]
    found.doubts = doubtful(cursor, table, given, good)
    return found


def _type(cursor: Connection, source: Source, table: Table, plan: Fill, how: Written) -> None:
    given = {c: bound for c, expression in plan.columns.items() if (bound := bind(expression, source.columns)) is not None}
    if "language" in table.names and "language" not in given and "body" in given:
        given["language"] = f"language_of({given['body']})"
    columns = [c for c in table.columns if c.name in given]
    names = [c.name for c in columns]
    select = [f"{'min(line)' if plan.group else 'line'} AS line", f"{_apart(source, plan)} AS apart"]
    select += [f"{_typed(c, given[c.name], how)} AS {c.name}" for c in columns]
    if rest := _attributes(source, plan, mask=how.mask):
        select.append(f"{rest} AS attributes")
        names.append("attributes")
    wrong = {} if plan.group else {c.name: fault for c in columns if (fault := _fault(c))}
    select += [f"CAST({given[name]} AS VARCHAR) AS raw_{name}" for name in wrong]
    texts = [name for name in TEXTS.get(table.name, ()) if name in given] if how.mask else []
    own = personal.own_names(source.columns) if texts and not plan.group else []
    select += [f"{name} AS own_{i}" for i, name in enumerate(own)]
    rows = personal.masked_rows(f"SELECT {', '.join(select)} FROM raw {_scope(source, plan)}", texts, len(own))
    bad, value = _cases(wrong)
    signed = sql.BY_SIGN if set(sql.BY_SIGN) <= set(names) else {}
    names = [f"{signed[name]} AS {name}" if name in signed else name for name in names]
    cursor.execute(f"CREATE TABLE {table.name} AS SELECT line, {', '.join(names)}, apart, {bad} AS bad, {value} AS bad_value FROM ({rows})")
    _merge_duplicates(cursor, table)


def _apart(source: Source, plan: Fill) -> str:
    bound = {reason: bind(condition, source.columns) for reason, condition in plan.set_apart.items()}
    cases = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in bound.items() if condition)
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


def _typed(column: Column, expression: str, how: Written) -> str:
    """The cells of a column in its type, ids of users hashed where they tell the person."""
    if column.name == "body":
        return f"coalesce({expression}, '')"
    typed = sql.typed(column, f"({expression})", how.dates, how.decimal, how.scale)
    if column.name == "user_id" and (how.mask or how.pseudonyms):
        return personal.user_id(typed, always=how.pseudonyms)
    return typed


def _attributes(source: Source, plan: Fill, *, mask: bool) -> str:
    """A JSON object of the columns that nothing else reads."""
    rest = _unread(source, plan)
    pairs = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}', {_attribute(name, i) if mask else f'c{i}'}" for i, name in rest)
    return f"CAST(json_object({pairs}) AS JSON)" if rest else ""


def _unread(source: Source, plan: Fill) -> list[tuple[int, str]]:
    """Place and name of each column that nothing reads, kept as an attribute where the plan wants that; a hashed id is no reading."""
    told = [x for x in plan.columns.values() if not x.startswith("md5(")]
    passed = {*used(told), "row number", *REASONS}
    return [(i, name) for i, name in enumerate(source.columns) if name not in passed] if plan.attributes else []


def _attribute(name: str, place: int) -> str:
    """The cell of a column that is kept as an attribute, without what is personal."""
    kind = personal.kind_of(name)
    return f"CASE WHEN trim(c{place}) <> '' THEN '[{kind}]' END" if kind else f"masked(c{place})"


def _personal(connection: Connection, source: Source, importer: Importer, how: Written) -> dict[str, Any]:
    """What was found: rows with each kind in the texts, columns that are personal by their name."""
    plan, table = importer.fills[importer.table], importer.table
    texts = [name for name in TEXTS.get(table, ()) if name in plan.columns and bind(plan.columns[name], source.columns)]
    taken = used([x for x in plan.columns.values() if not x.startswith("md5(")])
    columns = {name: kind for name in source.columns if plan.attributes and name not in taken and (kind := personal.kind_of(name))}
    return {"masked": how.mask, "rows": personal.counts(connection, table, texts) if how.mask and texts else {}, "columns": columns}


def _problems(cursor: Connection, table: Table, plan: Fill, how: Written) -> list[Problem]:
    columns = {c.name: c for c in table.columns}
    rows = cursor.execute(f"SELECT line, bad, coalesce(bad_value, '') FROM {table.name} WHERE bad IS NOT NULL ORDER BY line").fetchall()
    named = {c: ", ".join(sorted(used([plan.columns[c]]))) or c for c in plan.columns}
    return [
        Problem(line, named[bad], value, f"must be {sql.allowed(columns[bad], how.scale)}" if value else f"{bad} is missing")
        for line, bad, value in rows
    ]


def _keep_problems(cursor: Connection, found: list[Problem]) -> None:
    problems = sorted(found, key=lambda p: p.line)
    cursor.execute('CREATE TABLE problems (line BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR)')
    if problems:
        columns = [[getattr(p, name) for p in problems] for name in ("line", "column", "value", "reason")]
        cursor.execute(
            "INSERT INTO problems SELECT line, name, masked(left(value, 200)), reason FROM "
            "(SELECT unnest(?) AS line, unnest(?) AS name, unnest(?) AS value, unnest(?) AS reason)",
            columns,
        )


def _one(cursor: Connection, statement: str) -> int:
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0
