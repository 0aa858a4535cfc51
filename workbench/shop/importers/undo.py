"""The last import can be taken back: what it added and what its rows were before lie beside the shop's tables, in the same file.

The tables of the schema `undo` are written in the import's own transaction, so they are there exactly when the
import is. Only the last import is kept. A table that was empty before is noted as such, not row by row.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from workbench.errors import WorkbenchError
from workbench.shop.schema import TABLES, Table
from workbench.shop.store import Connection, DatabaseError, Store, quote


def begin(cursor: Connection) -> None:
    """Forget the import before and make the tables of this one."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS undo")
    cursor.execute("CREATE OR REPLACE TABLE undo.emptied (name VARCHAR)")
    for name, table in TABLES.items():
        cursor.execute(f"CREATE OR REPLACE TABLE undo.added_{name} AS SELECT {table.key} FROM {quote(name)} LIMIT 0")
        cursor.execute(f"CREATE OR REPLACE TABLE undo.before_{name} AS SELECT 0 AS step, * FROM {quote(name)} LIMIT 0")


def keep_added(cursor: Connection, table: Table, rows: str) -> None:
    """Note the keys of `rows`, which are about to be added; of a table without rows and without earlier ones note only that."""
    known = _one(cursor, f"SELECT count(*) FROM (SELECT 1 FROM {quote(table.name)} LIMIT 1)")
    if not known and not _one(cursor, f"SELECT count(*) FROM undo.before_{table.name}"):
        cursor.execute("INSERT INTO undo.emptied SELECT ? WHERE NOT EXISTS (FROM undo.emptied WHERE name = ?)", [table.name, table.name])
        return
    cursor.execute(f"INSERT INTO undo.added_{table.name} SELECT {table.key} FROM {rows}")


def keep_before(cursor: Connection, table: Table, keys: str) -> None:
    """Keep the rows whose keys the query `keys` gives as they are now, but those that the same import added."""
    step = f"(SELECT coalesce(max(step), 0) + 1 FROM undo.before_{table.name})"
    earlier = f"t.{table.key} NOT IN (SELECT {table.key} FROM undo.added_{table.name}) AND NOT EXISTS (FROM undo.emptied WHERE name = ?)"
    rows = f"SELECT {step}, t.* FROM {quote(table.name)} t WHERE t.{table.key} IN ({keys}) AND {earlier}"
    cursor.execute(f"INSERT INTO undo.before_{table.name} {rows}", [table.name])


def finish(cursor: Connection, files: list[dict[str, Any]], before: int, made: int) -> None:
    """Write down what the import was, for those who wonder whether to take it back; `before` it the content was that of this version.

    `made` is the data version that it makes.
    """
    told = [{"file": file["file"], "tables": file["tables"]} for file in files]
    about = {"when": datetime.now().isoformat(timespec="seconds"), "files": told, "before": before, "made": made}
    document = json.dumps(about, ensure_ascii=False)
    cursor.execute("CREATE OR REPLACE TABLE undo.about AS SELECT ? AS document", [document])


def last(store: Store) -> dict[str, Any] | None:
    """The import that an undo would take back: `when` and its `files`; None where there is none."""
    try:
        found = store.value("SELECT document FROM undo.about")
    except DatabaseError:
        return None
    return dict(json.loads(found)) if found else None


def touched(store: Store, table: Table) -> tuple[int, str]:
    """How many rows of a table the last import added or changed, and the query that gives them."""
    rows = f"SELECT * FROM {quote(table.name)}"
    if last(store) is None:
        return 0, f"{rows} LIMIT 0"
    if not store.value("SELECT count(*) FROM undo.emptied WHERE name = ?", [table.name]):
        keys = f"SELECT {table.key} FROM undo.added_{table.name} UNION SELECT {table.key} FROM undo.before_{table.name}"
        rows = f"{rows} WHERE {table.key} IN ({keys})"
    return int(store.value(f"SELECT count(*) FROM ({rows})") or 0), rows


def take_back(store: Store) -> dict[str, Any]:
    """Undo the last import: `{"data_version", "undone", "tables": {name: {"removed", "restored"}}}`.

    Raises WorkbenchError where there is nothing to take back.
    """
    undone = last(store)
    if undone is None:
        raise WorkbenchError("There is no import to take back.", "Only the last import can be undone, and only once.")
    tables = {}
    with store.transaction() as cursor:
        emptied = {name for (name,) in cursor.execute("SELECT name FROM undo.emptied").fetchall()}
        for name, table in TABLES.items():
            removed = _remove(cursor, table, everything=name in emptied)
            restored = _restore(cursor, table)
            if removed or restored:
                tables[name] = {"removed": removed, "restored": restored}
        cursor.execute("DROP SCHEMA undo CASCADE")
        cursor.execute("DELETE FROM workbench_meta WHERE key = 'content_version'")
        if undone.get("made") == store.data_version:  # nothing else was changed since
            told = f"{store.data_version + 1}:{undone['before']}"
            cursor.execute("INSERT INTO workbench_meta VALUES ('content_version', ?)", [told])
    return {"data_version": store.data_version, "undone": undone, "tables": tables}


def _remove(cursor: Connection, table: Table, *, everything: bool) -> int:
    where = "" if everything else f" WHERE {table.key} IN (SELECT {table.key} FROM undo.added_{table.name})"
    return _one(cursor, f"DELETE FROM {quote(table.name)}{where}")


def _restore(cursor: Connection, table: Table) -> int:
    """Put back the oldest state of each row that was there before."""
    names, key = ", ".join(table.names), table.key
    oldest = f"SELECT DISTINCT ON ({key}) {names} FROM undo.before_{table.name} ORDER BY step"
    if not _one(cursor, f"SELECT count(*) FROM undo.before_{table.name}"):
        return 0
    cursor.execute(f"DELETE FROM {quote(table.name)} WHERE {key} IN (SELECT {key} FROM undo.before_{table.name})")
    return _one(cursor, f"INSERT INTO {quote(table.name)} ({names}) {oldest}")


def _one(cursor: Connection, statement: str) -> int:
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0
