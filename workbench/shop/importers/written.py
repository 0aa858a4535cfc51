"""How a file's dates, numbers and ratings are written: as a person said, else as the file tells; what it leaves open is asked."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.shop.importers import sql
from workbench.shop.importers.base import Importer, bind
from workbench.shop.importers.dates import date_order
from workbench.shop.importers.numbers import decimal
from workbench.shop.importers.reading import DateOrder, Decimal, Question, Reading
from workbench.shop.importers.scale import ends, scales
from workbench.shop.importers.source import Source
from workbench.shop.store import Connection

EXAMPLES = 3  # of ratings that became stars


@dataclass(frozen=True)
class Written:
    """How numbers, dates and ratings of a file are written, and whether what is personal is masked and user ids are hashed."""

    dates: DateOrder | None = None
    decimal: Decimal = "point"
    scale: tuple[float, float] = (1.0, 5.0)
    mask: bool = True
    pseudonyms: bool = False


def written(connection: Connection, source: Source, importer: Importer, reading: Reading) -> tuple[Written, tuple[Question, ...]]:
    """How `raw` is written, and a question for each thing that it leaves open and nobody said."""
    order, open_dates = (reading.dates, None) if reading.dates else date_order(connection, source, importer)
    sign, open_numbers = (reading.decimal, None) if reading.decimal else decimal(connection, source, importer)
    likely, rated = ((reading.scale,), "") if reading.scale else scales(connection, source, importer, sign or "point")
    questions = []
    if open_dates:
        first = " or ".join(f"the {part}" for part in open_dates.orders)
        text = f"The dates in column {open_dates.column!r} of {source.shown} can be read with {first} first."
        questions.append(Question("dates", text, tuple(f"{part}first" for part in open_dates.orders)))
    if open_numbers:
        text = f"In the numbers of column {open_numbers!r} of {source.shown} a comma can stand for the decimal point or for thousands."
        questions.append(Question("decimal", text, ("point", "comma")))
    if len(likely) > 1:
        text = f"The ratings in column {rated!r} of {source.shown} can be on more than one scale; they become stars from 1 to 5."
        questions.append(Question("scale", text, likely))
    return Written(order, sign or "point", ends(likely[0]), reading.personal != "keep", reading.pseudonyms), tuple(questions)


def moved(connection: Connection, source: Source, importer: Importer, how: Written) -> list[str]:
    """That ratings of `raw` on another scale became stars, in words, with the most frequent ones as examples."""
    plan = importer.fills[importer.table]
    x = bind(plan.columns.get("rating", ""), source.columns) if not plan.group else None
    if not x:
        return []
    low, high = how.scale
    other = (low, high) != (1.0, 5.0)
    known = f"coalesce({sql.number(x, how.decimal)}, stars_of({x}))"
    rows = connection.execute(
        f"SELECT trim({x}) AS x, {sql.stars(x, how.decimal, how.scale)} AS stars FROM raw WHERE {other} OR {known} IS NULL "
        f"GROUP BY ALL HAVING stars IS NOT NULL ORDER BY count(*) DESC, x LIMIT {EXAMPLES}"
    ).fetchall()
    examples = ", ".join(f"{rating} became {stars:g}" for rating, stars in rows)
    return [f"ratings{f' from {low:g} to {high:g}' if other else ''} became stars from 1 to 5: {examples}"] if rows else []
