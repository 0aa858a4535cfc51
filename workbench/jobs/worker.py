"""The worker of one run: `python -m workbench.jobs.worker <run folder>`.

It holds the run's lock for as long as it lives, waits for its turn (one run at a time in a home),
starts the encoder as a process of its own that dies with it, makes the first version the active
one, and derives what the pages read of a version. A version that was published stays, whatever
happens after. It computes with what the pages leave over (`workbench.jobs.behind`).
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import Cancelled, Fault, Interrupted, WorkbenchError
from workbench.files import read_json
from workbench.home import Home, disk_full
from workbench.jobs.behind import behind_the_pages
from workbench.jobs.child import ENCODER, several, train
from workbench.registry import Registry
from workbench.run import ENCODER_PART, Run

POLL_SECONDS = 0.5
LOG = "The end of the run's log.txt holds the details."
DERIVE_PART = (ENCODER_PART[1], 1.0)


def main(folder: Path, encoder: Sequence[str] = ENCODER) -> int:
    """Work the run of `folder` to its end; 0 when it was done."""
    run = Run(folder)
    try:
        with run.working():
            return _ending(run, encoder)
    except Timeout:
        print(f"Another worker holds run {run.id}.", file=sys.stderr)
        return 2


def _ending(run: Run, encoder: Sequence[str]) -> int:
    """Do the work and write down how it ended."""
    try:
        with nullcontext() if run.spec["kind"] == "import" else _turn(run):
            run.finish(work(run, encoder))
        return 0
    except Cancelled:
        run.fail("The run was cancelled; what was active before is active still.", "Resume it, or start another.", "cancelled")
    except WorkbenchError as error:
        _fail(run, error)
    except Exception as error:
        traceback.print_exc()
        _fail(run, explain(error, run))
    return 2


def _fail(run: Run, error: WorkbenchError) -> None:
    whose, again = isinstance(error, Fault), isinstance(error, Fault | Interrupted)
    run.fail(error.problem, error.fix, page=error.page, fault=whose, resumable=again)


def explain(error: Exception, run: Run) -> WorkbenchError:
    """Problem and fix of a failure that nobody worded yet; a Fault where nobody foresaw it."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Interrupted(*disk_full(Home.find(run.spec["home"])))
    if isinstance(error, MemoryError):
        return Interrupted("The memory ran out.", "Close other programs, then resume the run.")
    return Fault(f"The job failed: {type(error).__name__}: {error}", LOG)


def _turn(run: Run) -> FileLock:
    """The home's one place for heavy work, held; while others have it, a cancel is heard."""
    place = FileLock(run.folder.parent / ".turn")
    while True:
        try:
            place.acquire(timeout=POLL_SECONDS)
        except Timeout:
            if run.cancel_asked():
                raise Cancelled(run.id) from None
        else:
            run.begin()
            return place


def work(run: Run, encoder: Sequence[str]) -> dict[str, Any]:
    """The result of the run's kind."""
    spec = run.spec
    home = Home.find(spec["home"])
    run.report(0.0, "starting")
    if spec["kind"] == "import":
        return read_file(home, run)
    sweep(home, run)
    if spec["kind"] == "derive":
        notes = derive(home, run, spec["version"])
        if notes:
            raise WorkbenchError(" ".join(notes), LOG)
        return {"version": spec["version"]}
    result = read_json(run.folder / "encoder.json") or train(run, several(encoder, spec.get("processes", 1)))
    if spec["kind"] in ("tune", "embed", "evaluate"):
        return dict(result)
    notes = [*result.get("notes", [])]
    if spec.get("promote_if_first", True):
        notes += promote_first(home, result["version"])
    run.part = DERIVE_PART
    notes += derive(home, run, result["version"])
    return {**result, **({"notes": notes} if notes else {})}


def read_file(home: Home, run: Run) -> dict[str, Any]:
    """Read and check a file for an import, with those `beside` it; the shop's owner takes its rows in. It waits for no training."""
    from workbench.shop.importers.handover import chosen, discard, prepare

    def report(done: float, step: str) -> None:
        try:
            run.report(done, step)
        except Cancelled:
            if done < 1.0:  # rows that are ready are written down first, so that they can be removed
                raise

    file, *neighbours = [chosen(one) for one in (run.spec, *run.spec.get("beside", []))]
    try:
        document = prepare(home, file, neighbours, report)
    except Exception as error:
        if run.cancel_asked():  # the page may have removed the file meanwhile
            raise Cancelled(run.id) from error
        raise
    if run.cancel_asked():
        discard(document)
        raise Cancelled(run.id)
    return {"sheets": str(document)}


def sweep(home: Home, run: Run) -> None:
    """Remove what killed workers left half-made; whoever has the turn is the only one at work."""
    Registry(home).sweep()
    for left in home.runs.rglob("*.f16"):
        if run.folder not in left.parents:
            left.unlink()


def promote_first(home: Home, version: str) -> list[str]:
    """Make `version` the active one where there is none yet; a note if another came first, or the active one is missing."""
    registry = Registry(home)
    if registry.active() is not None:
        return []
    if registry.missing():
        return [f"{registry.none_active().problem} {version} was not put in its place; it waits for its promotion."]
    try:
        registry.promote(version, expected=None, why="the first version")
    except WorkbenchError as error:
        return [error.problem]
    return []


def derive(home: Home, run: Run, version: str) -> list[str]:
    """Run every insight's `derive(store, space, report)`; what failed, in words. The version stays."""
    from workbench.jobs.derived import derivations
    from workbench.shop.space import Space
    from workbench.shop.store import Store

    notes: list[str] = []
    snapshot = run.spec.get("snapshot")
    with Store.open_snapshot(home, Path(snapshot) if snapshot else None) as store:
        space = Space(store, Registry(home).get(version))
        found = derivations()
        for position, (name, make) in enumerate(found.items()):

            def report(done: float, step: str, position: int = position) -> None:
                run.report((position + done) / len(found), step)

            try:
                make(store, space, report)
            except Cancelled:
                return [*notes, f"Cancelled before {name} of {version} were ready; the version itself is complete."]
            except Exception as error:
                traceback.print_exc()
                what = error.problem if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
                notes.append(f"{name.capitalize()} of {version} could not be derived: {what}")
    return notes


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", type=json.loads, default=ENCODER)
    given = parser.parse_args()
    behind_the_pages()
    sys.exit(main(given.folder, given.encoder))
