"""Files that belong together: what one table says only by an id is looked up in the file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.errors import WorkbenchError
from workbench.shop.importers import raw
from workbench.shop.importers.base import Beside, Importer, used
from workbench.shop.importers.source import Source
from workbench.shop.store import Connection

Neighbours = Sequence[tuple[Beside, Source]]


def find(source: Source, importer: Importer, others: Sequence[Source]) -> Neighbours:
    """The files that the importer needs beside `source`; WorkbenchError names one that is not among `others`."""
    found: list[tuple[Beside, Source]] = []
    if all(_read(importer, needed) <= set(source.columns) for needed in importer.beside):
        return found  # joined already
    for needed in importer.beside:
        neighbour = next((other for other in others if other is not source and set(needed.needs) <= set(other.columns)), None)
        if neighbour is None:
            raise WorkbenchError(
                f"{source.shown} ({importer.title}) needs the file of {needed.name} beside it, with the columns {', '.join(needed.needs)}.",
                "Import the files together, in one call or one upload.",
            )
        found.append((needed, neighbour))
    return found


def _read(importer: Importer, needed: Beside) -> set[str]:
    """The neighbour's columns that the importer's expressions read."""
    plans = importer.fills.values()
    read = used([x for plan in plans for x in (*plan.columns.values(), *plan.set_apart.values(), plan.group)])
    return {name for name in read if name.startswith(f"{needed.name}.")}


def join(cursor: Connection, source: Source, neighbours: Neighbours) -> tuple[Source, list[raw.Problem]]:
    """Load `source` and its neighbours into `raw`; the source with all columns, and its lines that could not be cut."""
    for place, (needed, neighbour) in enumerate(neighbours):
        raw.load(cursor, neighbour)
        key = neighbour.columns.index(needed.key)
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE beside_{place} AS SELECT DISTINCT ON (c{key}) * EXCLUDE (line) FROM raw ORDER BY line"
        )
    cut = raw.load(cursor, source)
    for place, (needed, neighbour) in enumerate(neighbours):
        first, on, key = len(source.columns), source.columns.index(needed.on), neighbour.columns.index(needed.key)
        names = ", ".join(f"b.c{i} AS c{first + i}" for i in range(len(neighbour.columns)))
        joined = f"SELECT r.*, {names} FROM raw r LEFT JOIN beside_{place} b ON r.c{on} = b.c{key} ORDER BY line"
        raw.replace_rows(cursor, joined)
        source = replace(source, columns=source.columns + needed.joined(neighbour.columns))
    return source, cut
