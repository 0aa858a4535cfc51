"""What would change for the shop if another model version were promoted: predictions compared row by row."""

from __future__ import annotations

import pandas as pd

from workbench.shop.space import Space

_CHANGED = """
SELECT count(*), count(*) FILTER (before.label <> after.label)
FROM {before} before JOIN {after} after USING (key)
"""
_SHARES = """
SELECT label, avg((b = label)::INT)::DOUBLE AS before, avg((a = label)::INT)::DOUBLE AS after, count(*) AS n
FROM (SELECT before.label AS b, after.label AS a FROM {before} before JOIN {after} after USING (key)),
     (SELECT DISTINCT label FROM (SELECT label FROM {before} UNION SELECT label FROM {after}))
GROUP BY label ORDER BY label
"""
PREFIX = "predictions_"


def shared_tasks(before: Space, after: Space) -> list[str]:
    """The tasks that both versions predict."""
    return sorted(name.removeprefix(PREFIX) for name in before.tables() & after.tables() if name.startswith(PREFIX))


def changes(before: Space, after: Space) -> pd.DataFrame:
    """One row for each task of both versions: task, rows they both predict, how many get another label, and the share."""
    made = []
    for task in shared_tasks(before, after):
        ((rows, changed),) = before.store.rows(_CHANGED.format(**_tables(before, after, task)))
        made.append((task, int(rows), int(changed), changed / rows if rows else 0.0))
    return pd.DataFrame(made, columns=["task", "rows", "changed", "share"])


def shares(before: Space, after: Space, task: str) -> pd.DataFrame:
    """The share of each label before and after, over the n rows that both versions predict."""
    return before.store.frame(_SHARES.format(**_tables(before, after, task)))


def _tables(before: Space, after: Space, task: str) -> dict[str, str]:
    name = PREFIX + task
    return {"before": before.table(name), "after": after.table(name)}
