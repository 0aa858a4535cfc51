"""Long work outside the page's process: start it, watch it, cancel it, take it up again.

A run is a folder (see `workbench.run`); its worker is a process of its own that outlives the page,
the command line and their terminals.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.home import PACKAGE, Home
from workbench.run import Run, RunStatus

KINDS = ("train", "finetune", "tune", "embed", "derive", "evaluate", "import")
NEEDED = {
    "train": ("snapshot",),
    "tune": ("snapshot", "trials"),
    "finetune": ("snapshot", "task", "upload"),
    "embed": ("snapshot", "version"),
    "derive": ("version",),
    "evaluate": ("version",),
    "import": ("path", "name", "reading"),
}
POLL_SECONDS = 0.5


def start(home: Home, kind: str, spec: dict[str, Any], *, encoder: Sequence[str] | None = None) -> Run:
    """Start a detached worker on a new run.

    `spec` holds for "train": snapshot, recipe, tasks, processes, promote_if_first; for "finetune": snapshot,
    task, upload, recipe, train (head, top or all), parent; for "tune": snapshot, trials, recipe, tasks;
    for "derive": version (and snapshot); for "evaluate": version, rivals, robustness, other, against;
    for "import": path, name and reading of a file that is read and checked, not yet taken in, and those of files `beside` it.
    `encoder` replaces the encoder's own command. Raises WorkbenchError for an unknown kind or a
    spec that lacks something.
    """
    if kind not in KINDS:
        raise WorkbenchError(f"There is no job of kind {kind!r}.", f"Kinds are: {', '.join(KINDS)}.")
    for name in NEEDED[kind]:
        if not spec.get(name):
            raise WorkbenchError(f"A job of kind {kind!r} needs {name!r}.", "Give it in the spec.")
    run = Run.create(home, kind, {k: str(v) if k == "snapshot" else v for k, v in spec.items()})
    _spawn(run, encoder)
    return run


def wait(run: Run, on_progress: Callable[[RunStatus], None] | None = None) -> RunStatus:
    """Block until the run has ended; `on_progress` hears of every change."""
    before = None
    while True:
        status = run.status()
        if on_progress and status.progress != before:
            before = status.progress
            on_progress(status)
        if status.state not in ("queued", "running"):
            return status
        time.sleep(POLL_SECONDS)


def cancel(home: Home, run_id: str) -> None:
    """Ask the run to stop; its worker does so within seconds. WorkbenchError if there is no such run."""
    Run.find(home, run_id).cancel()


def resume(home: Home, run_id: str, *, encoder: Sequence[str] | None = None) -> Run:
    """Start a new worker on a run that failed or was cancelled; it goes on from what the run kept."""
    run = Run.find(home, run_id)
    state = run.status().state
    if state in ("queued", "running", "done"):
        raise WorkbenchError(f"Run {run_id} cannot be resumed: it is {state}.", "Watch it, or start a new run.")
    run.again()
    _spawn(run, encoder)
    return run


def _spawn(run: Run, encoder: Sequence[str] | None) -> None:
    paths = [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    replaced = ["--encoder", json.dumps(list(encoder))] if encoder else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    with run.log.open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "workbench.jobs.worker", str(run.folder), *replaced],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment,
        )
