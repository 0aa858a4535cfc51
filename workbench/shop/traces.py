"""Where in a home a person can still be found: every DuckDB and Parquet file by its values, every other file by its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.home import Home
from workbench.shop.store import Connection, connect, quote

TELLING = re.compile(r"(?=.*[0-9@])(?!\d{1,7}$).{5,}")  # an id that is no word or figure of everyday texts
LONGEST_TEXT = 400  # letters of a text that are looked for
LONGEST_WAY = 12  # bytes of a letter as JSON may write it
CHUNK = 1 << 22
TEXTS = ("VARCHAR", "JSON")
PASSED = {"shop.duckdb", "lock", ".lock", ".turn", "history.jsonl", "active", "pseudonyms.key"}
WEIGHTS = ".safetensors"
PREDICTIONS = "predictions_"
NAMES = {name: f"{thing}_id" for thing in ("user", "review", "ticket") for name in (thing, f"{thing}s")}  # as documents call them


@dataclass(frozen=True)
class Person:
    """What to look for: the ids (as the shop has them, hashed too), the keys of their rows by column, and what they wrote.

    A key or an id may be another's in another column (user 7, review 7): each is looked for in its own. `predicted`
    says for tasks which column the keys of their predictions are of.
    """

    ids: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    predicted: Mapping[str, str] = field(default_factory=dict)

    @property
    def telling(self) -> list[str]:
        """Ids that can be looked for inside longer texts: others are looked for as whole values of their column only."""
        return [one for one in self.ids if TELLING.fullmatch(one)]

    def known_in(self, column: str, table: str = "") -> list[str]:
        """The ids or keys that a value of this column may be; none in columns that hold neither."""
        if column == "key" and table.startswith(PREDICTIONS):
            column = self.predicted.get(table.removeprefix(PREDICTIONS), "review_id")
        return [*self.ids] if column == "user_id" else [*self.keys.get(column, ())]

    def wrote(self, value: str) -> bool:
        """Whether a value holds one of the texts."""
        return any(text in value for text in self.texts)

    @property
    def within(self) -> str | None:
        """The pattern of a telling id that stands in a text as a word of its own, None where no id is."""
        return "|".join(f"{_edge(one[0])}{re.escape(one)}{_edge(one[-1])}" for one in self.telling) or None


def _edge(letter: str) -> str:
    """The pattern of the end of a word beside this letter of an id: none where it is no letter to DuckDB, as the + of a phone number."""
    return r"\b" if re.fullmatch("[A-Za-z0-9_]", letter) else ""


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
    """Whether a column of ids or keys has one of the person's, or any text column holds a text or names a telling id."""
    pattern = person.within
    columns = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = current_database()"
    ).fetchall()
    for schema, table, column, kind in columns:
        if kind not in TEXTS:
            continue
        wrote = f"len(list_filter(?::VARCHAR[], lambda t: contains({quote(column)}::VARCHAR, t))) > 0"
        where = f"{quote(column)}::VARCHAR IN (SELECT unnest(?::VARCHAR[])) OR {wrote}"
        values: list[object] = [person.known_in(column, table), list(person.texts)]
        if pattern:
            where += f" OR regexp_matches({quote(column)}::VARCHAR, ?)"
            values.append(pattern)
        if connection.execute(f"SELECT 1 FROM {quote(schema)}.{quote(table)} WHERE {where} LIMIT 1", values).fetchone():
            return True
    return False


def _parquet_holds(path: Path, person: Person) -> bool:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                wanted = set(person.known_in(name))
                values = [value for value in column.to_pylist() if isinstance(value, str)]
                if any(value in wanted or _told(value, person) for value in values):
                    return True
    return False


def _told(value: str, person: Person) -> bool:
    """Whether a value holds a text of the person or names a telling id."""
    return person.wrote(value) or bool(person.within and re.search(person.within, value))


def _json_holds(path: Path, person: Person) -> bool:
    """Whether what the document calls a user, review or ticket is the person's, or a string in it holds a text or names a telling id."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return _bytes_hold(path, person)
    return any(text in person.known_in(NAMES.get(name, name)) or _told(text, person) for name, text in _strings(document))


def _strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string and every name of a document, each with the name that it stands under."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for own, inner in value.items():
            yield name, own
            yield from _strings(inner, own)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, name)


def _bytes_hold(path: Path, person: Person) -> bool:
    """Whether a telling id or the beginning of a text stands in the file's bytes, with no letter or digit beside an id."""
    ids = [_edge(one[0]).encode() + re.escape(way) + _edge(one[-1]).encode() for one in person.telling for way in _ways(one)]
    texts = [re.escape(way) for text in person.texts for way in _ways(text[:LONGEST_TEXT])]
    if not ids and not texts:
        return False
    pattern = re.compile(b"|".join([*ids, *texts]))
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if pattern.search(before + chunk):
                return True
            before = (before + chunk)[-LONGEST_WAY * LONGEST_TEXT :]
    return False


def _ways(text: str) -> dict[bytes, None]:
    """The bytes of a text as files write it: plain, with line ends of Windows, as cells of CSV with doubled quotes, and as JSON."""
    ends = dict.fromkeys((text, re.sub("\r?\n", "\r\n", text), re.sub("\r?\n", "\n", text)))
    ways = [way for one in ends for way in (one, one.replace('"', '""'), *(json.dumps(one, ensure_ascii=a)[1:-1] for a in (True, False)))]
    return dict.fromkeys(way.encode() for way in ways)
