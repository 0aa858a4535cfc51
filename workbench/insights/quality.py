"""What is odd about the shop's data, table by table, and the rows behind each figure.

Each check is a query over one table that gives the rows concerned; its count, its share of the table and the rows
themselves are that one query, so that a figure and its rows never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.shop.doubts import TIMES, Doubt, doubts, missing
from workbench.shop.schema import TABLES
from workbench.shop.store import Store

ROWS_SHOWN = 1_000
HOLE_DAYS, HOLE_FACTOR = 7, 10.0
LETTERS = 20  # shorter reviews ("Great!") are alike without being copies
WORDS, SHARED = 8, 0.8  # different words from which on texts are compared word by word, and the share that makes them alike
BANDS, EACH = 8, 4  # bands and the hashes of each: texts that share 80 % of their words meet in a band in 98.5 % of the cases
COMPARED = 200_000  # texts up to which this is done; of more only equal ones are found


@dataclass(frozen=True)
class Check:
    """A question to one table: `sql` gives the rows concerned with all their columns."""

    name: str
    table: str
    meaning: str
    sql: str


def checks(table: str) -> list[Check]:
    """Every check of a table, in the order in which they are shown."""
    its = TABLES[table]
    rows = [*(missing(c) for c in its.columns if c.name not in (its.key, "attributes")), *doubts(table)]
    return [*(_check(table, doubt) for doubt in rows), *(check for check in OWN if check.table == table)]


def _check(table: str, doubt: Doubt) -> Check:
    return Check(doubt.name, table, doubt.meaning, f"SELECT * FROM {table} WHERE {doubt.where}")


def _orphans(table: str, key: str, other: str, meaning: str) -> Check:
    sql = f"SELECT t.* FROM {table} t LEFT JOIN {other} o USING ({key}) WHERE t.{key} IS NOT NULL AND {KNOWN[other]}"
    return Check(f"unknown_{other}", table, meaning, sql)


KNOWN = {  # what makes a product or a user more than an id that something mentions
    "products": "o.title IS NULL AND o.description IS NULL AND o.price IS NULL AND o.category IS NULL AND o.brand IS NULL",
    "users": "o.user_id IS NULL",
}
_ALIKE = """
WITH texts AS (
  SELECT {key} AS id, body, list_distinct(list_filter(string_split_regex(lower(body), '[^\\p{L}\\p{N}]+'), lambda x: x <> '')) AS words
  FROM {table} WHERE length(body) >= {letters}),
same AS (
  SELECT id FROM (SELECT id, count(*) OVER (PARTITION BY md5(regexp_replace(lower(body), '[^\\p{L}\\p{N}]+', '', 'g'))) AS n FROM texts)
  WHERE n > 1),
long AS (SELECT id, words FROM texts WHERE len(words) >= {words} QUALIFY count(*) OVER () <= {most}),
minima AS (SELECT id, {minima} FROM (SELECT id, unnest(words) AS word FROM long) GROUP BY id),
bands AS (SELECT id, unnest([{bands}]) AS band FROM minima),
pairs AS (SELECT DISTINCT id, head FROM (SELECT id, min(id) OVER (PARTITION BY band) AS head FROM bands) WHERE id <> head),
near AS (
  SELECT pairs.id, head FROM pairs JOIN long a ON a.id = pairs.id JOIN long b ON b.id = head
  WHERE len(list_intersect(a.words, b.words)) >= {share} * len(list_distinct(list_concat(a.words, b.words))))
SELECT * FROM {table} WHERE {key} IN (SELECT id FROM same UNION SELECT id FROM near UNION SELECT head FROM near) ORDER BY lower(body)
"""


def _alike(table: str, what: str) -> Check:
    """Texts that agree in letters and figures, or in most of their words: candidates by MinHash in bands (Broder 1997), then compared."""
    filled = _ALIKE
    minima = ", ".join(f"min(hash(word, {i})) AS m{i}" for i in range(EACH * BANDS))
    bands = ", ".join(f"hash({k}, {', '.join(f'm{EACH * k + i}' for i in range(EACH))})" for k in range(BANDS))
    values: dict[str, object] = {"minima": minima, "bands": bands}
    values |= {"table": table, "key": TABLES[table].key, "letters": LETTERS, "words": WORDS, "most": COMPARED, "share": SHARED}
    for name, value in values.items():
        filled = filled.replace(f"{{{name}}}", str(value))
    meaning = f"another {what} says the same, or shares {SHARED:.0%} of its words ({LETTERS} letters or more)"
    return Check("near_duplicates", table, meaning, filled)


OWN = (
    _alike("reviews", "review"),
    _alike("tickets", "ticket"),
    _orphans("reviews", "product_id", "products", "the product is known by its id alone"),
    _orphans("events", "product_id", "products", "the product is known by its id alone"),
    _orphans("reviews", "user_id", "users", "the user has no row"),
    _orphans("events", "user_id", "users", "the user has no row"),
    Check(
        "reviewed_before_bought",
        "reviews",
        "the review is older than the user's first purchase of the product",
        "SELECT r.* FROM reviews r JOIN (SELECT user_id, product_id, min(happened_at) AS first FROM events WHERE kind = 'purchase' "
        "GROUP BY ALL) e USING (user_id, product_id) WHERE r.created_at < e.first - INTERVAL 1 DAY",
    ),
    Check(
        "same_title",
        "products",
        "another product has the same title",
        "SELECT * FROM products WHERE title IN (SELECT title FROM products WHERE title IS NOT NULL GROUP BY 1 HAVING count(*) > 1) "
        "ORDER BY title",
    ),
)


def report(store: Store, table: str) -> pd.DataFrame:
    """What was found: check, meaning, rows and share of the table; the most frequent first, nothing that was not found."""
    total = store.counts()[table]
    rows = [(c.name, c.meaning, int(store.value(f"SELECT count(*) FROM ({c.sql})") or 0)) for c in checks(table)] if total else []
    frame = pd.DataFrame(rows, columns=["check", "meaning", "rows"])
    frame["share"] = frame["rows"] / max(total, 1)
    return frame[frame["rows"] > 0].sort_values("rows", ascending=False, kind="stable").reset_index(drop=True)


def behind(store: Store, table: str, check: str) -> pd.DataFrame:
    """The rows behind a figure, a thousand at most; WorkbenchError where there is no such check."""
    known = {c.name: c for c in checks(table)}
    if check not in known:
        raise WorkbenchError(f"The table {table} has no check {check!r}; it has {', '.join(known)}.", "Name one of these.")
    return store.frame(f"SELECT * FROM ({known[check].sql}) LIMIT {ROWS_SHOWN}")


def columns(store: Store, table: str) -> pd.DataFrame:
    """Each column: filled, distinct (estimated, but for the key, whose values all differ), least and greatest value."""
    made = []
    for column in TABLES[table].columns:
        if column.name == "attributes":
            continue
        x = column.name
        ((filled, distinct, least, most),) = store.rows(
            f"SELECT count({x}), approx_count_distinct({x}), left(min({x})::VARCHAR, 60), left(max({x})::VARCHAR, 60) FROM {table}"
        )
        known = filled if x == TABLES[table].key else min(filled, distinct)
        made.append((x, int(filled), int(known), least, most))
    return pd.DataFrame(made, columns=["column", "filled", "distinct", "least", "greatest"])


def languages(store: Store) -> pd.DataFrame:
    """Reviews by language: language, rows, share."""
    return store.frame(
        "SELECT coalesce(language, 'unknown') AS language, count(*) AS rows, count(*) / sum(count(*)) OVER () AS share "
        "FROM reviews GROUP BY 1 ORDER BY rows DESC"
    )


def holes(store: Store, table: str) -> pd.DataFrame:
    """Stretches of days without a row: last day before, first day after, days; the longest ten.

    A stretch counts when it lasts more than a week and ten times the mean of the twenty gaps around it, so that a shop
    that was small once is not told so again and again.
    """
    time = TIMES[table]
    return store.frame(
        f"WITH days AS (SELECT DISTINCT {time}::DATE AS day FROM {table} WHERE {time} IS NOT NULL), "
        "gaps AS (SELECT lag(day) OVER (ORDER BY day) AS before, day, day - lag(day) OVER (ORDER BY day) AS gap FROM days), "
        "judged AS (SELECT *, avg(gap) OVER (ORDER BY day ROWS BETWEEN 10 PRECEDING AND 10 FOLLOWING EXCLUDE CURRENT ROW) AS usual "
        "FROM gaps WHERE gap IS NOT NULL) "
        "SELECT before::VARCHAR AS last_before, day::VARCHAR AS first_after, gap - 1 AS days FROM judged "
        "WHERE gap > greatest(?, ? * usual) ORDER BY days DESC LIMIT 10",
        [HOLE_DAYS, HOLE_FACTOR],
    )
