"""Runs a program that is killed with SIGKILL at a marked moment: `die_at.py <moment> <module or script> <arguments>`."""

import os
import runpy
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import workbench.jobs.derived  # noqa: E402
import workbench.registry  # noqa: E402
from workbench.registry import MANIFEST, Registry  # noqa: E402
from workbench.run import Run  # noqa: E402
from workbench.shop import importers  # noqa: E402
from workbench.shop.store import Store  # noqa: E402


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: object, name: str, when=lambda *given: True) -> None:
    """Die when `owner.name` is called with what `when` waits for."""
    real = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: die() if when(*given) else real(*given, **named))


def after(owner: object, name: str, when=lambda *given: True) -> None:
    """Die when such a call has returned."""
    real = getattr(owner, name)

    def called(*given, **named):
        answer = real(*given, **named)
        return die() if when(*given) else answer

    setattr(owner, name, called)


class DiesAt:
    """A connection or cursor of the shop that dies instead of executing one statement, or once it is `done`."""

    def __init__(self, real, statement: str, *, done: bool) -> None:
        self._real, self._statement, self._done = real, statement, done

    def cursor(self):
        return DiesAt(self._real.cursor(), self._statement, done=self._done)

    def execute(self, sql: str, *values):
        if sql != self._statement:
            return self._real.execute(sql, *values)
        return die(self._done and self._real.execute(sql, *values))

    def __getattr__(self, name: str):
        return getattr(self._real, name)


def at_statement(statement: str, *, done: bool = False) -> None:
    make = Store.__init__
    Store.__init__ = lambda store, home, real, **named: make(store, home, DiesAt(real, statement, done=done), **named)


def is_active(path: Path, *_: object) -> bool:
    return path.name == "active"


MOMENTS = {
    "file copied": lambda: before(importers, "commit"),
    "rows taken in": lambda: at_statement("COMMIT"),
    "committed": lambda: at_statement("COMMIT", done=True),
    "snapshot made": lambda: before(Path, "replace", lambda path, to: path.suffix == ".partial"),
    "version written": lambda: before(Registry, "publish"),
    "manifest due": lambda: before(workbench.registry, "write_json", lambda path, value: path.name == MANIFEST),
    "rename due": lambda: before(Path, "rename", lambda path, to: path.suffix == ".partial"),
    "renamed": lambda: after(Registry, "publish"),
    "active due": lambda: before(Path, "replace", lambda path, to: is_active(to)),
    "active written": lambda: after(workbench.registry, "write_json", is_active),
    "result due": lambda: before(Run, "finish"),
    "never": lambda: None,
}

if __name__ == "__main__":
    moment, program, *arguments = sys.argv[1:]
    MOMENTS[moment]()
    workbench.jobs.derived.derivations = dict
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__")
