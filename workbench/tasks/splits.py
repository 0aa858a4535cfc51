"""Frozen splits: a row's part follows from a hash of its key, never from its place in a file."""

from __future__ import annotations

import hashlib

VALIDATION, TEST = 0.1, 0.1


def share(key: str) -> float:
    """A number in 0..1 that depends on `key` alone."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def split_of(key: str) -> str:
    """ "train", "validation" or "test" for a row with this key."""
    at = share(key)
    if at < TEST:
        return "test"
    return "validation" if at < TEST + VALIDATION else "train"
