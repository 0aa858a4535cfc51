"""A file read with the files it belongs to: what it says only by an id is looked up in those that were chosen with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.errors import Cancelled, WorkbenchError
from workbench.files import write_json
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.importers import Importer, Sheet, Staged, beside, handover, remembered
from workbench.shop.importers.heard import Report
from workbench.shop.importers.reading import Reading
from workbench.shop.importers.source import Source, open_source
from workbench.shop.importers.stage import quiet, stage


@dataclass(frozen=True)
class Chosen:
    """A table as it was chosen: where its file lies, what that came as, how it is to be read."""

    path: Path
    name: str
    reading: Reading


def chosen(written: dict[str, Any]) -> Chosen:
    """A file that was written down in a run's spec."""
    return Chosen(Path(written["path"]), written["name"], handover.reading_of(written["reading"]))


def layout(home: Home, columns: tuple[str, ...], reading: Reading) -> Importer | None:
    """The layout that a file with these columns is read as; None where its columns are mapped, or nobody knows it."""
    known = importers.importers()
    if reading.preset:
        return known.get(reading.preset)
    said = remembered.complete(home, columns, reading, tuple(known))
    return None if said.as_table or said.mapping else next((one for one in known.values() if one.recognises(columns)), None)


def read(home: Home, file: Chosen, neighbours: Sequence[Chosen] = (), report: Report = quiet) -> Staged:
    """One file as `importers.read` reads it, with `neighbours` at hand that are read in ways of their own and not taken in.

    Raises WorkbenchError when it cannot be read, it is not certain what it holds, or it needs another file beside it.
    """
    if not neighbours:
        return importers.read(home, [file.path], names=[file.name], reading=file.reading, report=report)
    with ExitStack() as own, ExitStack() as theirs:
        source = _opened(home, file, own)
        found = layout(home, source.columns, file.reading)
        if found is None:
            return read(home, file, report=report)
        others = [_opened(home, one, theirs) for one in neighbours]
        sheet = _sheet(home, source, found, file.reading, others, report)
        own.pop_all()
    return Staged([sheet])


def _opened(home: Home, one: Chosen, copies: ExitStack) -> Source:
    """The file made readable; the copy of it that this takes goes with `copies`."""
    shown = f"{one.name} › {one.reading.part}" if one.reading.part else one.name
    source = open_source(home.uploads, one.path, one.name, one.reading, shown=shown)
    copies.callback(source.remove)
    return source


def _sheet(home: Home, source: Source, found: Importer, reading: Reading, others: Sequence[Source], report: Report) -> Sheet:
    said = remembered.complete(home, source.columns, reading, tuple(importers.importers()))
    if said != reading:
        source = replace(source, notes=(*source.notes, "read as was said of an earlier file with these columns"))
    preview = source.preview()
    if source.questions:
        return Sheet(source, found, {}, preview, said, source.questions)
    ready, questions = stage(home, source, found, said, report, beside.find(source, found, others))
    return Sheet(source, found, {}, preview, said, questions, ready)


def prepare(home: Home, file: Chosen, neighbours: Sequence[Chosen], report: Report) -> Path:
    """Read a file and write down what came of it, for `handover.taken_over`; the document's path in the uploads.

    Raises WorkbenchError where one of the files went away meanwhile: opening a shop clears what its owner before kept.
    """
    if not neighbours:
        return handover.prepare(home, file.path, file.name, file.reading, report)
    try:
        staged = read(home, file, neighbours, report)
    except Cancelled:
        raise
    except Exception as error:
        _still_there(file, *neighbours, because=error)
        raise
    try:
        _still_there(file, *neighbours)
    except WorkbenchError:
        staged.discard()
        raise
    document = home.uploads / f"{uuid4().hex}.sheets"
    write_json(document, [{**asdict(sheet), "importer": sheet.importer.name, "table": sheet.table} for sheet in staged.sheets])
    return document


def discard(document: Path) -> None:
    """Remove the rows that a document of `prepare` speaks of, and the document, where nobody has taken them over."""
    if staged := handover.taken_over(document):
        staged.discard()


def _still_there(*files: Chosen, because: Exception | None = None) -> None:
    """Raise WorkbenchError for a file whose copy on the server is gone."""
    for one in files:
        if not one.path.exists():
            problem = f"The copy of {one.name[:120]} on the server is gone: it was taken away while it was read. Nothing was changed."
            raise WorkbenchError(problem, "Choose the files again on the page Data.") from because
