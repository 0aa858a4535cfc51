"""Frozen splits: a row's part follows from a hash of its key or from its time, never from its place in a file.

`leave_one_out` keeps each user's last new product for the test and the one before for validation;
`time` cuts the whole shop at two moments, see `workbench.tasks.histories.Cuts`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

VALIDATION, TEST = 0.1, 0.1
SPLITS = ("leave_one_out", "time")
_chosen: ContextVar[str] = ContextVar("split", default=SPLITS[0])


@contextmanager
def splitting(how: str) -> Iterator[None]:
    """Within the block the tasks split their rows in this way, one of `SPLITS`."""
    assert how in SPLITS, f"{how!r} is none of {SPLITS}"
    token = _chosen.set(how)
    try:
        yield
    finally:
        _chosen.reset(token)


def in_time() -> bool:
    """Whether rows are split by the global cut in time."""
    return _chosen.get() == "time"


def share(key: str) -> float:
    """A number in 0..1 that depends on `key` alone."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def split_of(key: str) -> str:
    """ "train", "validation" or "test" for a row with this key."""
    at = share(key)
    if at < TEST:
        return "test"
    return "validation" if at < TEST + VALIDATION else "train"
