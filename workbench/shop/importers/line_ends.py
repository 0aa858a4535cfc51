"""Line ends: a text file with several kinds of them, or with the old Macintosh's, gets one kind."""

from __future__ import annotations

from pathlib import Path

CHUNK = 1 << 20


def unify(path: Path) -> None:
    """Rewrite `path` with `\\n` where its line ends differ or are bare carriage returns; leave it alone otherwise."""
    both, newline, carriage = count(path)
    if (newline == both == carriage) or not carriage:
        return
    beside = path.with_suffix(".lines")
    with path.open(encoding="utf-8", newline=None) as source, beside.open("w", encoding="utf-8", newline="\n") as out:
        while chunk := source.read(CHUNK):
            out.write(chunk)
    beside.replace(path)


def count(path: Path) -> tuple[int, int, int]:
    """How many `\\r\\n`, `\\n` and `\\r` there are; the first are part of the other two."""
    both = newline = carriage = 0
    last = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            both += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            newline += chunk.count(b"\n")
            carriage += chunk.count(b"\r")
            last = chunk[-1:]
    return both, newline, carriage
