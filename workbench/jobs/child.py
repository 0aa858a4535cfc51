"""The encoder as a process of its own, so that its memory, its crash and its libraries stay there."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from workbench.errors import Cancelled, Fault, Interrupted, WorkbenchError
from workbench.files import read_json
from workbench.run import Run

ENCODER: Sequence[str] = (sys.executable, "-m", "workbench.encoder")
KINDS: dict[str, type[WorkbenchError]] = {"fault": Fault, "interrupted": Interrupted}  # how an encoder says that it ended
POLL_SECONDS = 0.2
CANCEL_GRACE_SECONDS = 30.0
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def several(command: Sequence[str], processes: int) -> Sequence[str]:
    """The command of an encoder that so many processes share, begun by torchrun; one begins by itself."""
    if processes < 2:
        return command
    python, *rest = command
    return (python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), *rest)


def train(run: Run, command: Sequence[str]) -> dict[str, Any]:
    """Run the encoder on the run's folder and return its result.

    Raises WorkbenchError with the encoder's own words, or what its exit says, a Fault where that is ours; Cancelled when asked.
    """
    for name in ("encoder.json", "encoder_error.json"):
        (run.folder / name).unlink(missing_ok=True)
    process = subprocess.Popen([*command, str(run.folder)], stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent())
    try:
        code = _follow(process, run)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    error = read_json(run.folder / "encoder_error.json")
    if error and error.get("state") == "cancelled":
        raise Cancelled(run.id)
    if error:
        raise KINDS.get(error.get("state"), WorkbenchError)(error["problem"], error["fix"])
    result = read_json(run.folder / "encoder.json")
    if code == 0 and result is not None:
        return dict(result)
    raise _unsaid(code, run)


def _follow(process: subprocess.Popen[bytes], run: Run) -> int:
    """Wait for the encoder; one that does not hear a cancel in time is ended."""
    asked = None
    while True:
        try:
            return process.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if run.cancel_asked():
                asked = asked or time.monotonic()
                if time.monotonic() - asked > CANCEL_GRACE_SECONDS:
                    raise Cancelled(run.id) from None


def _unsaid(code: int, run: Run) -> WorkbenchError:
    """The error of an encoder that ended without a word."""
    if code == -signal.SIGKILL:
        return Interrupted(
            "The training process was killed from outside (signal 9), most often because the memory ran out.",
            "Close other programs or choose a recipe with smaller batches, then resume the run.",
        )
    if code < 0:
        return Interrupted(
            f"The training process was ended by signal {-code} ({signal.Signals(-code).name}).",
            "Resume the run; it goes on from what it kept.",
        )
    return Fault(f"The training process ended with status {code} and no result.", "The end of the run's log.txt holds the details.")


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux: what makes a child receive SIGKILL when its parent dies."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
