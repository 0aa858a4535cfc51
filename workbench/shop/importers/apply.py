"""One file into the shop's tables, inside a transaction: typed, checked, merged by key, every row accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.shop.importers import sql
from workbench.shop.importers.base import Fill, bind, used
from workbench.shop.importers.raw import Problem
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES, Column, Table
from workbench.shop.store import Connection, quote

MERGED = "merged_duplicates"


@dataclass
class Counts:
    """What became of a table's rows; the last five add up to `read`."""

    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    set_apart: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.added or self.updated)


@dataclass
class Outcome:
    """A filled table: counts, why rows were set apart and how many, what was left out."""

    counts: Counts
    notes: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def fill(cursor: Connection, source: Source, name: str, plan: Fill, dates: sql.DateOrder | None) -> Outcome:
    """Fill one table from the temporary table `raw` as `plan` says."""
    table = TABLES[name]
    _stage(cursor, source, table, plan, dates)
    reasons = dict(cursor.execute("SELECT coalesce(apart, ''), count(*) FROM incoming WHERE bad IS NULL GROUP BY 1").fetchall())
    problems = _problems(cursor, table, plan)
    counts = _merge(cursor, table)
    counts.rejected = int(_one(cursor, "SELECT count(*) FROM incoming WHERE bad IS NOT NULL"))
    counts.set_apart = sum(n for reason, n in reasons.items() if reason)
    counts.read = counts.added + counts.updated + counts.unchanged + counts.rejected + counts.set_apart
    notes = {reason: int(n) for reason, n in reasons.items() if reason}
    for what, condition in plan.count.items():
        where = bind(condition, source.columns)
        kept = f"FROM incoming SEMI JOIN (SELECT line FROM raw WHERE {where}) USING (line) WHERE bad IS NULL AND apart IS NULL"
        notes[what] = _one(cursor, f"SELECT count(*) {kept}")
    return Outcome(counts, notes, problems)


def _stage(cursor: Connection, source: Source, table: Table, plan: Fill, dates: sql.DateOrder | None) -> None:
    """The temporary table `incoming`: line, typed columns, `bad` (the column at fault), `bad_value`, `apart` (why it is set apart)."""
    given = {c: bound for c, expression in plan.columns.items() if (bound := bind(expression, source.columns)) is not None}
    if "language" in table.names and "language" not in given and "body" in given:
        given["language"] = f"language_of({given['body']})"
    columns = [c for c in table.columns if c.name in given]
    names = [c.name for c in columns]
    select = [f"{'min(line)' if plan.group else 'line'} AS line", f"{_apart(source, plan)} AS apart"]
    select += [f"{_typed(c, given[c.name], dates)} AS {c.name}" for c in columns]
    if plan.attributes and (rest := _attributes(source, plan)):
        select.append(f"{rest} AS attributes")
        names.append("attributes")
    wrong = {} if plan.group else {c.name: fault for c in columns if (fault := _fault(c))}
    select += [f"CAST({given[name]} AS VARCHAR) AS raw_{name}" for name in wrong]
    bad, value = _cases(wrong)
    cursor.execute("DROP TABLE IF EXISTS incoming")
    cursor.execute(
        f"CREATE TEMP TABLE incoming AS SELECT line, {', '.join(names)}, apart, {bad} AS bad, {value} AS bad_value "
        f"FROM (SELECT {', '.join(select)} FROM raw {_scope(source, plan)})"
    )
    _merge_duplicates(cursor, table.key)


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


def _merge_duplicates(cursor: Connection, key: str) -> None:
    """Of several good rows with one key the last counts, the others are set apart."""
    good = "apart IS NULL AND bad IS NULL"
    if _one(cursor, f"SELECT count(*) - count(DISTINCT {key}) FROM incoming WHERE {good}"):
        kept = f"SELECT max(line) FROM incoming WHERE {good} GROUP BY {key}"
        cursor.execute(f"UPDATE incoming SET apart = '{MERGED}' WHERE {good} AND line NOT IN ({kept})")


def _typed(column: Column, expression: str, dates: sql.DateOrder | None) -> str:
    if column.name == "body":
        return f"coalesce({expression}, '')"
    return sql.typed(column, f"({expression})", dates)


def _attributes(source: Source, plan: Fill) -> str:
    """A JSON object of the columns that nothing else reads; being part of a hashed id is no reading."""
    told = [x for x in plan.columns.values() if not x.startswith("md5(")]
    rest = [(i, name) for i, name in enumerate(source.columns) if name not in used(told) and name != "row number"]
    pairs = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}', c{i}" for i, name in rest)
    return f"CAST(json_object({pairs}) AS JSON)" if rest else ""


def _problems(cursor: Connection, table: Table, plan: Fill) -> list[Problem]:
    columns = {c.name: c for c in table.columns}
    rows = cursor.execute("SELECT line, bad, coalesce(bad_value, '') FROM incoming WHERE bad IS NOT NULL ORDER BY line").fetchall()
    named = {c: ", ".join(sorted(used([plan.columns[c]]))) or c for c in plan.columns}
    return [
        Problem(line, named[bad], value, f"must be {sql.allowed(columns[bad])}" if value else f"{bad} is missing")
        for line, bad, value in rows
    ]


def _merge(cursor: Connection, table: Table) -> Counts:
    """Insert what is new, change what differs; a value the file lacks never empties one that is there."""
    present = {row[0] for row in cursor.execute("DESCRIBE incoming").fetchall()}
    names = [n for n in table.names if n in present]
    rest = [n for n in names if n != table.key]
    listed, target, key = ", ".join(names), quote(table.name), table.key
    good = "bad IS NULL AND apart IS NULL"
    if not _one(cursor, f"SELECT count(*) FROM (SELECT 1 FROM {target} LIMIT 1)"):
        added = int(
            cursor.execute(f"INSERT INTO {target} ({listed}) SELECT {listed} FROM incoming WHERE {good} ORDER BY line").fetchall()[0][0]
        )
        return Counts(added=added)
    differs = (
        " OR ".join(f"(i.{n} IS NOT NULL AND CAST(i.{n} AS VARCHAR) IS DISTINCT FROM CAST(t.{n} AS VARCHAR))" for n in rest) or "false"
    )
    total = int(_one(cursor, f"SELECT count(*) FROM incoming WHERE {good}"))
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT i.{key} FROM incoming i ANTI JOIN {target} t ON i.{key} = t.{key} WHERE {good}"
    )
    updated = 0
    if rest:
        setting = ", ".join(f"{n} = coalesce(i.{n}, t.{n})" for n in rest)
        statement = f"UPDATE {target} t SET {setting} FROM (FROM incoming WHERE {good}) i WHERE i.{key} = t.{key} AND ({differs})"
        updated = int(cursor.execute(statement).fetchall()[0][0])
    added = int(
        cursor.execute(
            f"INSERT INTO {target} ({listed}) SELECT {listed} FROM incoming SEMI JOIN fresh USING ({key}) WHERE {good} ORDER BY line"
        ).fetchall()[0][0]
    )
    return Counts(added=added, updated=updated, unchanged=total - added - updated)


def _one(cursor: Connection, statement: str) -> int:
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0
