"""Files into the shop: `read` says what they are and checks every row, `commit` takes them in, `import_files` does both.

Everything of one call happens in one transaction. Importing a file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop.importers import beside, generic, remembered, undo, unpack
from workbench.shop.importers import rejects as rejected
from workbench.shop.importers.base import Fill, Importer, importers
from workbench.shop.importers.heard import Report
from workbench.shop.importers.merge import empty, merge
from workbench.shop.importers.reading import Chosen, Question, Reading
from workbench.shop.importers.source import Source, open_source
from workbench.shop.importers.stage import quiet, stage
from workbench.shop.store import Store

__all__ = ["Chosen", "Fill", "Importer", "Question", "Reading", "Sheet", "Staged"]
__all__ += ["commit", "import_files", "importers", "layout", "parts", "read", "rejects"]


@dataclass(frozen=True)
class Sheet:
    """One file as it was understood: its importer, the mapping, a preview, what is not certain, its rows made ready."""

    source: Source
    importer: Importer
    mapping: dict[str, str]
    preview: list[dict[str, str | None]]
    reading: Reading
    questions: tuple[Question, ...] = ()
    ready: Path | None = None

    @property
    def table(self) -> str:
        return self.importer.table

    def discard(self) -> None:
        self.source.remove()
        if self.ready:
            self.ready.unlink(missing_ok=True)


@dataclass(frozen=True)
class Staged:
    """Files that wait to be committed; `discard` removes their copies."""

    sheets: list[Sheet]

    def discard(self) -> None:
        for sheet in self.sheets:
            sheet.discard()


class _RollBack(Exception):
    """Ends a transaction that must leave no trace."""


def read(
    home: Home,
    paths: Sequence[Path],
    *,
    names: Sequence[str] | None = None,
    report: Report = quiet,
    reading: Reading | None = None,
    neighbours: Sequence[Chosen] = (),
    **said: Any,
) -> Staged:
    """Recognise files and check their rows; `names` are what people call them where the paths say nothing.

    `said` are fields of `Reading`. `neighbours` are at hand for a file that needs another beside it, and not taken in. An
    archive of several tables counts as so many files. Raises WorkbenchError when a file cannot be read or it is not certain
    what it holds; smaller questions are kept with the sheet.
    """
    wanted = reading or Reading.of(**said)
    opened: list[_Opened] = []
    near: list[Source] = []
    sheets: list[Sheet] = []
    try:
        for path, shown in zip(map(Path, paths), names or [Path(p).name for p in paths], strict=True):
            named: list[str | None] = [wanted.part] if wanted.part else [*parts(home, path, shown)]
            for part in named or [None]:
                opened.append(_open(home, path, shown, wanted.but(part=part)))
        for neighbour in neighbours:
            near.append(_source(home, neighbour.path, neighbour.name, neighbour.reading))
        others = [*(one.source for one in opened), *near]
        for one in opened:
            if not _serves_another(one, opened):
                sheets.append(_sheet(home, one, others, report))
    except BaseException:
        Staged(sheets).discard()
        raise
    finally:
        kept = [sheet.source for sheet in sheets]
        for source in [*(one.source for one in opened), *near]:
            if source not in kept:
                source.remove()
    return Staged(sheets)


@dataclass(frozen=True)
class _Opened:
    source: Source
    reading: Reading
    layout: Importer | None


def parts(home: Home, path: Path, shown: str) -> list[str]:
    """The tables of an archive that holds several; [] for any other file."""
    if not path.is_file():
        raise WorkbenchError(f"There is no file {path}.", "Check the path.")
    return unpack.parts(path, shown, home.uploads)


def _source(home: Home, path: Path, name: str, reading: Reading) -> Source:
    return open_source(home.uploads, path, name, reading, shown=f"{name} › {reading.part}" if reading.part else name)


def _open(home: Home, path: Path, name: str, reading: Reading) -> _Opened:
    source = _source(home, path, name, reading)
    try:
        known = remembered.complete(home, source.columns, reading, tuple(importers()))
        if known != reading:
            source = replace(source, notes=(*source.notes, "read as was said of an earlier file with these columns"))
        return _Opened(source, known, _layout(home, source, known))
    except BaseException:
        source.remove()
        raise


def _serves_another(one: _Opened, opened: list[_Opened]) -> bool:
    """Whether a file is no table by itself and stands beside one that needs it."""
    return one.layout is None and any(
        set(needed.needs) <= set(one.source.columns) for other in opened if other.layout for needed in other.layout.beside
    )


def _sheet(home: Home, one: _Opened, others: list[Source], report: Report) -> Sheet:
    source, reading, layout = one.source, one.reading, one.layout
    mapping: dict[str, str] = {}
    if layout is None:
        table, mapping = generic.recognise(source, reading.as_table, dict(reading.mapping))
        layout = generic.importer(table, mapping, source.columns)
    preview = source.preview()
    if source.questions:
        return Sheet(source, layout, mapping, preview, reading, source.questions)
    ready, questions = stage(home, source, layout, reading, report, beside.find(source, layout, others))
    return Sheet(source, layout, mapping, preview, reading, questions, ready)


def _layout(home: Home, source: Source, reading: Reading) -> Importer | None:
    known, preset = importers(), reading.preset
    if preset:
        if preset not in known:
            there = ", ".join([*known, *remembered.named(home)])
            problem = f"There is no preset {preset!r}; there are {there}."
            raise WorkbenchError(problem, "Name one of these, or leave --preset out.", page="Choose another under “Read it as”.")
        if not known[preset].recognises(source.columns):
            lacking = sorted(set(known[preset].needs) - set(source.columns))
            raise WorkbenchError(
                f"{source.shown} lacks the columns {', '.join(lacking)} of {preset}.",
                "Choose another preset, or map the columns.",
                page="Choose another under “Read it as”.",
            )
    return _known(source.columns, reading)


def _known(columns: tuple[str, ...], reading: Reading) -> Importer | None:
    """The layout that was said or is recognised; None where columns are mapped, or no layout has these."""
    known = importers()
    if reading.preset:
        return known.get(reading.preset)
    return None if reading.as_table or reading.mapping else next((i for i in known.values() if i.recognises(columns)), None)


def layout(home: Home, columns: tuple[str, ...], reading: Reading) -> Importer | None:
    """The layout that a file with these columns is read as; None where its columns are mapped, or nobody knows it."""
    return _known(columns, remembered.complete(home, columns, reading, tuple(importers())))


def commit(
    store: Store, staged: Staged, *, dry_run: bool = False, keep: bool = False, replacing: bool = False, save_as: str | None = None
) -> dict[str, Any]:
    """Take staged files in, all or nothing; the document of `workbench import`.

    With `replacing` the tables that the files' lines go to hold nothing else afterwards. What was said of the files
    is remembered for the next ones of their shape, and under the name `save_as` where that is given.

    Each file's `problems` list the rows left out (line, column, value, reason; at most ten thousand).
    With `dry_run` everything is counted and nothing stays; with `keep` the staged files stay for another call.
    Raises WorkbenchError while a question is open.
    """
    files: list[dict[str, Any]] = []
    before = store.content_version
    ready = [sheet.ready for sheet in staged.sheets if sheet.ready]
    try:
        for question in (question for sheet in staged.sheets for question in sheet.questions):
            raise question.error()
        with store.attached(ready) as aliases, store.transaction() as cursor:
            changed = False
            undo.begin(cursor)
            if replacing:
                empty(cursor, dict.fromkeys(sheet.table for sheet in staged.sheets))
            for alias in aliases:
                document, touched = merge(cursor, alias, only_count=dry_run and len(aliases) == 1 and not replacing)
                files.append(document)
                changed = changed or touched
            if dry_run or not changed:
                raise _RollBack
            undo.finish(cursor, files, before, store.data_version + 1)
    except _RollBack:
        pass
    finally:
        if not keep:
            staged.discard()
    if not dry_run:
        for sheet in staged.sheets:
            remembered.remember(store.home, sheet.source.columns, sheet.reading, save_as)
    return {"data_version": store.data_version, "files": files}


def rejects(staged: Staged) -> list[tuple[str, pd.DataFrame]]:
    """(file, rows) of what each staged file leaves out, to be mended and imported again."""
    return [(sheet.source.shown, rejected.rows(sheet.ready)) for sheet in staged.sheets if sheet.ready]


def import_files(
    store: Store,
    paths: Sequence[Path],
    *,
    names: Sequence[str] | None = None,
    dry_run: bool = False,
    replacing: bool = False,
    save_as: str | None = None,
    **said: Any,
) -> dict[str, Any]:
    """`read` and `commit` in one."""
    return commit(store, read(store.home, paths, names=names, **said), dry_run=dry_run, replacing=replacing, save_as=save_as)
