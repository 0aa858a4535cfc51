"""Files into the shop: `read` says what they are, `commit` takes them in, `import_files` does both.

Everything of one call happens in one transaction. Importing a file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop.importers import generic, raw, sql
from workbench.shop.importers.apply import Outcome, fill
from workbench.shop.importers.base import Fill, Importer, importers
from workbench.shop.importers.dates import date_order
from workbench.shop.importers.source import Source, open_source
from workbench.shop.store import Connection, Store, connect

__all__ = ["Fill", "Importer", "Sheet", "Staged", "commit", "import_files", "importers", "read"]

PROBLEMS_KEPT = 10_000


@dataclass(frozen=True)
class Sheet:
    """One file as it was understood: the importer, its table, the mapping, a preview, a question that is open."""

    source: Source
    importer: Importer
    mapping: dict[str, str]
    preview: list[dict[str, str | None]]
    dates: sql.DateOrder | None = None
    question: str | None = None

    @property
    def table(self) -> str:
        return self.importer.table


@dataclass(frozen=True)
class Staged:
    """Files that wait to be committed; `discard` removes their copies."""

    sheets: list[Sheet]

    def discard(self) -> None:
        for sheet in self.sheets:
            sheet.source.remove()


class _RollBack(Exception):
    """Ends a transaction that must leave no trace."""


def read(
    home: Home,
    paths: Sequence[Path],
    *,
    names: Sequence[str] | None = None,
    as_table: str | None = None,
    preset: str | None = None,
    mapping: dict[str, str] | None = None,
    dates: sql.DateOrder | None = None,
) -> Staged:
    """Recognise files; `names` are what people call them where the paths say nothing.

    Raises WorkbenchError when a file cannot be read or it is not certain what it holds.
    """
    sheets: list[Sheet] = []
    try:
        for path, shown in zip(paths, names or [p.name for p in paths], strict=True):
            sheets.append(_sheet(home, Path(path), shown, as_table, preset, mapping, dates))
    except BaseException:
        Staged(sheets).discard()
        raise
    return Staged(sheets)


def _sheet(
    home: Home,
    path: Path,
    shown: str,
    as_table: str | None,
    preset: str | None,
    mapping: dict[str, str] | None,
    dates: sql.DateOrder | None,
) -> Sheet:
    source = open_source(home, path, shown)
    try:
        layout = _layout(source, preset, asked=bool(as_table or mapping))
        if layout is not None:
            return Sheet(source, layout, {}, source.preview(), dates)
        table, mapped = generic.recognise(source, as_table, mapping)
        sheet = Sheet(source, generic.importer(table, mapped, source.columns), mapped, source.preview(), dates)
        return sheet if dates else _ask(home, sheet)
    except BaseException:
        source.remove()
        raise


def _layout(source: Source, preset: str | None, *, asked: bool) -> Importer | None:
    known = importers()
    if preset:
        if preset not in known:
            raise WorkbenchError(
                f"There is no preset {preset!r}; there are {', '.join(known)}.", "Name one of these, or leave --preset out."
            )
        if not known[preset].recognises(source.columns):
            lacking = sorted(set(known[preset].needs) - set(source.columns))
            raise WorkbenchError(
                f"{source.shown} lacks the columns {', '.join(lacking)} of {preset}.", "Choose another preset, or map the columns."
            )
        return known[preset]
    return None if asked else next((i for i in known.values() if i.recognises(source.columns)), None)


def _ask(home: Home, sheet: Sheet) -> Sheet:
    """The sheet with its date order, or with the question about it."""
    connection = connect(None, allow=(home.uploads,))
    try:
        raw.load(connection, sheet.source)
        sql.prepare(connection)
        order, open_column = date_order(connection, sheet.source, sheet.importer)
    finally:
        connection.close()
    if open_column is None:
        return replace(sheet, dates=order)
    return replace(
        sheet, question=f"The dates in column {open_column!r} of {sheet.source.shown} can be read with the day or the month first."
    )


def commit(store: Store, staged: Staged, *, dry_run: bool = False) -> dict[str, Any]:
    """Take staged files in, all or nothing; the document of `workbench import`.

    Each file's `problems` list the rows left out (line, column, value, reason; at most ten thousand).
    With `dry_run` everything is counted and nothing stays. Raises WorkbenchError while a question is open.
    """
    for sheet in staged.sheets:
        if sheet.question:
            raise WorkbenchError(sheet.question, "Say it: --dates dayfirst, or --dates monthfirst.")
    files: list[dict[str, Any]] = []
    try:
        with store.transaction() as cursor:
            changed = [_take(cursor, sheet, files) for sheet in staged.sheets]
            if dry_run or not any(changed):
                raise _RollBack
    except _RollBack:
        pass
    finally:
        staged.discard()
    return {"data_version": store.data_version, "files": files}


def _take(cursor: Connection, sheet: Sheet, files: list[dict[str, Any]]) -> bool:
    sql.prepare(cursor)
    cut = raw.load(cursor, sheet.source)
    outcomes: dict[str, Outcome] = {}
    for table, plan in sheet.importer.fills.items():
        outcomes[table] = fill(cursor, sheet.source, table, plan, sheet.dates)
    own = outcomes[sheet.table]
    own.counts.rejected += len(cut)
    own.counts.read += len(cut)
    problems = sorted([*cut, *own.problems], key=lambda p: p.line)
    files.append(
        {
            "file": sheet.source.shown,
            "importer": sheet.importer.name,
            "tables": {name: asdict(outcome.counts) for name, outcome in outcomes.items()},
            "notes": own.notes,
            "lines": _lines(own, sheet.importer),
            "encoding": sheet.source.encoding,
            "problems": [asdict(p) for p in problems[:PROBLEMS_KEPT]],
        }
    )
    return any(outcome.counts.changed for outcome in outcomes.values())


def _lines(own: Outcome, importer: Importer) -> dict[str, int]:
    """Every record of the file in one place only: all but `read` add up to it."""
    counts, counted = own.counts, list(importer.fills[importer.table].count)
    kept = counts.added + counts.updated + counts.unchanged - sum(own.notes.get(name, 0) for name in counted)
    return {"read": counts.read, "kept": kept, **own.notes, "rejected": counts.rejected}


def import_files(
    store: Store,
    paths: Sequence[Path],
    *,
    names: Sequence[str] | None = None,
    as_table: str | None = None,
    preset: str | None = None,
    mapping: dict[str, str] | None = None,
    dates: sql.DateOrder | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """`read` and `commit` in one."""
    staged = read(store.home, paths, names=names, as_table=as_table, preset=preset, mapping=mapping, dates=dates)
    return commit(store, staged, dry_run=dry_run)
