"""One run of long work: a folder that the worker writes and anybody may read.

`data/runs/<id>/` holds `spec.json` (what to do), `progress.json` (replaced whole), `curve.jsonl`
(the live loss), `log.txt`, `result.json` or `error.json` when it has ended, a `cancel` flag and a
`lock`. The held lock is the sign of life, because a process id may be reused and a killed child
still answers to its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from filelock import FileLock, Timeout

from workbench.errors import Cancelled, WorkbenchError
from workbench.files import read_json, read_json_lines, write_json, write_text
from workbench.home import Home

State = Literal["queued", "running", "done", "failed", "cancelled"]
START_GRACE_SECONDS = 60.0
LOCK_SECONDS = 2.0  # a reader that asks for a sign of life holds the lock for a moment
LOG_BYTES, LOG_LINES = 8_000, 20
ENCODER_PART = (0.0, 0.9)


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` in 0..1, seconds since it began and an estimate of what is left."""

    done: float = 0.0
    step: str = "waiting to start"
    seconds: float = 0.0
    left: float | None = None


@dataclass(frozen=True)
class RunStatus:
    """What a reader can know of a run."""

    id: str
    kind: str
    state: State
    progress: Progress
    spec: dict[str, Any]
    result: dict[str, Any] | None
    problem: str | None
    fix: str | None
    fault: bool = False  # whether a failure is the workbench's own
    resumable: bool = True  # whether what failed may succeed when it is taken up again
    page: str | None = None  # `fix` in the words of the pages


class Run:
    """A run's folder, for its worker (`working`, `report`) and its readers (`status`).

    `part` is the stretch of the whole run's progress that this process reports on.
    """

    def __init__(self, folder: Path, *, part: tuple[float, float] = (0.0, 1.0)) -> None:
        self.folder = folder
        self.id = folder.name
        self.part = part
        self._began = time.monotonic()

    @classmethod
    def create(cls, home: Home, kind: str, spec: dict[str, Any]) -> Run:
        """A new queued run of `kind` with its `spec` written down."""
        run_id = f"{kind}-{datetime.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        folder = home.runs / run_id
        folder.mkdir(parents=True)
        write_json(folder / "spec.json", {"kind": kind, "home": str(home.root), "created": time.time(), **spec})
        return cls(folder)

    @classmethod
    def find(cls, home: Home, run_id: str) -> Run:
        """The run with this id; WorkbenchError if there is none."""
        folder = home.runs / Path(run_id).name
        if not (folder / "spec.json").exists():
            raise WorkbenchError(
                f"There is no run {run_id!r} in {home.runs}.",
                "See the runs with: workbench status",
                page="The page Overview shows those that run.",
            )
        return cls(folder)

    @property
    def spec(self) -> dict[str, Any]:
        return dict(read_json(self.folder / "spec.json", {}))

    # -- the worker's side -------------------------------------------------------------------

    def working(self) -> FileLock:
        """The lock that a worker holds for as long as it lives (use as a context manager)."""
        self.begin()
        return FileLock(self.folder / "lock", timeout=LOCK_SECONDS)

    def begin(self) -> None:
        """Count the seconds from now: waiting for a turn is not working."""
        self._began = time.monotonic()

    def report(self, done: float, step: str) -> None:
        """Write the share done and the step; raise `Cancelled` if someone asked to stop."""
        done = self.part[0] + (self.part[1] - self.part[0]) * min(1.0, max(0.0, done))
        seconds = time.monotonic() - self._began
        left = seconds * (1 - done) / done if done > 0.05 else None
        write_json(self.folder / "progress.json", asdict(Progress(round(done, 4), step, seconds, left)))
        if self.cancel_asked():
            raise Cancelled(self.id)

    def point(self, **values: float | str) -> None:
        """Append one point to the live curve, say `step=3, task="sentiment", loss=0.4`."""
        with (self.folder / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def draw(self, points: Sequence[dict[str, Any]]) -> None:
        """Make these points the whole live curve."""
        write_text(self.folder / "curve.jsonl", "".join(json.dumps(values) + "\n" for values in points))

    def finish(self, result: dict[str, Any]) -> None:
        write_json(self.folder / "result.json", result)

    def fail(
        self, problem: str, fix: str, state: State = "failed", *, page: str | None = None, fault: bool = False, resumable: bool = True
    ) -> None:
        """Say how the run ended; `fault` where the workbench itself is to blame, not `resumable` where it would fail again."""
        told = {"state": state, "problem": problem, "fix": fix, "page": page or fix, "fault": fault, "resumable": resumable}
        write_json(self.folder / "error.json", told)

    def dismiss(self) -> None:
        """Note that people know how the run ended; it is not shown unasked any more."""
        (self.folder / "dismissed").touch()

    @property
    def dismissed(self) -> bool:
        return (self.folder / "dismissed").exists()

    def again(self) -> None:
        """Forget how the run ended, so that a new worker may take it up; what it kept stays."""
        for name in ("error.json", "cancel", "progress.json", "dismissed"):
            (self.folder / name).unlink(missing_ok=True)
        write_json(self.folder / "spec.json", {**self.spec, "created": time.time()})

    # -- the readers' side -------------------------------------------------------------------

    def cancel(self) -> None:
        (self.folder / "cancel").touch()

    def cancel_asked(self) -> bool:
        return (self.folder / "cancel").exists()

    def ended(self) -> bool:
        """Whether the run said how it ended."""
        return (self.folder / "result.json").exists() or (self.folder / "error.json").exists()

    def alive(self) -> bool:
        """Whether a worker holds the run's lock."""
        lock = FileLock(self.folder / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
        return False

    def _since(self, progress: Progress, created: float) -> Progress:
        """The progress with the time that has passed since it was written; while nothing is, since the run was asked for."""
        try:
            written = (self.folder / "progress.json").stat().st_mtime
        except FileNotFoundError:
            written = created
        passed = max(0.0, time.time() - written)
        left = None if progress.left is None else max(0.0, progress.left - passed)
        return replace(progress, seconds=progress.seconds + passed, left=left)

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def last_words(self) -> str:
        """The end of the log; "" where there is none."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_BYTES))
                lines = file.read().decode("utf-8", "replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-LOG_LINES:])

    def curve(self) -> list[dict[str, Any]]:
        """The points of the live curve so far."""
        return read_json_lines(self.folder / "curve.jsonl")

    def status(self) -> RunStatus:
        # in this order: a worker takes the lock, says how far it is and how it ended, lets go
        spec, begun = self.spec, (self.folder / "progress.json").exists()
        alive = not self.ended() and self.alive()
        progress = Progress(**read_json(self.folder / "progress.json", {}))
        result = read_json(self.folder / "result.json")
        error = read_json(self.folder / "error.json")
        state: State
        if result is not None:
            state, progress = "done", Progress(1.0, "done", progress.seconds, 0.0)
        elif error is not None:
            state = error["state"]
        elif alive:
            state = "running" if begun else "queued"
        elif time.time() - spec.get("created", 0) < START_GRACE_SECONDS and not begun:
            state = "queued"
        else:
            state = "failed"
            error = {
                "problem": f"The worker of run {self.id} ended without a word (killed, or out of memory).",
                "fix": "Look at the end of its log.txt, then resume the run or start another.",
            }
        if state in ("queued", "running"):
            progress = self._since(progress, spec.get("created", time.time()))
        error = error or {}
        told = (error.get("problem"), error.get("fix"), bool(error.get("fault")), bool(error.get("resumable", True)))
        on_page = error.get("page") or error.get("fix")
        return RunStatus(self.id, spec.get("kind", "?"), state, progress, spec, result, *told, on_page)


def runs(home: Home) -> list[Run]:
    """All runs of a home, newest first."""
    folders = [f for f in home.runs.glob("*") if (f / "spec.json").exists()]
    return [Run(f) for f in sorted(folders, key=lambda f: (f / "spec.json").stat().st_mtime, reverse=True)]
