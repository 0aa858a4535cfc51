"""Files that another process read and checked, handed over as a document beside their staged rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.errors import Cancelled, WorkbenchError
from workbench.files import read_json, write_json
from workbench.home import Home
from workbench.shop.importers import Sheet, Staged, generic, importers, read
from workbench.shop.importers.heard import Report
from workbench.shop.importers.reading import Chosen, Question, Reading
from workbench.shop.importers.source import Source


def prepare(home: Home, file: Chosen, neighbours: Sequence[Chosen], report: Report) -> Path:
    """Read a file as `importers.read` does and write down what came of it; the document's path in the uploads.

    Raises WorkbenchError where one of the files went away meanwhile: opening a shop clears what its owner before kept.
    """
    try:
        staged = read(home, [file.path], names=[file.name], reading=file.reading, neighbours=neighbours, report=report)
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
    write_json(document, [_written(sheet) for sheet in staged.sheets])
    return document


def _still_there(*files: Chosen, because: Exception | None = None) -> None:
    """Raise WorkbenchError for a file whose copy on the server is gone."""
    for one in files:
        if not one.path.exists():
            why = "it was taken off the list, or the app was opened anew, before its rows were taken in"
            problem = f"The copy of {one.name[:120]} on the server is gone: {why}. Nothing was changed."
            raise WorkbenchError(problem, "Choose the file again on the page Data.") from because


def discard(document: Path) -> None:
    """Remove the rows that a document speaks of, and the document, where nobody has taken them over."""
    if staged := taken_over(document):
        staged.discard()


def _written(sheet: Sheet) -> dict[str, Any]:
    return {
        "source": asdict(sheet.source),
        "importer": sheet.importer.name,
        "table": sheet.table,
        "mapping": sheet.mapping,
        "preview": sheet.preview,
        "reading": asdict(sheet.reading),
        "questions": [asdict(question) for question in sheet.questions],
        "ready": str(sheet.ready) if sheet.ready else None,
    }


def taken_over(document: Path) -> Staged | None:
    """The sheets of a document, which is removed; None where it, or the rows it speaks of, are gone."""
    written = read_json(document)
    document.unlink(missing_ok=True)
    sheets = [_sheet(one) for one in written or []]
    if not sheets or any(sheet.ready and not sheet.ready.exists() for sheet in sheets):
        return None
    return Staged(sheets)


def _sheet(written: dict[str, Any]) -> Sheet:
    source = _source(written["source"])
    known = importers().get(written["importer"])
    return Sheet(
        source,
        known or generic.importer(written["table"], written["mapping"], source.columns),
        written["mapping"],
        written["preview"],
        reading_of(written["reading"]),
        tuple(_question(question) for question in written["questions"]),
        Path(written["ready"]) if written["ready"] else None,
    )


def chosen(written: dict[str, Any]) -> Chosen:
    """A file that was written down with `dataclasses.asdict`."""
    return Chosen(Path(written["path"]), written["name"], reading_of(written["reading"]))


def reading_of(written: dict[str, Any]) -> Reading:
    """A reading that was written down with `dataclasses.asdict`."""
    made = Reading(**written)
    return replace(made, mapping=tuple((canonical, column) for canonical, column in made.mapping))


def _question(written: dict[str, Any]) -> Question:
    return Question(**{**written, "choices": tuple(written["choices"])})


def _source(written: dict[str, Any]) -> Source:
    lists = {name: tuple(written[name]) for name in ("columns", "given", "notes", "parts")}
    questions = tuple(_question(question) for question in written["questions"])
    return Source(**{**written, **lists, "path": Path(written["path"]), "own": tuple(map(Path, written["own"])), "questions": questions})
