"""Staged files into the shop's tables, inside the shop's transaction: matched by key, counted, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workbench.shop.importers import undo
from workbench.shop.schema import TABLES, Table
from workbench.shop.store import Connection, quote

PROBLEMS_KEPT = 10_000


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


def empty(cursor: Connection, tables: Iterable[str]) -> None:
    """Take every row out of these tables, keeping it for an undo."""
    for name in tables:
        undo.keep_before(cursor, TABLES[name], f"SELECT {TABLES[name].key} FROM {quote(name)}")
        cursor.execute(f"DELETE FROM {quote(name)}")


def merge(cursor: Connection, alias: str, *, only_count: bool = False) -> tuple[dict[str, Any], bool]:
    """Merge the staged file attached as `alias`; (its part of the import's document, whether anything changed).

    With `only_count` the same is counted and nothing is written.
    """
    about = json.loads(cursor.execute(f"SELECT document FROM {quote(alias)}.about").fetchall()[0][0])
    counts: dict[str, Counts] = {}
    for name, found in about["tables"].items():
        counted = (_count if only_count else _merge)(cursor, f"{quote(alias)}.{quote(name)}", TABLES[name])
        counted.rejected, counted.set_apart = found["rejected"], found["apart"]
        counted.read = counted.added + counted.updated + counted.unchanged + counted.rejected + counted.set_apart
        counts[name] = counted
    own = next(iter(about["tables"]))
    problems = cursor.execute(
        f'SELECT line, "column", value, reason FROM {quote(alias)}.problems ORDER BY line LIMIT {PROBLEMS_KEPT}'
    ).fetchall()
    document = {
        "file": about["file"],
        "importer": about["importer"],
        "tables": {name: vars(found) for name, found in counts.items()},
        "notes": about["tables"][own]["notes"],
        "warnings": about["warnings"],
        "doubts": about["doubts"],
        "attributes": about["attributes"],
        "personal": about["personal"],
        "lines": _lines(counts[own], about["tables"][own]["notes"], about["counted"]),
        "encoding": about["encoding"],
        "problems": [dict(zip(("line", "column", "value", "reason"), row, strict=True)) for row in problems],
    }
    return document, any(found.changed for found in counts.values())


def _lines(counts: Counts, notes: dict[str, int], counted: list[str]) -> dict[str, int]:
    """Every record of the file in one place only: all but `read` add up to it."""
    kept = counts.added + counts.updated + counts.unchanged - sum(notes.get(name, 0) for name in counted)
    return {"read": counts.read, "kept": kept, **notes, "rejected": counts.rejected}


def _merge(cursor: Connection, incoming: str, table: Table) -> Counts:
    """Insert what is new, change what differs; a value the file lacks never empties one that is there."""
    names, good, differs = _incoming(cursor, incoming, table)
    rest = [n for n in names if n != table.key]
    listed, target, key = ", ".join(names), quote(table.name), table.key
    if not _one(cursor, f"SELECT count(*) FROM (SELECT 1 FROM {target} LIMIT 1)"):
        undo.keep_added(cursor, table, good)
        return Counts(added=_changed(cursor, f"INSERT INTO {target} ({listed}) SELECT {listed} FROM {good}"))
    total = _one(cursor, f"SELECT count(*) FROM {good}")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT i.{key} FROM {good} i ANTI JOIN {target} t ON i.{key} = t.{key}")
    updated = 0
    if rest:
        setting = ", ".join(f"{n} = coalesce(i.{n}, t.{n})" for n in rest)
        undo.keep_before(cursor, table, f"SELECT t.{key} FROM {target} t JOIN {good} i ON i.{key} = t.{key} WHERE {differs}")
        updated = _changed(cursor, f"UPDATE {target} t SET {setting} FROM {good} i WHERE i.{key} = t.{key} AND ({differs})")
    undo.keep_added(cursor, table, "fresh")
    added = _changed(cursor, f"INSERT INTO {target} ({listed}) SELECT {listed} FROM {good} SEMI JOIN fresh USING ({key})")
    return Counts(added=added, updated=updated, unchanged=total - added - updated)


def _count(cursor: Connection, incoming: str, table: Table) -> Counts:
    """What `_merge` would count."""
    _, good, differs = _incoming(cursor, incoming, table)
    target, key = quote(table.name), table.key
    total = _one(cursor, f"SELECT count(*) FROM {good}")
    known = _one(cursor, f"SELECT count(*) FROM {good} i SEMI JOIN {target} t ON i.{key} = t.{key}")
    updated = _one(cursor, f"SELECT count(*) FROM {target} t JOIN {good} i ON i.{key} = t.{key} WHERE {differs}") if known else 0
    return Counts(added=total - known, updated=updated, unchanged=known - updated)


def _incoming(cursor: Connection, incoming: str, table: Table) -> tuple[list[str], str, str]:
    """(columns that the staged table has, the query of its good rows, the condition under which one differs from the shop's)."""
    present = {row[0] for row in cursor.execute(f"DESCRIBE {incoming}").fetchall()}
    names = [n for n in table.names if n in present]
    rest = [n for n in names if n != table.key]
    differs = " OR ".join(f"(i.{n} IS NOT NULL AND CAST(i.{n} AS VARCHAR) IS DISTINCT FROM CAST(t.{n} AS VARCHAR))" for n in rest)
    return names, f"(SELECT {', '.join(names)} FROM {incoming} WHERE bad IS NULL AND apart IS NULL)", differs or "false"


def _changed(cursor: Connection, statement: str) -> int:
    return int(cursor.execute(statement).fetchall()[0][0])


def _one(cursor: Connection, statement: str) -> int:
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0
