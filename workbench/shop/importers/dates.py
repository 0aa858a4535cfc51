"""Whether 03/04/2024 is in March or April, 24-03-05 in 2024 or 2005: told by the column's other dates, asked where they leave it open."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.shop.importers.base import Importer, bind
from workbench.shop.importers.reading import DateOrder
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES
from workbench.shop.store import Connection

_SHAPE = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})\b"
_PARTS = r"""
SELECT count(*), max(first), min(first), max(second), max(third), bool_and(dashed AND length(last) = 2), bool_and(dotted)
FROM (SELECT regexp_extract(d, $shape, 1)::INTEGER AS first, regexp_extract(d, $shape, 2)::INTEGER AS second,
             regexp_extract(d, $shape, 3) AS last, last::INTEGER AS third, d LIKE '%.%' AS dotted,
             regexp_matches(d, '^\s*\d+-\d+-') AS dashed
      FROM (SELECT CAST({x} AS VARCHAR) AS d FROM raw) WHERE regexp_matches(d, $shape))
"""


@dataclass(frozen=True)
class Open:
    """A column whose dates can be read in more than one way, with "day", "month" or "year" first."""

    column: str
    orders: tuple[str, ...]


def date_order(cursor: Connection, source: Source, importer: Importer) -> tuple[DateOrder | None, Open | None]:
    """(the order that `raw` shows, what stays open)."""
    order: DateOrder | None = None
    fill = importer.fills[importer.table]
    for column in TABLES[importer.table].columns:
        x = bind(fill.columns.get(column.name, "{}"), source.columns)
        if column.type != "TIMESTAMP" or not x or x == "{}":
            continue
        row = cursor.execute(_PARTS.format(x=x), {"shape": _SHAPE}).fetchone()
        assert row is not None
        if row[0]:
            order, orders = _told(*row[1:])
            if order is None:
                return None, Open(fill.columns[column.name].strip("{}"), orders)
    return order, None


def _told(first: int, least: int, second: int, third: int, short: bool, dotted: bool) -> tuple[DateOrder | None, tuple[str, ...]]:
    """(the order that follows from the largest and the least first, the largest second and third number, what else is possible).

    In 24-03-05, where no first number is a month's, the year may come first (`short`: all dates are dashed and their last
    number has two digits).
    """
    year = short and third <= 31 and least > 12
    if first > 31 and year:
        return "yearfirst", ()
    if year:
        return None, ("day", "year")
    if first > 12 or dotted:
        return "dayfirst", ()
    return ("monthfirst", ()) if second > 12 else (None, ("day", "month"))
