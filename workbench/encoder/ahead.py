"""What comes next made ready in a thread of its own while the last is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def ahead(makes: Iterable[Made]) -> Iterator[Made]:
    """The same things, each made while the one before is used; what goes wrong in the making is raised here.

    Whoever stops early waits for the one that is being made; no further one is begun.
    """
    made, none = iter(makes), object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, made, none)
        while (ready := coming.result()) is not none:
            coming = thread.submit(next, made, none)
            yield ready  # type: ignore[misc]  # `none` is told apart above
