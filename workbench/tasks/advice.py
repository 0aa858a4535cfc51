"""What should learn from an upload, by how much there is to learn from."""

from __future__ import annotations

MOST_FOR_ALL = 20_000  # over the bare base all layers learn; with more rows that takes long and the upper ones suffice


def recommended(rows: int, *, parent: bool) -> tuple[str, str]:
    """(choice, why) for so many labelled rows, on top of a parent or over the bare base."""
    if parent:
        return "top", "It keeps what the active version knows."
    if rows <= MOST_FOR_ALL:
        return "all", "There is no version yet whose knowledge could suffer, and few enough rows to let every layer learn."
    return "top", "There are rows enough for the upper layers alone, which takes a fraction of the time."
