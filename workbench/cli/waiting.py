"""Waiting for a run: its progress on stderr, its result in the end."""

from __future__ import annotations

import sys
from typing import Any

from workbench import jobs
from workbench.errors import Fault, WorkbenchError
from workbench.run import Run, RunStatus


def finished(run: Run) -> dict[str, Any]:
    """The result of a run that is waited for; WorkbenchError if it failed, a Fault if that is ours. Ctrl-C cancels it."""
    print(f"Run {run.id}", file=sys.stderr)
    try:
        status = jobs.wait(run, _Teller())
    except KeyboardInterrupt:
        run.cancel()
        print("Cancelling…", file=sys.stderr)
        status = jobs.wait(run)
    if status.state != "done" or status.result is None:
        if status.state == "failed" and run.log.exists():
            print(f"Its log: {run.log}", file=sys.stderr)
        raise (Fault if status.fault else WorkbenchError)(
            status.problem or f"Run {run.id} was {status.state}.", status.fix or "Start it again."
        )
    return status.result


class _Teller:
    """Says each new percent or step once, on stderr."""

    def __init__(self) -> None:
        self._said: tuple[str, str] | None = None

    def __call__(self, status: RunStatus) -> None:
        progress = status.progress
        here = (f"{progress.done:4.0%}", progress.step)
        if here == self._said:
            return
        self._said = here
        left = f", {progress.left:.0f} s left" if progress.left else ""
        print(f"{here[0]}  {here[1]}  ({progress.seconds:.0f} s{left})", file=sys.stderr)
