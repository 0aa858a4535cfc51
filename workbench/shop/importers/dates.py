"""Whether 03/04/2024 is in March or April: told by the column's other dates, asked where they leave it open."""

from __future__ import annotations

from workbench.shop.importers.base import Importer, bind
from workbench.shop.importers.reading import DateOrder
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES
from workbench.shop.store import Connection

_SHAPE = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})\b"


def date_order(cursor: Connection, source: Source, importer: Importer) -> tuple[DateOrder | None, str | None]:
    """(the order that `raw` shows, the column where it stays open)."""
    order: DateOrder | None = None
    fill = importer.fills[importer.table]
    for column in TABLES[importer.table].columns:
        x = bind(fill.columns.get(column.name, "{}"), source.columns)
        if column.type != "TIMESTAMP" or not x or x == "{}":
            continue
        row = cursor.execute(
            f"SELECT count(*), max(TRY_CAST(regexp_extract(d, ?, 1) AS INTEGER)), max(TRY_CAST(regexp_extract(d, ?, 2) AS INTEGER)), "
            f"bool_and(d LIKE '%.%') FROM (SELECT CAST({x} AS VARCHAR) AS d FROM raw) WHERE regexp_matches(d, ?)",
            [_SHAPE, _SHAPE, _SHAPE],
        ).fetchone()
        assert row is not None
        n, first, second, dotted = row
        if not n:
            continue
        if first > 12 or dotted:
            order = "dayfirst"
        elif second > 12:
            order = "monthfirst"
        else:
            return None, fill.columns[column.name].strip("{}")
    return order, None
