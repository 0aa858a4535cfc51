"""The one exception that people are meant to read."""

from __future__ import annotations


class WorkbenchError(Exception):
    """A failure the user can understand and act on.

    `problem` names the place, the value and what is allowed; `fix` names the next step, with the command line's options,
    `page` the same with the page's own controls, where the two differ.
    The library raises it; only the page and the command line word it for people.
    """

    def __init__(self, problem: str, fix: str, *, page: str | None = None) -> None:
        super().__init__(f"{problem} {fix}")
        self.problem = problem
        self.fix = fix
        self.page = page or fix


class Interrupted(WorkbenchError):
    """A failure from outside, a full disk say: the same work may be done once that is mended."""


class Fault(WorkbenchError):
    """A failure that the user did not cause and nobody foresaw: ours, worded as far as it can be."""


class Cancelled(Exception):
    """The user asked a running job to stop; what was finished before is kept."""


def need(module: str, extra: str) -> WorkbenchError:
    """The error for an optional library that is not installed."""
    return WorkbenchError(
        f"This step needs the library {module!r}, which is not installed.",
        f"Install it with: pip install 'shop-workbench[{extra}]'",
    )
