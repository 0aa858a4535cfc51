"""The scale that ratings are on: told by the column's values, asked where they leave it open. Stars go from 1 to 5.

A rating is moved linearly, the scale's lowest to 1 star and its highest to 5: 1 + 4 (rating - lowest) / (highest - lowest).
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
ABOVE, BELOW = 0.1, 0.01
"""Fewer of the numbers than these shares are slips and say nothing of the scale."""
ENOUGH = 20
"""So many ratings without a single 5 can be on a scale that has none."""


def ends(scale: str) -> tuple[float, float]:
    """The lowest and the highest rating of a scale such as "0-10"; WorkbenchError where it is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", scale.strip())
    if not found or float(found[1]) >= float(found[2]):
        raise WorkbenchError(f"{scale[:20]!r} is no scale of ratings.", f"Give its lowest and highest, for example {', '.join(SCALES)}.")
    return float(found[1]), float(found[2])


def scales(cursor: Connection, source: Source, importer: Importer, decimal: Decimal) -> tuple[tuple[str, ...], str]:
    """(what the scale of the ratings in `raw` can be, the likely one first; the ratings' column)."""
    expression = importer.fills[importer.table].columns.get("rating", "")
    x = bind(expression, source.columns) if importer.name == "generic" and expression.startswith("{") else None
    if not x:
        return (STARS,), ""
    row = cursor.execute(
        "SELECT count(n), count(*) FILTER (n > 5), count(*) FILTER (n > 10), count(*) FILTER (n > 100), count(*) FILTER (n = 0), "
        f"count(*) FILTER (n > 0 AND n < 1), max(n) FROM (SELECT {sql.number(x, decimal)} AS n FROM raw)"
    ).fetchone()
    assert row is not None
    numbers, *high, zeros, parts, highest = row
    many, some = max(LEAST_ROWS, ABOVE * numbers), max(LEAST_ROWS, BELOW * numbers)
    above = next((bound for bound, count in zip((100, 10, 5), reversed(high), strict=True) if count >= many), 0)
    return _told(above, zeros >= some, parts >= some, highest if numbers >= ENOUGH else None, highest or 0.0), expression.strip("{}")


def _told(above: int, zeros: bool, parts: bool, sure: float | None, highest: float) -> tuple[str, ...]:
    """The scales that ratings can be on: many lie above a bound, some are 0 or parts of 1, this is the highest, where many, `sure`."""
    if above == 100:
        return (STARS,)
    if above == 10:
        return ("0-20", "0-100") if highest <= 20 else ("0-100",)
    if above == 5:
        return ("0-10",) if zeros else (("1-7", "1-10", "0-10") if highest <= 7 else ("1-10", "0-10"))
    if zeros or parts:
        return ("0-1", STARS) if highest <= 1 else (("0.5-5", "0-5", STARS) if parts and not zeros else ("0-5", STARS))
    return (f"1-{sure:g}", STARS) if sure in (3, 4) else (STARS,)
