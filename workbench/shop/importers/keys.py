"""The key of a row that has none in its file: a hash of its cells as they are stored, so that a mended reject has its row's own.

User ids are hashed and, in orders, columns that are kept as attributes masked, before the key is made. What else tells rows apart
stays as it stands in the file: two reviews that only the name in them tells apart are two.
"""

from __future__ import annotations

from workbench.shop.importers import personal
from workbench.shop.importers.raw import REASONS
from workbench.shop.store import Connection


def key_of_cells(table: str, mapping: dict[str, str], columns: tuple[str, ...]) -> str:
    """The expression of the key, over the columns in braces; `prepare` defines what it calls."""
    told = table == "events" and ("user_id" in mapping or "order_id" in mapping)  # whose line it is needs no further name
    cells = []
    for name in columns:
        if name in ("row number", *REASONS):
            continue
        kind = personal.kind_of(name)
        if name == mapping.get("user_id"):
            cells.append(f"stored_id({{{name}}})")
        elif told and name not in mapping.values():
            cells.append(f"stored_kind({{{name}}}, '[{kind}]')" if kind else f"stored_text({{{name}}})")
        else:
            cells.append(f"{{{name}}}")
    return f"md5(concat_ws('|', {', '.join(cells)}))"


def prepare(cursor: Connection, *, mask: bool, pseudonyms: bool) -> None:
    """Define how a cell is stored, after `personal.prepare`."""
    x = personal.user_id("x", always=pseudonyms) if mask or pseudonyms else "x"
    cursor.execute(f"CREATE OR REPLACE TEMP MACRO stored_id(x) AS {x}")
    cursor.execute(f"CREATE OR REPLACE TEMP MACRO stored_text(x) AS {'masked(x)' if mask else 'x'}")
    kind = "CASE WHEN trim(x) <> '' THEN kind END" if mask else "x"
    cursor.execute(f"CREATE OR REPLACE TEMP MACRO stored_kind(x, kind) AS {kind}")
