"""The command line: the same verbs as the pages, for people, scripts and tests.

With `--json` one JSON document goes to stdout and nothing else; progress and notes go to stderr.
Exit 0: done; 2: the user's mistake, with problem and fix on stderr; 1: ours.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from workbench.cli.parser import parse
from workbench.errors import Fault, WorkbenchError
from workbench.home import Home

OURS = "This is a fault of the workbench, not yours. Please report it with the lines above."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    given = parse(sys.argv[1:] if argv is None else argv)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            verb = getattr(importlib.import_module(f"workbench.cli.{given.module}"), given.function)
            answer = verb(Home.find(given.home), given)
    except WorkbenchError as error:
        ours = isinstance(error, Fault)
        print("\n".join([error.problem, error.fix, *([OURS] if ours else [])]), file=sys.stderr)
        return 1 if ours else 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        print(OURS, file=sys.stderr)
        return 1
    if answer is not None:
        document, text = answer
        _print(json.dumps(without_nan(document), ensure_ascii=False, default=str, allow_nan=False) if given.json else text)
    return 0


def without_nan(value: Any) -> Any:
    """A document that JSON can hold: a number that is not known, or not finite, is null."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(text: str) -> None:
    """Print, and bear that a reader such as `head` has heard enough."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
