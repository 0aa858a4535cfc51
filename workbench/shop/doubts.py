"""Values that fit their column and are yet likely a mistake: a time to come, nothing sold, an id that nobody gave.

An import takes them in and says so; the quality of the shop's tables counts the same. Each doubt is a condition on one row.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from workbench.shop.schema import Column, Table
from workbench.shop.store import Connection, quote

TIMES = {"reviews": "created_at", "events": "happened_at", "tickets": "created_at", "users": "joined_at"}
EXPECTED = {  # columns without which a row says little, where a file has them
    "products": ("title",),
    "reviews": ("product_id", "created_at"),
    "events": ("product_id", "user_id"),
    "tickets": ("body", "created_at"),
}
SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Doubt:
    """A doubt about a `column` of a table: `where` is the SQL condition of the rows concerned."""

    name: str
    column: str
    meaning: str
    where: str


def missing(column: Column) -> Doubt:
    """The column is empty."""
    empty = f" OR trim({column.name}) = ''" if column.type == "VARCHAR" else ""
    return Doubt(f"missing_{column.name}", column.name, f"{column.name} is missing", f"{column.name} IS NULL{empty}")


def doubts(table: str) -> list[Doubt]:
    """The doubts about what a table's columns hold."""
    time = TIMES.get(table)
    return [*(_time(time) if time else ()), *OWN.get(table, ())]


def _time(column: str) -> tuple[Doubt, ...]:
    return (
        Doubt("in_the_future", column, f"{column} lies in the future", f"{column} > now()::TIMESTAMP"),
        Doubt("before_1995", column, f"{column} lies before 1995", f"{column} < TIMESTAMP '1995-01-01'"),
    )


_PRICE = Doubt("no_price", "price", "the price is 0 or less", "price <= 0")
OWN = {
    "reviews": (Doubt("impossible_ratings", "rating", "the rating is not between 1 and 5 stars", "rating NOT BETWEEN 1 AND 5"),),
    "events": (_PRICE, Doubt("impossible_quantity", "quantity", "the quantity is 0 or less", "quantity <= 0")),
    "products": (_PRICE,),
}


@dataclass(frozen=True)
class Doubtful:
    """How many rows of a file a doubt concerns, and the first of them as an example."""

    table: str
    check: str
    meaning: str
    rows: int
    line: int
    value: str


def doubtful(cursor: Connection, table: Table, columns: Collection[str], rows: str) -> list[dict[str, Any]]:
    """What is doubtful in `rows`, a query whose rows have a `line` and these columns of a table: as `Doubtful`, in one scan."""
    expected = [missing(c) for c in table.columns if c.name in EXPECTED.get(table.name, ())]
    asked = [doubt for doubt in [*expected, *doubts(table.name)] if doubt.column in columns]
    if not asked:
        return []
    found = cursor.execute(f"SELECT {', '.join(map(_counted, asked))} FROM ({rows})").fetchall()[0]
    made = zip(asked, found[::3], found[1::3], found[2::3], strict=True)
    return [asdict(Doubtful(table.name, d.name, d.meaning, n, line, value or "")) for d, n, line, value in made if n]


def _counted(doubt: Doubt) -> str:
    cell, where = f"left({quote(doubt.column)}::VARCHAR, {SHOWN})", f"FILTER ({doubt.where})"
    return f"count(*) {where}, min(line) {where}, arg_min({cell}, line) {where}"


def in_words(found: dict[str, Any]) -> str:
    """A `Doubtful` as a line: 3 rows of events: happened_at lies in the future (line 5: 2099-01-01 00:00:00)."""
    example = f"line {found['line']}" + (f": {found['value']}" if found["value"].strip() else "")
    return f"{found['rows']:,} row{'' if found['rows'] == 1 else 's'} of {found['table']}: {found['meaning']} ({example})"
