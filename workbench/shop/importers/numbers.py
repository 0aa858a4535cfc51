"""Whether 1,234 is a thousand or little more than one: told by the column's other numbers, asked where they leave it open."""

from __future__ import annotations

from workbench.shop.importers.base import Importer, bind, used
from workbench.shop.importers.reading import Decimal
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES
from workbench.shop.store import Connection

_COMMA = r"\d,(\d{1,2}|\d{4,})\D*$|\.\d{3},\d|,\d{3},\d{1,2}$"
_POINT = r"\d\.(\d{1,2}|\d{4,})\D*$|,\d{3}\.\d"
_OPEN = r"^\D*\d{1,3},\d{3}\D*$"


def decimal(cursor: Connection, source: Source, importer: Importer) -> tuple[Decimal, str | None]:
    """(the decimal sign that `raw` shows, the column where it stays open)."""
    comma = point = 0
    numbers, open_column = [], None
    plan = importer.fills[importer.table]
    for column in TABLES[importer.table].columns:
        expression = plan.columns.get(column.name, "") if column.type == "DOUBLE" else ""
        x = bind(expression, source.columns)
        if not x or not used([expression]):
            continue
        name = ", ".join(sorted(used([expression])))
        row = cursor.execute(
            f"SELECT count(*) FILTER (regexp_matches(n, ?)), count(*) FILTER (regexp_matches(n, ?)), "
            f"count(*) FILTER (regexp_matches(n, ?)) "
            f"FROM (SELECT trim(CAST({x} AS VARCHAR)) AS n FROM raw) WHERE contains(n, ',') OR contains(n, '.')",
            [_COMMA, _POINT, _OPEN],
        ).fetchone()
        assert row is not None
        numbers.append(name)
        comma, point = comma + row[0], point + row[1]
        if row[2] and not row[0] and not row[1]:
            open_column = name
    if comma and point:
        return "point", numbers[0]
    if comma or point:
        return ("comma" if comma else "point"), None
    return "point", open_column
