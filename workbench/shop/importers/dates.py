"""Whether 03/04/2024 is in March or April, 24-03-05 in 2024 or 2005: told by the column's other dates, asked where they leave it open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from workbench.shop.importers.base import Importer, bind
from workbench.shop.importers.reading import DateOrder
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES
from workbench.shop.store import Connection

_SHAPE = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})\b"
_PARTS = r"""
SELECT count(*), max(first), min(first), max(second), max(third), count(DISTINCT first), count(DISTINCT third),
       bool_and(length(last) = 2), bool_and(d LIKE '%.%'), bool_and(regexp_matches(d, '^\s*\d+-\d+-')),
       max(10000 * third + 100 * second + first) >= $late, max(10000 * first + 100 * second + third) >= $late
FROM (SELECT regexp_extract(d, $shape, 1)::INTEGER AS first, regexp_extract(d, $shape, 2)::INTEGER AS second,
             regexp_extract(d, $shape, 3) AS last, last::INTEGER AS third, d
      FROM (SELECT CAST({x} AS VARCHAR) AS d FROM raw) WHERE regexp_matches(d, $shape))
"""


class Seen(NamedTuple):
    """What the dates of a column show of their three numbers."""

    first: int  # the largest
    least: int  # the least first one
    second: int
    third: int
    firsts: int  # how many different ones
    thirds: int
    short: bool  # all last numbers have two digits
    dotted: bool
    dashed: bool
    day_late: bool  # with two-digit years, a reading with the day first lies in the future
    year_late: bool


@dataclass(frozen=True)
class Open:
    """A column whose dates can be read in more than one way, with "day", "month" or "year" first."""

    column: str
    orders: tuple[str, ...]


def date_order(cursor: Connection, source: Source, importer: Importer) -> tuple[DateOrder | None, Open | None]:
    """(the order that `raw` shows, what stays open)."""
    order: DateOrder | None = None
    fill = importer.fills[importer.table]
    late = int((date.today() + timedelta(days=2)).strftime("%y%m%d"))
    for column in TABLES[importer.table].columns:
        x = bind(fill.columns.get(column.name, "{}"), source.columns)
        if column.type != "TIMESTAMP" or not x or x == "{}":
            continue
        row = cursor.execute(_PARTS.format(x=x), {"shape": _SHAPE, "late": late}).fetchone()
        assert row is not None
        if row[0]:
            order, orders = _told(Seen(*row[1:]))
            if order is None:
                return None, Open(fill.columns[column.name].strip("{}"), orders)
    return order, None


def _told(seen: Seen) -> tuple[DateOrder | None, tuple[str, ...]]:
    """(the order that follows, what else is possible, the likelier first)."""
    year = seen.short and seen.third <= 31
    if year and seen.first > 31 and (seen.least > 12 or seen.firsts <= seen.thirds):
        return "yearfirst", ()
    month = ("month",) if seen.first <= 12 and not seen.dotted else ()
    if year and _day_is_late(seen):
        return None, ("year", "day", *month)
    if year and _first_may_be_years(seen):
        return None, ("day", "year")
    if not month:
        return "dayfirst", ()
    return ("monthfirst", ()) if seen.second > 12 else (None, ("day", "month", "year") if year else ("day", "month"))


def _day_is_late(seen: Seen) -> bool:
    """Whether dates lie in the future with the day first and not with the year first; days take more values than years."""
    return seen.day_late and not seen.year_late and seen.second <= 12 and seen.firsts <= seen.thirds


def _first_may_be_years(seen: Seen) -> bool:
    """In 24-03-05, where no first number is a month's, whether the year may come first, although no date tells it.

    With slashes and dots, where days mostly come first, only if the first numbers take fewer values than the last ones,
    or as many and the latest year is nearer to today.
    """
    nearer = seen.firsts == seen.thirds and seen.first > seen.third
    return seen.least > 12 and not seen.year_late and (seen.dashed or seen.firsts < seen.thirds or nearer)
