"""A sum over the text of each row, so that a version can tell which rows say something else than what it read.

A sum is over a row's own columns as the shop has them. It is the same in every release and on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.shop.store import Store

TextSums = Mapping[str, Mapping[str, int]]
"""Sums by table and key."""

OWN_TEXT = {
    "products": ("product_id", ("title", "brand", "description")),
    "reviews": ("review_id", ("title", "body")),
    "tickets": ("ticket_id", ("body",)),
}


def sum_of(table: str) -> str:
    """SQL: the sum over the text of a row of `table`, UBIGINT."""
    columns = ", ".join(f"coalesce({column}, '')" for column in OWN_TEXT[table][1])
    return f"md5_number_lower(concat_ws(chr(31), {columns}))"


def text_sums(store: Store) -> TextSums:
    """The sums of all rows that have texts."""
    return {table: dict(store.rows(f"SELECT {key}, {sum_of(table)} FROM {table}")) for table, (key, _) in OWN_TEXT.items()}
