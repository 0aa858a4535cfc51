"""The shop's tables: what a shop can know, as typed columns with one key each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A canonical column: its name, DuckDB type, whether it must be filled, and what it means."""

    name: str
    type: str
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the shop: the first column is its key; unmapped columns go to `attributes` as JSON."""

    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> str:
        return self.columns[0].name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)


EVENT_KINDS = ("view", "cart", "purchase", "return")

_ATTRIBUTES = Column("attributes", "JSON", "whatever else the file said")

PRODUCTS = Table(
    "products",
    (
        Column("product_id", "VARCHAR", "the shop's id of the product", required=True),
        Column("title", "VARCHAR", "name shown to customers"),
        Column("description", "VARCHAR", "longer text"),
        Column("brand", "VARCHAR", "maker"),
        Column("category", "VARCHAR", "path from general to special, joined by ' > '"),
        Column("price", "DOUBLE", "price in the shop's currency"),
        _ATTRIBUTES,
    ),
)
REVIEWS = Table(
    "reviews",
    (
        Column("review_id", "VARCHAR", "id, or a hash of who, what, when and the text", required=True),
        Column("product_id", "VARCHAR", "the product reviewed"),
        Column("user_id", "VARCHAR", "who wrote it"),
        Column("rating", "DOUBLE", "stars from 1 to 5"),
        Column("title", "VARCHAR", "headline"),
        Column("body", "VARCHAR", "text; may be empty where there is a rating", required=True),
        Column("created_at", "TIMESTAMP", "when it was written"),
        Column("language", "VARCHAR", "ISO 639-1 code, guessed where the file says nothing"),
        Column("helpful", "INTEGER", "votes that found it helpful"),
        Column("verified", "BOOLEAN", "whether the purchase was verified"),
        _ATTRIBUTES,
    ),
)
EVENTS = Table(
    "events",
    (
        Column("event_id", "VARCHAR", "id, or a hash of the line", required=True),
        Column("user_id", "VARCHAR", "who did it"),
        Column("product_id", "VARCHAR", "with what product"),
        Column("kind", "VARCHAR", "view, cart, purchase or return", required=True),
        Column("happened_at", "TIMESTAMP", "when", required=True),
        Column("quantity", "DOUBLE", "pieces"),
        Column("price", "DOUBLE", "price of one piece in the shop's currency"),
        Column("order_id", "VARCHAR", "the order it belongs to"),
        _ATTRIBUTES,
    ),
)
USERS = Table(
    "users",
    (
        Column("user_id", "VARCHAR", "the shop's id of the customer", required=True),
        Column("country", "VARCHAR", "country"),
        Column("joined_at", "TIMESTAMP", "when the account was made"),
        _ATTRIBUTES,
    ),
)
TICKETS = Table(
    "tickets",
    (
        Column("ticket_id", "VARCHAR", "id, or a hash of the text and time", required=True),
        Column("user_id", "VARCHAR", "who asked"),
        Column("product_id", "VARCHAR", "about what product"),
        Column("body", "VARCHAR", "what they wrote", required=True),
        Column("intent", "VARCHAR", "what they want, where known"),
        Column("created_at", "TIMESTAMP", "when"),
        _ATTRIBUTES,
    ),
)
LABELS = Table(
    "labels",
    (
        Column("label_id", "VARCHAR", "hash of task, text and upload", required=True),
        Column("task", "VARCHAR", "the task it teaches", required=True),
        Column("text", "VARCHAR", "the text that was labelled", required=True),
        Column("label", "VARCHAR", "the label", required=True),
        Column("upload", "VARCHAR", "the SHA-256 of the uploaded file"),
        Column("created_at", "TIMESTAMP", "when it was uploaded"),
        _ATTRIBUTES,
    ),
)

TABLES = {t.name: t for t in (PRODUCTS, REVIEWS, EVENTS, USERS, TICKETS, LABELS)}

HISTORIES = """
CREATE VIEW IF NOT EXISTS histories AS
SELECT user_id, product_id, kind, happened_at, NULL::DOUBLE AS rating, NULL::VARCHAR AS review_id,
       quantity, price, event_id AS row_key
FROM events WHERE user_id IS NOT NULL AND product_id IS NOT NULL
UNION ALL
SELECT user_id, product_id, 'review', created_at, rating, review_id, NULL, NULL, review_id
FROM reviews WHERE user_id IS NOT NULL AND product_id IS NOT NULL AND created_at IS NOT NULL
"""


def happened(column: str) -> str:
    """SQL: the time in `column` is no more than a day ahead. A later one is a mistake of the file, which the data quality
    names; one such row must not move what counts as today."""
    return f"{column} <= now()::TIMESTAMP + INTERVAL 1 DAY"


def create_sql() -> list[str]:
    """The statements that make an empty shop."""
    made = []
    for table in TABLES.values():
        columns = ", ".join(f"{c.name} {c.type}{' NOT NULL' if c.required else ''}" for c in table.columns)
        made.append(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})")
    made.append("CREATE TABLE IF NOT EXISTS workbench_meta (key VARCHAR, value VARCHAR)")
    made.append(HISTORIES)
    return made
