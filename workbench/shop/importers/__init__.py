"""Files into the shop: `read` says what they are and checks every row, `commit` takes them in, `import_files` does both.

Everything of one call happens in one transaction. Importing a file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop.importers import generic, unpack
from workbench.shop.importers.base import Fill, Importer, importers
from workbench.shop.importers.merge import merge
from workbench.shop.importers.reading import Question, Reading
from workbench.shop.importers.source import Source, open_source
from workbench.shop.importers.stage import Report, quiet, reject_rows, stage
from workbench.shop.store import Store

__all__ = ["Fill", "Importer", "Question", "Reading", "Sheet", "Staged", "commit", "import_files", "importers", "parts", "read", "rejects"]


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
    **said: Any,
) -> Staged:
    """Recognise files and check their rows; `names` are what people call them where the paths say nothing.

    `said` are fields of `Reading`. An archive of several tables counts as so many files. Raises WorkbenchError
    when a file cannot be read or it is not certain what it holds; smaller questions are kept with the sheet.
    """
    wanted = reading or Reading.of(**said)
    sheets: list[Sheet] = []
    try:
        for path, shown in zip(map(Path, paths), names or [Path(p).name for p in paths], strict=True):
            named: list[str | None] = [wanted.part] if wanted.part else [*parts(home, path, shown)]
            for part in named or [None]:
                sheets.append(_sheet(home, path, f"{shown} › {part}" if part else shown, shown, wanted.but(part=part), report))
    except BaseException:
        Staged(sheets).discard()
        raise
    return Staged(sheets)


def parts(home: Home, path: Path, shown: str) -> list[str]:
    """The tables of an archive that holds several; [] for any other file."""
    if not path.is_file():
        raise WorkbenchError(f"There is no file {path}.", "Check the path.")
    return unpack.parts(path, shown, home.uploads)


def _sheet(home: Home, path: Path, shown: str, name: str, reading: Reading, report: Report) -> Sheet:
    source = open_source(home, path, name, reading, shown=shown)
    try:
        layout = _layout(source, reading)
        mapping: dict[str, str] = {}
        if layout is None:
            table, mapping = generic.recognise(source, reading.as_table, dict(reading.mapping))
            layout = generic.importer(table, mapping, source.columns)
        preview = source.preview()
        if source.questions:
            return Sheet(source, layout, mapping, preview, reading, source.questions)
        ready, questions = stage(home, source, layout, reading, report)
        return Sheet(source, layout, mapping, preview, reading, questions, ready)
    except BaseException:
        source.remove()
        raise


def _layout(source: Source, reading: Reading) -> Importer | None:
    known, preset = importers(), reading.preset
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
    return None if reading.as_table or reading.mapping else next((i for i in known.values() if i.recognises(source.columns)), None)


def commit(store: Store, staged: Staged, *, dry_run: bool = False, keep: bool = False) -> dict[str, Any]:
    """Take staged files in, all or nothing; the document of `workbench import`.

    Each file's `problems` list the rows left out (line, column, value, reason; at most ten thousand).
    With `dry_run` everything is counted and nothing stays; with `keep` the staged files stay for another call.
    Raises WorkbenchError while a question is open.
    """
    files: list[dict[str, Any]] = []
    ready = [sheet.ready for sheet in staged.sheets if sheet.ready]
    try:
        for question in (question for sheet in staged.sheets for question in sheet.questions):
            raise question.error()
        with store.attached(ready) as aliases, store.transaction() as cursor:
            changed = False
            for alias in aliases:
                document, touched = merge(cursor, alias)
                files.append(document)
                changed = changed or touched
            if dry_run or not changed:
                raise _RollBack
    except _RollBack:
        pass
    finally:
        if not keep:
            staged.discard()
    return {"data_version": store.data_version, "files": files}


def rejects(staged: Staged) -> list[tuple[str, list[str], list[list[Any]]]]:
    """(file, header, rows) of what each staged file leaves out, to be mended and imported again."""
    return [(sheet.source.shown, *reject_rows(sheet.ready)) for sheet in staged.sheets if sheet.ready]


def import_files(
    store: Store, paths: Sequence[Path], *, names: Sequence[str] | None = None, dry_run: bool = False, **said: Any
) -> dict[str, Any]:
    """`read` and `commit` in one."""
    return commit(store, read(store.home, paths, names=names, **said), dry_run=dry_run)
