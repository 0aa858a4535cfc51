"""Where in a home a person can still be found: every DuckDB and Parquet file by its values, every other file by its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.home import Home
from workbench.shop.store import Connection, connect, quote

TELLING = re.compile(r"(?=.*[0-9@])(?!\d{1,7}$).{5,}")  # an id that is no word or figure of everyday texts
LONGEST_TEXT = 400  # letters of a text that are looked for
CHUNK = 1 << 22
TEXTS = ("VARCHAR", "JSON")
PASSED = {"shop.duckdb", "lock", ".lock", ".turn", "history.jsonl", "active", "pseudonyms.key"}
WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class Person:
    """What to look for: the ids (as the shop has them, hashed too), the keys of their rows, and what they wrote."""

    ids: tuple[str, ...]
    keys: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def telling(self) -> list[str]:
        """Ids that can be looked for inside longer texts: others are looked for as whole values only."""
        return [one for one in self.ids if TELLING.fullmatch(one)]

    @property
    def within(self) -> str | None:
        """The pattern of a telling id that stands in a text as a word of its own, None where no id is."""
        return rf"\b(?:{'|'.join(map(re.escape, self.telling))})\b" if self.telling else None


def files(home: Home) -> list[Path]:
    """Every file of the home that could hold a trace; the shop's own file is looked through by its owner."""
    found = [path for folder in (home.data, home.models) for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if path.name not in PASSED and path.suffix != WEIGHTS)


def holds(path: Path, person: Person) -> bool:
    """Whether a file holds a trace of the person."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[8:12] == b"DUCK":
        return duckdb_holds(path, person)
    if head.startswith(b"PAR1"):
        return _parquet_holds(path, person)
    if path.suffix == ".json":
        return _json_holds(path, person)
    return _bytes_hold(path, person)


def duckdb_holds(path: Path, person: Person) -> bool:
    connection = connect(path, read_only=True, allow=(path.parent,))
    try:
        return connection_holds(connection, person)
    finally:
        connection.close()


def connection_holds(connection: Connection, person: Person) -> bool:
    """Whether any text column of any table has an id, a key or a text, or names an id within a longer value."""
    exact = [*person.ids, *person.keys, *person.texts]
    pattern = person.within
    columns = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = current_database()"
    ).fetchall()
    for schema, table, column, kind in columns:
        if kind not in TEXTS:
            continue
        where = f"{quote(column)}::VARCHAR IN (SELECT unnest(?))"
        values: list[object] = [exact]
        if pattern:
            where += f" OR regexp_matches({quote(column)}::VARCHAR, ?)"
            values.append(pattern)
        if connection.execute(f"SELECT 1 FROM {quote(schema)}.{quote(table)} WHERE {where} LIMIT 1", values).fetchone():
            return True
    return False


def _parquet_holds(path: Path, person: Person) -> bool:
    import pyarrow.parquet as pq

    wanted = {*person.ids, *person.keys, *person.texts}
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for column in batch.columns:
                if any(isinstance(value, str) and value in wanted for value in column.to_pylist()):
                    return True
    return False


def _json_holds(path: Path, person: Person) -> bool:
    """Whether a name or a text of the document is one of the person's, or names a telling id."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return _bytes_hold(path, person)
    wanted, pattern = {*person.ids, *person.keys, *person.texts}, person.within
    return any(text in wanted or (pattern and re.search(pattern, text)) for text in _strings(document))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _bytes_hold(path: Path, person: Person) -> bool:
    """Whether a telling id or the beginning of a text stands in the file's bytes, with no letter or digit beside an id."""
    ids = [rb"(?<![A-Za-z0-9_])" + re.escape(one.encode()) + rb"(?![A-Za-z0-9_])" for one in person.telling]
    texts = [re.escape(text[:LONGEST_TEXT].encode()) for text in person.texts]
    if not ids and not texts:
        return False
    pattern = re.compile(b"|".join([*ids, *texts]))
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if pattern.search(before + chunk):
                return True
            before = (before + chunk)[-4 * LONGEST_TEXT :]
    return False
