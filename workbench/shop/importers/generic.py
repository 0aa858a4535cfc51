"""Any table: which table of the shop it is and which column is what, proposed by name and content."""

from __future__ import annotations

import re
from collections.abc import Callable

from workbench.errors import WorkbenchError
from workbench.shop.importers.base import Fill, Importer, text
from workbench.shop.importers.keys import key_of_cells
from workbench.shop.importers.source import Source
from workbench.shop.importers.synonyms import SPEAKING, SYNONYMS, WEAK
from workbench.shop.schema import TABLES

TELLING = {
    "reviews": ({"body"}, {"rating", "product_id", "review_id"}),
    "tickets": ({"body"}, {"ticket_id", "intent"}),
    "events": ({"product_id", "happened_at"}, {"kind", "order_id", "quantity", "event_id"}),
    "products": ({"product_id"}, {"title", "price", "description", "category", "brand"}),
    "users": ({"user_id"}, {"country", "joined_at"}),
}
FOREIGN = {"products": {"user_id", "body", "happened_at"}, "users": {"product_id", "body"}}
KEYED = {"reviews", "events", "tickets"}
LINES = {"events", "tickets"}  # a number that several of their lines share, under a name that is not the key's own, is no key
LOOKED_AT, REPEATED = 1000, 0.2  # rows, and the share of them whose id is another's too that tells a table of something else


def propose(columns: tuple[str, ...], table: str, *, weak: bool = True) -> dict[str, str]:
    """Canonical column to file column for a table, by name; each file column once."""
    plain = {re.sub(r"[\s\-.]+", "_", name.strip().lower()): name for name in columns}
    taken: set[str] = set()
    made = {}
    for canonical in TABLES[table].names[:-1]:
        for word in (canonical, *SYNONYMS.get(canonical, ()), *(WEAK.get(canonical, ()) if weak else ())):
            if word in plain and plain[word] not in taken:
                made[canonical] = plain[word]
                taken.add(plain[word])
                break
    return made


def recognise(source: Source, as_table: str | None, mapping: dict[str, str] | None) -> tuple[str, dict[str, str]]:
    """(table, mapping) for a file; WorkbenchError when it is not certain and nobody said."""
    if as_table and as_table not in TELLING:
        problem = f"There is no table {as_table!r} to import into; there are {', '.join(TELLING)}."
        raise WorkbenchError(problem, "Name one with --as.", page="Choose one under “Read it as”.")
    table = as_table or _table(source, mapping or {})
    made = propose(source.columns, table)
    if table in LINES and made.get(key := TABLES[table].key) not in (None, key) and _repeats(source, made[key]):
        del made[key]
    for canonical, column in (mapping or {}).items():
        if not column:
            made.pop(canonical, None)
            continue
        _check(source, table, canonical, column)
        made = {c: f for c, f in made.items() if f != column} | {canonical: column}
    _ask_for_repeated(source, made, set(dict(mapping or {}).values()))
    missing = sorted(TELLING[table][0] - set(made))
    if missing:
        had, likely = ", ".join(source.columns[:30]), by_content(source.preview(200), table, made)
        raise WorkbenchError(
            f"{source.shown}: no column was found for {', '.join(missing)} of the table {table}; the file has {had}.",
            f"Say which it is with --map {missing[0]}={likely.get(missing[0], 'COLUMN')}",
            page="Choose it under “Columns”.",
        )
    return table, made


def by_content(rows: list[dict[str, str | None]], table: str, made: dict[str, str]) -> dict[str, str]:
    """What the cells of columns that nothing else takes look like: never taken, only proposed."""
    free = [name for name in (rows[0] if rows else {}) if name not in made.values()]
    cells = {name: [cell for row in rows if (cell := (row.get(name) or "").strip())] for name in free}
    tests = [(canonical, test) for canonical, test in _LOOKS.items() if canonical in TABLES[table].names and canonical not in made]
    found: dict[str, str] = {}
    for canonical, test in tests:
        fitting = {name: share for name in free if cells[name] and (share := test(cells[name])) > 0.9 and name not in found.values()}
        if fitting:
            found[canonical] = max(fitting, key=lambda name: fitting[name])
    return found


def _share(pattern: str) -> Callable[[list[str]], float]:
    return lambda cells: sum(bool(re.fullmatch(pattern, cell)) for cell in cells) / len(cells)


def _wordy(cells: list[str]) -> float:
    """Above 0.9 for texts: the more letters, the more."""
    mean = sum(map(len, cells)) / len(cells)
    return mean if mean > 15 else 0.0


_LOOKS: dict[str, Callable[[list[str]], float]] = {
    "body": _wordy,
    "created_at": _share(r"\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|\d{4}年.*"),
    "happened_at": _share(r"\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|\d{4}年.*"),
    "rating": _share(r"[1-5](\.0|\.5)?"),
    "price": _share(r"[$€£¥]?\d+[.,]\d{2}"),
}


def _ask_for_repeated(source: Source, made: dict[str, str], said: set[str]) -> None:
    """WorkbenchError where a header that stands several times was taken and nobody said which of them is meant."""
    for canonical, column in made.items():
        others = [name for name in source.columns if re.fullmatch(re.escape(column) + r" \(\d+\)", name)]
        if others and column not in said:
            named = ", ".join(map(repr, (column, *others)))
            raise WorkbenchError(
                f"{source.shown} has the header {column!r} more than once; in their order they are called {named}.",
                f"Say which one is meant, for example with --map {canonical}={others[0]!r}",
                page=f"Choose the one that is meant under “Columns”, at {canonical}.",
            )


def _check(source: Source, table: str, canonical: str, column: str) -> None:
    if column not in source.columns:
        raise WorkbenchError(
            f"{source.shown} has no column {column!r}; it has {', '.join(source.columns[:30])}.",
            "Correct it in --map.",
            page="Correct it under “Columns”.",
        )
    if canonical not in TABLES[table].names:
        raise WorkbenchError(
            f"The table {table} has no column {canonical!r}; it has {', '.join(TABLES[table].names)}.",
            "Correct it in --map.",
            page="Correct it under “Columns”.",
        )


def _table(source: Source, mapping: dict[str, str]) -> str:
    stem = source.shown.lower().split(".")[0]
    fitting = []
    for table, (needs, some) in TELLING.items():
        proposed = propose(source.columns, table, weak=False)
        found = set(proposed) | {c for c in mapping if c in TABLES[table].names}
        key = TABLES[table].key
        speaking = table in SPEAKING and bool(SPEAKING[table].search(proposed.get("body", "").lower()))
        other = _columns_speak_for_another(source, FOREIGN.get(table, set())) or (
            table not in KEYED and _repeats(source, proposed.get(key))
        )
        if needs <= found and (found & some or speaking) and not other:
            fitting.append((stem == table, key in source.columns, speaking, len(found), table))
    fitting.sort(reverse=True)
    if not fitting or (len(fitting) > 1 and fitting[0][:-1] == fitting[1][:-1]):
        named = ", ".join(t for *_, t in fitting) or "none"
        if _is_a_row(source.columns):
            raise WorkbenchError(
                f"The first line of {source.shown} looks like a row, not like names of columns: {', '.join(source.columns[:30])}.",
                "Write a line with the columns' names above it.",
            )
        raise WorkbenchError(
            f"It is not certain what {source.shown} holds (columns: {', '.join(source.columns[:30])}; fitting tables: {named}).",
            f"Say it with --as {'|'.join(TELLING)} and, where needed, --map canonical=COLUMN.",
            page="Say it under “Read it as” and, where needed, under “Columns”.",
        )
    return fitting[0][-1]


def _is_a_row(columns: tuple[str, ...]) -> bool:
    """Whether half of a header's names are figures or dates, which name no column."""
    return sum(bool(re.fullmatch(r"[\d.,:/\-年月日 ]*\d[\d.,:/\-年月日 ]*", name)) for name in columns) * 2 >= len(columns)


def _repeats(source: Source, column: str | None) -> bool:
    """Whether the ids of a column stand in many rows: then a row is about something else."""
    ids = [row.get(column) for row in source.preview(LOOKED_AT)] if column else []
    return len(set(ids)) < (1 - REPEATED) * len(ids)


def _columns_speak_for_another(source: Source, canonical: set[str]) -> bool:
    plain = {name.strip().lower() for name in source.columns}
    return any(name in plain for name in canonical)


def importer(table: str, mapping: dict[str, str], columns: tuple[str, ...]) -> Importer:
    """The importer that this mapping stands for; missing ids are hashes of the row."""
    fills = {canonical: f"{{{column}}}" for canonical, column in mapping.items()}
    key = TABLES[table].key
    if key not in fills and table in KEYED:
        fills[key] = key_of_cells(table, mapping, columns)
    if table == "events" and "kind" not in fills:
        fills["kind"] = "'purchase'"
    made = {table: Fill(fills)}
    for column, other in (("product_id", "products"), ("user_id", "users")):
        if column in mapping and table != other:
            made[other] = Fill({column: text(mapping[column])}, group=text(mapping[column]), attributes=False)
    return Importer("generic", "Table with mapped columns", (), made)
