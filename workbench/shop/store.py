"""The shop's DuckDB file: one owner, a cursor for each use, snapshots for everyone else.

The only importer of duckdb. DuckDB lets one process hold a file read-write or many read it, and a
connection must never be shared between threads; `Store` keeps both rules.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop import torn
from workbench.shop.schema import TABLES, create_sql

Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error
FORMAT = 1
NEXT_VERSION = "UPDATE workbench_meta SET value = (value::INTEGER + 1)::VARCHAR WHERE key='data_version'"
_LOGGER = logging.getLogger(__name__)
_HALF_MADE = re.compile(r"[0-9a-f]{32}\..+")


def quote(identifier: str) -> str:
    """`identifier` as a quoted SQL identifier, whatever it contains."""
    return '"' + identifier.replace('"', '""') + '"'


def connect(
    path: Path | None = None,
    *,
    read_only: bool = False,
    allow: Sequence[Path] = (),
    files: Sequence[Path] = (),
    memory: str | None = None,
    compressed: bool = True,
    lock: bool = True,
) -> Connection:
    """A locked-down connection to `path` (in memory when None): no network, no files but `files` and those in the folders `allow`.

    `memory`, say "1GB", makes it a scratch file: what does not fit is spilled to disk, and nothing is `compressed`.

    Raises WorkbenchError when another process, or this one, holds the file or a newer DuckDB wrote it.
    """
    try:
        connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only)
    except duckdb.Error as error:
        raise _explain(path, error) from error
    if connection.execute("SELECT current_setting('lock_configuration')").fetchall() == [(True,)]:  # DuckDB opens a file once a process
        if read_only:
            return connection
        connection.close()
        raise _open_already(path)
    connection.execute("SET TimeZone='UTC'")
    if memory:
        connection.execute(f"SET memory_limit='{memory}'")
    if memory or not compressed:
        connection.execute("SET force_compression='uncompressed'")
    if lock:
        connection.execute(f"SET allowed_paths=[{_listed(files)}]")
        connection.execute(f"SET allowed_directories=[{_listed(allow)}]")
        connection.execute("SET enable_external_access=false")
        connection.execute("SET python_enable_replacements=false")
        connection.execute("SET lock_configuration=true")
    return connection


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(f"'{_text(path)}'" for path in paths)


def _explain(path: Path | None, error: duckdb.Error) -> WorkbenchError:
    text = str(error)
    if "different configuration" in text.lower():
        return _open_already(path)
    if "newer version" in text.lower() or "version number" in text.lower():
        return WorkbenchError(
            f"{path} was written by a newer version of DuckDB: {text.splitlines()[0]}", "Update the workbench, then open it again."
        )
    if re.search(r"\block\b", text, re.IGNORECASE):
        holder = re.search(r"PID (\d+)", text)
        who = f"process {holder.group(1)}" if holder else "another process"
        return WorkbenchError(
            f"{path} is held by {who}; its data is untouched.",
            f"Use the app that is open on it, or close it{f' (PID {holder.group(1)})' if holder else ''} and try again.",
        )
    return WorkbenchError(f"{path} cannot be opened: {text.splitlines()[0]}", "Restore it from a snapshot in data/snapshots.")


def _read_whole(path: Path) -> None:
    """Open a shop's file and read every row of it; WorkbenchError where that is not possible."""
    connection = connect(path)
    try:
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall():
            connection.execute(f"SELECT sum(hash(t)) FROM {quote(name)} t").fetchall()
    except duckdb.Error as error:
        raise _explain(path, error) from error
    finally:
        connection.close()


def _open_already(path: Path | None) -> WorkbenchError:
    return WorkbenchError(
        f"{path} is open in this program already; its data is untouched.", "Use the store that is open, or close it first."
    )


class Store:
    """An open shop. Read-write for its one owner, read-only on a snapshot."""

    def __init__(self, home: Home, connection: Connection, *, read_only: bool, path: Path) -> None:
        self.home = home
        self.read_only = read_only
        self.path = path
        self._connection = connection
        self._writing = threading.RLock()
        self._attached: dict[Path, str] = {}

    # -- opening -----------------------------------------------------------------------------

    @classmethod
    def open(cls, home: Home) -> Store:
        """The shop of `home`, read-write, made empty if there is none. One process at a time."""
        home.make()
        try:
            connection = connect(home.shop_file, allow=(home.data, home.models))
        except WorkbenchError as error:
            if not torn.mend(home.shop_file, str(error.__cause__), home.snapshots, _read_whole):
                raise
            _LOGGER.warning("%s was torn by a kill and is whole again: every row of it was read.", home.shop_file)
            connection = connect(home.shop_file, allow=(home.data, home.models))
        _sweep(home)
        store = cls(home, connection, read_only=False, path=home.shop_file)
        store._prepare()
        return store

    @classmethod
    def open_snapshot(cls, home: Home, path: Path | None = None) -> Store:
        """A snapshot, read-only: the named one, else the newest; WorkbenchError where there is none."""
        found = path or latest_snapshot(home)
        if found is None or not found.exists():
            raise WorkbenchError(
                f"There is no snapshot in {home.snapshots}.", "Close the app that holds the shop, or take a snapshot there."
            )
        connection = connect(found, read_only=True, allow=(home.data, home.models))
        return cls(home, connection, read_only=True, path=found)

    def _prepare(self) -> None:
        with self.cursor() as cursor:
            for statement in create_sql():
                cursor.execute(statement)
            cursor.execute(
                "INSERT INTO workbench_meta SELECT 'format', ? WHERE NOT EXISTS (FROM workbench_meta WHERE key='format')", [str(FORMAT)]
            )
            cursor.execute(
                "INSERT INTO workbench_meta SELECT 'data_version', '0' WHERE NOT EXISTS (FROM workbench_meta WHERE key='data_version')"
            )
            row = cursor.execute("SELECT value FROM workbench_meta WHERE key='format'").fetchone()
        if row and int(row[0]) > FORMAT:
            self.close()
            raise WorkbenchError(
                f"{self.path} was written by a newer workbench (format {row[0]}, this one reads {FORMAT}).",
                "Update the workbench, then open it again.",
            )

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading -----------------------------------------------------------------------------

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        """A cursor of its own for one use: never share one between threads."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query with bound `values`."""
        with self.cursor() as cursor:
            return cursor.execute(sql, values or None).fetchall()

    def value(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first column of the first row, None where there is no row."""
        found = self.rows(sql, values)
        return found[0][0] if found else None

    def frame(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> pd.DataFrame:
        """The result of a query as a pandas frame."""
        with self.cursor() as cursor:
            return cursor.execute(sql, values or None).df()

    @property
    def data_version(self) -> int:
        """Moves with every committed change."""
        return int(self.value("SELECT value FROM workbench_meta WHERE key='data_version'") or 0)

    @property
    def content_version(self) -> int:
        """The first data version that held what the shop holds now: an earlier one after an undo, else `data_version`."""
        told = self.value("SELECT value FROM workbench_meta WHERE key='content_version'")
        of, _, is_as = str(told or "").partition(":")
        return int(is_as) if of == str(self.data_version) else self.data_version

    def counts(self) -> dict[str, int]:
        """Rows in each of the shop's tables."""
        return {name: int(self.value(f"SELECT count(*) FROM {quote(name)}")) for name in TABLES}

    # -- writing -----------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A cursor in a transaction: committed whole with the data version moved, or not at all.

        What is committed lies in the write-ahead log until there is much of it or the shop is closed. A checkpoint writes a
        block of the file in place, and a process that is killed just then leaves it torn: it is not made after each change.
        """
        if self.read_only:
            raise WorkbenchError(
                f"{self.path} is a snapshot and cannot be changed.", "Close the app that holds the shop, or make the change there."
            )
        with self._writing, self.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
                cursor.execute(NEXT_VERSION)
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise

    def snapshot(self) -> Path:
        """An immutable copy of the shop at its present data version; made once for each version."""
        if self.read_only:
            return self.path
        with self._writing:
            final = self.home.snapshots / f"{self.data_version:08d}.duckdb"
            if final.exists():
                return final
            partial = self.home.snapshots / f"{uuid4().hex}.partial"
            self.copy_to(partial)
            partial.chmod(0o444)
            partial.replace(final)
        return final

    def copy_to(self, path: Path) -> None:
        """Write all that the shop holds now into a new file."""
        with self._writing, self.cursor() as cursor:
            source, alias = quote(str(self.value("SELECT current_database()"))), f"snapshot_{uuid4().hex[:8]}"
            cursor.execute(f"ATTACH '{_text(path)}' AS {alias}")
            try:
                cursor.execute(f"COPY FROM DATABASE {source} TO {alias}")
            finally:
                cursor.execute(f"DETACH {alias}")

    def attach(self, path: Path) -> str:
        """Attach a closed DuckDB file read-only and return its (safe, stable) alias."""
        path = path.resolve()
        with self._writing:
            if path not in self._attached:
                alias = f"space_{len(self._attached)}_{uuid4().hex[:6]}"
                with self.cursor() as cursor:
                    cursor.execute(f"ATTACH '{_text(path)}' AS {alias} (READ_ONLY)")
                self._attached[path] = alias
            return self._attached[path]

    @contextmanager
    def attached(self, paths: Sequence[Path]) -> Iterator[list[str]]:
        """The aliases of closed DuckDB files, attached read-only for as long as the block lasts."""
        aliases: list[str] = []
        try:
            for path in paths:
                alias = f"staged_{uuid4().hex[:12]}"
                with self.cursor() as cursor:
                    cursor.execute(f"ATTACH '{_text(path.resolve())}' AS {alias} (READ_ONLY)")
                aliases.append(alias)
            yield aliases
        finally:
            with self.cursor() as cursor:
                for alias in aliases:
                    cursor.execute(f"DETACH {alias}")


def _sweep(home: Home) -> None:
    """Remove half-made snapshots, copies of uploads and files written anew that a killed owner left; only an owner gives such names."""
    versions = [folder for folder in home.models.glob("*") if folder.is_dir()]
    for folder in (home.data, home.snapshots, home.uploads, *versions):
        for left in folder.iterdir():
            if _HALF_MADE.fullmatch(left.name) and left.is_file():
                left.unlink(missing_ok=True)


def _text(path: Path) -> str:
    return str(path).replace("'", "''")


def latest_snapshot(home: Home) -> Path | None:
    """The newest snapshot's file, or None."""
    found = sorted(home.snapshots.glob("*.duckdb"))
    return found[-1] if found else None


def open_for_reading(home: Home) -> tuple[Store, str | None]:
    """The shop for a reading verb: the live file, else the last snapshot with a note that says so."""
    try:
        return Store.open(home), None
    except WorkbenchError as error:
        if "is held by" not in error.problem or latest_snapshot(home) is None:
            raise
        store = Store.open_snapshot(home)
        return store, f"{error.problem} Answered from the snapshot of data version {store.data_version}."
