"""The rows that an import leaves out, kept to be mended and imported again: as they stand in the file, what is personal masked.

What an import would have masked is masked here too, so that the mended file brings in the same as the first would have.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.files import csv_records
from workbench.shop.importers import personal
from workbench.shop.importers.base import TEXTS, Importer, bind, used
from workbench.shop.importers.raw import REASONS, Problem
from workbench.shop.importers.source import Source
from workbench.shop.importers.written import Written
from workbench.shop.store import Connection, connect


def keep(cursor: Connection, source: Source, importer: Importer, how: Written, cut: list[Problem]) -> None:
    """Make the tables `rejects` (line, cells) of the rows at fault and of the lines that were `cut` out, and `header`."""
    own = personal.own_names(source.columns) if how.mask else []
    cursor.execute(f"CREATE TEMP TABLE cells AS {_at_fault_rows(source, importer, how, own)}")
    if cut:
        split = [next(csv_records([p.value], source.delimiter, escape=source.escape), []) for p in cut]
        padded = [row + [""] * (len(source.columns) - len(row)) for row in split]
        cursor.execute(
            "INSERT INTO cells BY NAME SELECT line, unnest(row) AS cell, ? AS mask, generate_subscripts(row, 1) AS place "
            "FROM (SELECT unnest(?) AS line, unnest(?::VARCHAR[][]) AS row)",
            [how.mask, [p.line for p in cut], padded],  # which column a cell belongs to is not known
        )
    masked = personal.masked_rows("SELECT * FROM cells WHERE mask", ["cell"], len(own))
    each = f"SELECT line, place, cell FROM ({masked}) UNION ALL SELECT line, place, cell FROM cells WHERE NOT mask"
    cursor.execute(f"CREATE TABLE rejects AS SELECT line, list(cell ORDER BY place) AS cells FROM ({each}) GROUP BY line")
    cursor.execute("DROP TABLE cells")
    cursor.execute("CREATE TABLE header AS SELECT unnest(?) AS name", [list(source.columns)])


def _at_fault_rows(source: Source, importer: Importer, how: Written, own: list[str]) -> str:
    """The query of the cells of the rows at fault: line, place, cell, whether it may hold what is personal, the row's own names."""
    stands, faults = _stands_for(source, importer, how), _at_fault(source, importer)
    texts, read = _texts(source, importer), _read(source, importer)
    cells, mask = [], []
    for i, name in enumerate(source.columns):
        cells.append(stands.get(i, f"c{i}"))
        free = i in texts or i not in read
        mask.append("false" if not how.mask or name in REASONS else "true" if free else f"coalesce(t.bad IN ({faults[i]}), false)")
    names = "".join(f", {name} AS own_{i}" for i, name in enumerate(own))
    return (
        f"SELECT raw.line, unnest([{', '.join(cells)}]) AS cell, unnest([{', '.join(mask)}]) AS mask, "
        f"unnest(range({len(cells)})) AS place{names} FROM raw JOIN {importer.table} t ON raw.line = t.line AND t.bad IS NOT NULL"
    )


def rows(path: Path) -> pd.DataFrame:
    """The rejects of a staged file, with line, column and reason."""
    connection = connect(path, read_only=True, allow=(path.parent,))
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM header").fetchall() if name not in REASONS]
        found = connection.execute(
            'SELECT r.cells, p.line, p."column", p.reason FROM rejects r JOIN problems p USING (line) ORDER BY line'
        ).fetchall()
    finally:
        connection.close()
    return pd.DataFrame([[*_wide(cells, len(names)), *why] for cells, *why in found], columns=[*names, *REASONS])


def _places(source: Source, expressions: Iterable[str]) -> set[int]:
    """The places of the columns that the expressions read."""
    names = used([expression for expression in expressions if not expression.startswith("md5(")])  # a hash tells nothing
    return {i for i, name in enumerate(source.columns) if name in names}


def _texts(source: Source, importer: Importer) -> set[int]:
    """The columns of what people wrote."""
    return _places(source, [plan.columns[c] for table, plan in importer.fills.items() for c in TEXTS.get(table, ()) if c in plan.columns])


def _read(source: Source, importer: Importer) -> set[int]:
    """The columns that fill others than attributes."""
    return _places(source, [expression for plan in importer.fills.values() for expression in plan.columns.values()])


def _at_fault(source: Source, importer: Importer) -> dict[int, str]:
    """For each column the canonical ones, quoted, of which it holds the value: one at fault may be anything."""
    found: dict[int, list[str]] = {i: ["''"] for i in range(len(source.columns))}
    for canonical, expression in importer.fills[importer.table].columns.items():
        for i in _places(source, [expression]):
            found[i].append(f"'{canonical}'")
    return {i: ", ".join(names) for i, names in found.items()}


def _stands_for(source: Source, importer: Importer, how: Written) -> dict[int, str]:
    """What stands for a cell: its kind where the column is personal by its name, the hash of an id where it is stored as one."""
    found = {}
    read = _read(source, importer)
    for i, name in enumerate(source.columns):
        kind = personal.kind_of(name)
        if how.mask and kind and i not in read:
            found[i] = f"CASE WHEN trim(c{i}) <> '' THEN '[{kind}]' END"
    for plan in importer.fills.values():
        bound = bind(plan.columns.get("user_id", ""), source.columns)
        places = _places(source, [plan.columns.get("user_id", "")])
        if bound and not plan.group and len(places) == 1 and (how.mask or how.pseudonyms):
            (i,) = places
            hashed = personal.user_id(f"({bound})", always=how.pseudonyms)
            found[i] = f"CASE WHEN ({bound}) <> {hashed} THEN {hashed} ELSE c{i} END"
    return found


def _wide(cells: list[Any], width: int) -> list[Any]:
    """As many cells as there are columns; what a line has too many of stays together in the last one."""
    return cells if len(cells) <= width else [*cells[: width - 1], ",".join(str(cell) for cell in cells[width - 1 :])]
