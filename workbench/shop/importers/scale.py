"""The scale that ratings are on: told by the column's values, asked where they leave it open. Stars go from 1 to 5.

A rating is moved linearly, the scale's lowest to 1 star and its highest to 5.
"""

from __future__ import annotations

import re

from workbench.errors import WorkbenchError
from workbench.shop.importers import sql
from workbench.shop.importers.base import Importer, bind
from workbench.shop.importers.reading import SCALES, STARS, Decimal
from workbench.shop.importers.source import Source
from workbench.shop.store import Connection

LEAST_ROWS = 3
ABOVE, ZEROS = 0.1, 0.01
"""Fewer of the numbers than these shares are slips and say nothing of the scale."""


def ends(scale: str) -> tuple[float, float]:
    """The lowest and the highest rating of a scale such as "0-10"; WorkbenchError where it is none."""
    found = re.fullmatch(r"(\d+)-(\d+)", scale.strip())
    if not found or int(found[1]) >= int(found[2]):
        raise WorkbenchError(f"{scale[:20]!r} is no scale of ratings.", f"Give its lowest and highest, for example {', '.join(SCALES)}.")
    return float(found[1]), float(found[2])


def scales(cursor: Connection, source: Source, importer: Importer, decimal: Decimal) -> tuple[tuple[str, ...], str]:
    """(what the scale of the ratings in the table `raw` can be, the likely one first; the ratings' column)."""
    expression = importer.fills[importer.table].columns.get("rating", "")
    x = bind(expression, source.columns) if importer.name == "generic" and expression.startswith("{") else None
    if not x:
        return (STARS,), ""
    row = cursor.execute(
        f"SELECT count(n), count(*) FILTER (n > 5), count(*) FILTER (n > 10), count(*) FILTER (n > 100), count(*) FILTER (n = 0), max(n) "
        f"FROM (SELECT {sql.number(x, decimal)} AS n FROM raw)"
    ).fetchone()
    assert row is not None
    numbers, above_5, above_10, above_100, zeros, highest = row
    many, some = max(LEAST_ROWS, ABOVE * numbers), max(LEAST_ROWS, ZEROS * numbers)
    return _told(above_5 >= many, above_10 >= many, above_100 >= many, zeros >= some, highest), expression.strip("{}")


def _told(above_5: bool, above_10: bool, above_100: bool, zeros: bool, highest: float | None) -> tuple[str, ...]:
    """The scales that ratings can be on of which many lie above these bounds, some are 0, and the highest is this."""
    if above_100 or not (above_5 or zeros):
        return (STARS,)
    if above_10:
        return ("0-100",)
    if above_5:
        return ("0-10",) if zeros else ("1-10", "0-10")
    return ("0-1" if highest == 1 else "0-5", STARS)
