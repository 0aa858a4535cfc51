"""What the shop's tables hold and how fresh they are."""

from __future__ import annotations

import pandas as pd

from workbench.shop.schema import TABLES
from workbench.shop.store import Store

TIMES = {"reviews": "created_at", "events": "happened_at", "users": "joined_at", "tickets": "created_at", "labels": "created_at"}
BY_MONTH = """
SELECT date_trunc('month', moment)::DATE AS month, what, count(*) AS rows
FROM (SELECT created_at AS moment, 'reviews' AS what FROM reviews
      UNION ALL SELECT happened_at, kind FROM events
      UNION ALL SELECT created_at, 'tickets' FROM tickets)
WHERE moment IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def holdings(store: Store) -> pd.DataFrame:
    """One row for each table: its rows and the first and last time they name (NaT where none does)."""
    parts = []
    for table in TABLES:
        time = TIMES.get(table)
        span = f"min({time}), max({time})" if time else "NULL::TIMESTAMP, NULL::TIMESTAMP"
        parts.append(f"SELECT '{table}' AS \"table\", count(*) AS rows, {span} FROM {table}")
    frame = store.frame(" UNION ALL ".join(parts))
    frame.columns = ["table", "rows", "first", "last"]
    return frame


def by_month(store: Store) -> pd.DataFrame:
    """month, what (reviews, tickets or a kind of event), rows."""
    return store.frame(BY_MONTH)
