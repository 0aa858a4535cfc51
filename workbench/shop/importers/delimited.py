"""DuckDB's reader of text tables, as every part of an import calls it."""

from __future__ import annotations

from pathlib import Path

from workbench.files import FIELD_BYTES
from workbench.shop.store import DatabaseError, connect

LINE_BYTES = FIELD_BYTES
MOST_ROWS = 5_000_000


def read_csv(columns: int, delimiter: str, escape: str, path: Path) -> str:
    """DuckDB's reader of a text table whose path is bound; every column a text, rows that do not fit kept aside."""
    names = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(columns))
    return (
        f"read_csv(?, columns={{{names}}}, delim='{delimiter}', quote='\"', escape='{escape}', header=true, auto_detect=false, "
        f"store_rejects=true, max_line_size={LINE_BYTES}, new_line='{new_line(path)}')"
    )


def rejected_rows(path: Path, columns: int, delimiter: str, escape: str) -> int:
    """How many rows do not fit with this way of writing quotes in quotes."""
    connection = connect(None, files=(path,))
    try:
        connection.execute(f"SELECT count(c0) FROM {read_csv(columns, delimiter, escape, path)}", [str(path)]).fetchall()
        row = connection.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
    except DatabaseError:
        return MOST_ROWS
    finally:
        connection.close()
    return int(row[0]) if row else 0


def new_line(path: Path) -> str:
    """How the first lines of the file end, as DuckDB is told."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return "\\r\\n" if b"\r\n" in head else "\\n"
