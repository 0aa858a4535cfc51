"""Uploaded files between the browser and the shop: kept under names of our own, read as the person says, checked, imported."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import context
from workbench.errors import WorkbenchError
from workbench.run import Run, RunStatus
from workbench.shop import doubts, importers
from workbench.shop.importers import Chosen, Question, Reading, handover
from workbench.shop.importers.source import Source, open_source
from workbench.shop.importers.stage import MERGED

_KEPT, _CHECKED, _SHOWN, _RUNS, _ROUND = "data-kept", "data-checked", "data-shown", "data-runs", "data-round"
LARGE = 20_000_000  # bytes of a file from which on a process of its own reads it
PROBLEM_COLUMNS = ["line", "column", "value", "reason"]
COUNTS = {
    "read": "rows read",
    "added": "new",
    "updated": "changed",
    "unchanged": "unchanged",
    "rejected": "left out",
    "set_apart": "set apart",
}


@dataclass(frozen=True)
class Kept:
    """An uploaded table: `name` is what its file came as, `path` where the server put it, `part` its place in an archive."""

    id: str
    name: str
    path: Path
    size: int
    part: str | None = None

    @property
    def shown(self) -> str:
        return f"{self.name} › {self.part}" if self.part else self.name

    def chosen(self, reading: Reading) -> Chosen:
        return Chosen(self.path, self.name, reading.but(part=reading.part or self.part))


@dataclass(frozen=True)
class Checked:
    """What would become of a file: its sheet and the import's document, or what stands in the way."""

    columns: tuple[str, ...] = ()
    preview: list[dict[str, str | None]] = field(default_factory=list)
    sheet: importers.Sheet | None = None
    document: dict[str, Any] | None = None
    error: WorkbenchError | None = None
    run: str | None = None  # a process that reads the file, or that can be resumed

    @property
    def waits(self) -> bool:
        """Whether the file is still being read."""
        return self.run is not None and self.error is None

    @property
    def questions(self) -> tuple[Question, ...]:
        return self.sheet.questions if self.sheet else ()

    @property
    def ready(self) -> bool:
        return self.document is not None

    @property
    def rejected(self) -> int:
        return rejected(self.document) if self.document else 0


def round_of_files() -> int:
    """How often the place for files was emptied; a widget of another round holds none."""
    return int(st.session_state.get(_ROUND, 0))


def empty() -> None:
    """Take all files off the page, their copies too."""
    st.session_state[_ROUND] = round_of_files() + 1
    keep([])


def keep(files: Sequence[Any]) -> list[Kept]:
    """The uploaded tables on disk, each file written once; those that were taken off the list are removed."""
    st.session_state[_SHOWN] = set()
    kept: dict[str, list[Kept]] = st.session_state.setdefault(_KEPT, {})
    present = {file.file_id for file in files}
    for gone in set(kept) - present:
        for table in kept.pop(gone):
            _forget(table)  # first: what reads it is told to stop before it misses it
            table.path.unlink(missing_ok=True)
    for file in files:
        if file.file_id not in kept:
            kept[file.file_id] = _tables(file.file_id, file.name, _write(file), file.size)
    return [table for file in files for table in kept[file.file_id]]


def _tables(id: str, name: str, path: Path, size: int) -> list[Kept]:
    """A file as the tables that it holds: an archive of several is so many."""
    try:
        found = importers.parts(context.home(), path, name)
    except WorkbenchError:
        found = []  # what is wrong with it is said where it is read
    return [Kept(f"{id}-{i}", name, path, size, part) for i, part in enumerate(found)] or [Kept(id, name, path, size)]


def _write(file: Any) -> Path:
    folder = context.store().home.uploads  # opening the shop clears what an earlier owner left there
    path = folder / f"{uuid4().hex}.upload"
    file.seek(0)
    with path.open("wb") as out:
        shutil.copyfileobj(file, out)
    return path


def size(number: int) -> str:
    """Bytes as people say them: 388 bytes, 26.2 kB, 3.4 MB."""
    if number < 1000:
        return f"{number} bytes"
    return f"{number / 1e3:,.1f} kB" if number < 1e6 else f"{number / 1e6:,.1f} MB"


def check(kept: Kept, reading: Reading, beside: tuple[Chosen, ...] = ()) -> Checked:
    """Read a file and count what importing it would do; kept for as long as the page asks for it in this way, until the shop changes.

    A large file is read by a process of its own: until that has ended the answer only names its run.
    """
    key = (kept.id, reading, beside, context.store().data_version)
    st.session_state.setdefault(_SHOWN, set()).add(key)
    if not kept.path.exists():
        problem = f"The copy of {kept.shown[:120]} on the server is gone: a person was forgotten meanwhile, and waiting files go too."
        return Checked(error=WorkbenchError(problem, "Take the file off the list and choose it again."))
    known: dict[tuple[Any, ...], Checked] = st.session_state.setdefault(_CHECKED, {})
    if key in known or kept.size < LARGE:
        return _remembered(key, lambda: _check(kept, reading, beside))
    run = Run.find(context.home(), _reader(kept, reading, beside))
    status = run.status()
    if status.state in ("queued", "running"):
        return Checked(run=status.id)
    if status.state == "cancelled" or not run.ended():
        return Checked(run=status.id, error=_stopped(status))
    return _remembered(key, lambda: _from_run(kept, reading, beside, status))


def _stopped(status: RunStatus) -> WorkbenchError:
    """Why a run that can be resumed has not read its file."""
    if status.state == "cancelled":
        return WorkbenchError("Reading the file was cancelled.", "Resume it, or take the file off the list.")
    return _told(status)


def _told(status: RunStatus) -> WorkbenchError:
    return WorkbenchError(status.problem or "The file could not be read.", status.page or "Choose it again.")


def _reader(kept: Kept, reading: Reading, beside: tuple[Chosen, ...]) -> str:
    """The run that reads a large file; started once for each way of reading it."""
    runs: dict[tuple[Any, ...], str] = st.session_state.setdefault(_RUNS, {})
    key = (kept.id, reading, beside)
    if key not in runs:
        spec = {**asdict(kept.chosen(reading)), "beside": [asdict(one) for one in beside]}
        runs[key] = jobs.start(context.home(), "import", spec).id
    return runs[key]


def _from_run(kept: Kept, reading: Reading, beside: tuple[Chosen, ...], status: RunStatus) -> Checked:
    """What came of a run that has ended: the rows that it made ready, or what it could not read."""
    if status.state == "failed":
        return _unread(kept, reading, _told(status))
    staged = handover.taken_over(Path((status.result or {})["sheets"]))
    if staged is None:  # its rows were cleared away, or taken over already: read it again
        st.session_state[_RUNS].pop((kept.id, reading, beside), None)
        return _check(kept, reading, beside)
    return _counted(staged)


def _remembered(key: tuple[Any, ...], make: Callable[[], Checked]) -> Checked:
    known: dict[tuple[Any, ...], Checked] = st.session_state.setdefault(_CHECKED, {})
    if key not in known:
        with st.spinner("Reading and checking every row"):
            known[key] = make()
    return known[key]


def sweep() -> None:
    """Remove what was read in ways that the page, which is drawn to its end now, did not ask for again; stop what still reads so."""
    shown: set[tuple[Any, ...]] = st.session_state.get(_SHOWN, set())
    ways = {key[:3] for key in shown}
    _drop(lambda key: key not in shown, lambda way: way not in ways)


def _forget(kept: Kept) -> None:
    """Remove what was read of a file that is gone, or beside it; stop what still reads it."""

    def concerned(key: tuple[Any, ...]) -> bool:
        return key[0] == kept.id or any(one.path == kept.path for one in key[2])

    _drop(concerned, concerned)


def _drop(key_goes: Callable[[tuple[Any, ...]], bool], way_goes: Callable[[tuple[Any, ...]], bool]) -> None:
    known: dict[tuple[Any, ...], Checked] = st.session_state.get(_CHECKED, {})
    runs: dict[tuple[Any, ...], str] = st.session_state.get(_RUNS, {})
    for key in [key for key in known if key_goes(key)]:
        _discard(known.pop(key))
    for way in [way for way in runs if way_goes(way)]:
        with suppress(WorkbenchError):  # a run that a person's forgetting took with it
            _stop(Run.find(context.home(), runs.pop(way)))


def _stop(run: Run) -> None:
    """Cancel a run that nobody waits for; the rows that it has made ready are removed."""
    run.cancel()  # before the look: the worker looks for it once its rows are ready
    status = run.status()
    if status.state == "done":
        handover.discard(Path((status.result or {})["sheets"]))


def _discard(checked: Checked) -> None:
    if checked.sheet:
        checked.sheet.discard()


def _check(kept: Kept, reading: Reading, beside: tuple[Chosen, ...]) -> Checked:
    try:
        file = kept.chosen(reading)
        staged = importers.read(context.home(), [file.path], names=[file.name], reading=file.reading, neighbours=beside)
    except WorkbenchError as error:
        return _unread(kept, reading, error)
    return _counted(staged)


def _counted(staged: importers.Staged) -> Checked:
    sheet = staged.sheets[0]
    if sheet.questions:
        return Checked(sheet.source.columns, sheet.preview, sheet)
    document = importers.commit(context.store(), staged, dry_run=True, keep=True)
    return Checked(sheet.source.columns, sheet.preview, sheet, document)


def _unread(kept: Kept, reading: Reading, error: WorkbenchError) -> Checked:
    """A file that needs help: its columns and first rows, if at least those can be read."""
    try:
        source: Source = open_source(context.home().uploads, kept.path, kept.name, kept.chosen(reading).reading)
    except WorkbenchError:
        return Checked(error=error)
    try:
        return Checked(source.columns, source.preview(), error=error)
    finally:
        source.remove()


def take_in(files: Sequence[Checked], *, replacing: bool = False, save_as: str | None = None) -> dict[str, Any]:
    """Import all files in one transaction; the document of the import. Raises WorkbenchError, and then nothing was changed."""
    staged = importers.Staged([checked.sheet for checked in files if checked.sheet])
    return importers.commit(context.store(), staged, replacing=replacing, save_as=save_as)


def left_out(files: Sequence[Checked]) -> list[tuple[str, pd.DataFrame]]:
    """Of each file the rows that its import leaves out, as they stand in the file, with line, column and reason."""
    return importers.rejects(importers.Staged([checked.sheet for checked in files if checked.sheet and checked.rejected]))


def counts_frame(document: dict[str, Any]) -> pd.DataFrame:
    """One row for each file and table of an import's document."""
    rows = [
        {"file": file["file"], "table": table} | {word: int(counts.get(name, 0)) for name, word in COUNTS.items()}
        for file in document["files"]
        for table, counts in file["tables"].items()
    ]
    return pd.DataFrame(rows, columns=["file", "table", *COUNTS.values()])


def problems_frame(document: dict[str, Any]) -> pd.DataFrame:
    """The rows left out: file, line, column, value, reason."""
    rows = [{"file": file["file"]} | problem for file in document["files"] for problem in file.get("problems", [])]
    return pd.DataFrame(rows, columns=["file", *PROBLEM_COLUMNS])


def notes(document: dict[str, Any]) -> list[str]:
    """Why rows were set apart or what else was counted, one line each."""
    said = []
    for file in document["files"]:
        said += [f"{file['file']}: {warning}" for warning in [*file.get("warnings", []), *_personal(file.get("personal", {}))]]
        counted = {what: count for what, count in file.get("notes", {}).items() if what != MERGED}  # told with their lines
        said += [f"{file['file']}: {what.replace('_', ' ')}: {count:,}" for what, count in counted.items()]
        if file.get("attributes"):
            said.append(f"{file['file']}: columns kept as attributes: {', '.join(file['attributes'])}")
    return said


def doubtful(document: dict[str, Any]) -> list[str]:
    """What is likely a mistake among the rows that come in, one line for each doubt, with an example."""
    several = len(document["files"]) > 1
    return [
        (f"{file['file']}: " if several else "") + doubts.in_words(doubt) for file in document["files"] for doubt in file.get("doubts", [])
    ]


def _personal(found: dict[str, Any]) -> list[str]:
    """What personal data was met and what becomes of it."""
    done = "masked" if found.get("masked") else "kept as it is"
    rows = [
        f"personal data {done}: {kind} in the texts of {count:,} row{'' if count == 1 else 's'}"
        for kind, count in found.get("rows", {}).items()
    ]
    columns = [f"{name} ({kind})" for name, kind in found.get("columns", {}).items()]
    return rows + ([f"personal columns {done}: {', '.join(columns)}"] if columns else [])


def rejected(document: dict[str, Any]) -> int:
    """Rows that an import leaves out because of what is in them."""
    return sum(int(next(iter(file["tables"].values()))["rejected"]) for file in document["files"])
