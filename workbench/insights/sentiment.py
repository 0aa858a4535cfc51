"""How the mood of the reviews moves: shares over time with n and interval, and the reviews behind them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

import pandas as pd

from workbench.insights.own_labels import probability_sql, taught_sql
from workbench.insights.selection import Selection
from workbench.shop.schema import happened
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.sentiment import LABELS

Every = Literal["day", "week", "month", "quarter", "year"]
PERIODS: tuple[Every, ...] = get_args(Every)
Z = 1.959964
TASK = "sentiment"
CUSTOMER = "coalesce('user ' || user_id, 'review ' || review_id)"
"""SQL for who wrote a review: where nobody is named, somebody of their own."""


def labelled(space: Space | None) -> str:
    """SQL of every review with its product and its label: the model's where there is one, else what the stars say; and the labels
    that tasks of the user's own give it (`taught`)."""
    label, join = label_sql(space)
    sure = "s.probability" if join else "NULL::FLOAT"
    own = taught_sql(space)
    taught = "t.taught" if own else "NULL::VARCHAR[]"
    join += f" LEFT JOIN ({own}) t ON t.review_id = r.review_id" if own else ""
    return f"""
        SELECT r.review_id, r.product_id, r.user_id, r.rating, r.title, r.body, r.created_at, r.language,
               p.title AS product, p.brand, p.category, {label} AS label, {sure} AS probability, {taught} AS taught
        FROM reviews r LEFT JOIN products p USING (product_id) {join}"""


def label_sql(space: Space | None) -> tuple[str, str]:
    """SQL for the sentiment of a review `r`, NULL where unknown: an expression and the join that it needs."""
    stars = "CASE WHEN r.rating <= 2 THEN 'negative' WHEN r.rating < 4 THEN 'neutral' WHEN r.rating IS NOT NULL THEN 'positive' END"
    if space is None or not space.has_task(TASK):
        return stars, ""
    return f"coalesce(s.label, {stars})", f"LEFT JOIN {space.table('predictions_sentiment')} s ON s.key = r.review_id"


def source(space: Space | None) -> str:
    """In words, where the labels come from."""
    if space is not None and space.has_task(TASK):
        return f"read from the text by model version {space.version.id} (where it has not read a review: from the stars)"
    return "taken from the stars (1-2 negative, 3 neutral, 4-5 positive), because no active model knows sentiment"


def trend(store: Store, space: Space | None, selection: Selection, every: Every = "week") -> pd.DataFrame:
    """One row for each period up to today: period, n, and for each label its count, share and Wilson interval (`<label>_low`, `_high`)."""
    where, values = selection.where()
    counts = ", ".join(f"count(*) FILTER (label = '{label}') AS {label}_n" for label in LABELS)
    frame = store.frame(
        f"SELECT date_trunc('{every}', created_at)::DATE AS period, count(label) AS n, {counts} FROM ({labelled(space)}) "
        f"WHERE {where} AND {happened('created_at')} AND label IS NOT NULL GROUP BY 1 ORDER BY 1",
        values,
    )
    return with_shares(frame)


def legible_trend(store: Store, space: Space | None, selection: Selection, every: Every, few: int) -> tuple[Every, pd.DataFrame] | None:
    """The trend by the shortest period from `every` on where most periods have more than `few` reviews; None where two of none have."""
    for period in PERIODS[PERIODS.index(every) :]:
        found = trend(store, space, selection, period)
        enough = int((found["n"] > few).sum())
        if enough > 1 and 2 * enough >= len(found):
            return period, found
    return None


def with_shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Add share, low and high of every label to a frame with `n` and `<label>_n`."""
    n = frame["n"].astype(float)
    for label in LABELS:
        share = frame[f"{label}_n"] / n
        centre, half = wilson(share, n)
        frame[label], frame[f"{label}_low"], frame[f"{label}_high"] = share, (centre - half).clip(lower=0), (centre + half).clip(upper=1)
    return frame


def between(low: float, high: float) -> str:
    """An interval of shares in percent, with as many digits as tell both ends apart, where two do."""
    digits = next((d for d in range(3) if f"{low:.{d}%}" != f"{high:.{d}%}"), 0)
    return f"{low:.{digits}%} to {high:.{digits}%}"


def points(change: float, share: float) -> str:
    """How a share moved, in points, with as many digits as the share itself is told with."""
    told = f"{100 * change:+.{0 if share >= 0.1 else 1}f}"
    return f"{told if float(told) else '±' + told[1:]} points"


def wilson(share: pd.Series, n: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Centre and half width of the 95 % score interval of a share (Wilson 1927)."""
    root = (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5
    return (share + Z**2 / (2 * n)) / (1 + Z**2 / n), Z * root / (1 + Z**2 / n)


def reviews(store: Store, space: Space | None, selection: Selection, limit: int | None = None) -> pd.DataFrame:
    """The reviews behind a number, newest first, at most `limit`: id, date, product, stars, sentiment, probability, text.

    Where a label of one's own is selected, also how sure that is (`label_probability`).
    """
    where, values = selection.where()
    sure = probability_sql(space, selection.taught)
    told, join = (", label_probability", f"LEFT JOIN ({sure}) USING (review_id)") if sure else ("", "")
    return store.frame(
        f"SELECT review_id, created_at AS date, coalesce(product, product_id) AS product, rating AS stars, label AS sentiment, "
        f"probability{told}, concat_ws('. ', nullif(title, ''), nullif(body, '')) AS text FROM ({labelled(space)}) {join} "
        f"WHERE {where} ORDER BY created_at DESC NULLS LAST, review_id" + ("" if limit is None else f" LIMIT {int(limit)}"),
        values,
    )


def own_labels_trend(store: Store, space: Space | None, selection: Selection, every: Every, labels: Collection[str]) -> pd.DataFrame:
    """One row for each period and label of one's own: period, label, reviews that have it, n (reviews that were read), share."""
    where, values = selection.where()
    return store.frame(
        f"WITH chosen AS (SELECT date_trunc('{every}', created_at)::DATE AS period, taught FROM ({labelled(space)}) "
        f"WHERE {where} AND {happened('created_at')} AND taught IS NOT NULL), "
        "totals AS (SELECT period, count(*) AS n FROM chosen GROUP BY 1), "
        "each AS (SELECT period, unnest(taught) AS label FROM chosen) "
        "SELECT totals.period, asked.label, count(each.label) AS reviews, any_value(n) AS n, count(each.label) / any_value(n) AS share "
        "FROM totals CROSS JOIN (SELECT unnest(?) AS label) asked "
        "LEFT JOIN each ON each.period = totals.period AND each.label = asked.label GROUP BY ALL ORDER BY ALL",
        [*values, list(labels)],
    )


def total(store: Store, space: Space | None, selection: Selection) -> pd.DataFrame:
    """One row with n, shares and intervals of the whole selection, and its first and last day."""
    where, values = selection.where()
    counts = ", ".join(f"count(*) FILTER (label = '{label}') AS {label}_n" for label in LABELS)
    days = "min(created_at)::DATE AS first, max(created_at)::DATE AS last"
    return with_shares(store.frame(f"SELECT count(label) AS n, {counts}, {days} FROM ({labelled(space)}) WHERE {where}", values))


def count(store: Store, space: Space | None, selection: Selection) -> int:
    """How many reviews the selection has, labelled or not."""
    where, values = selection.where()
    return int(store.value(f"SELECT count(*) FROM ({labelled(space)}) WHERE {where}", values))


def ids(store: Store, space: Space | None, selection: Selection) -> list[str]:
    """The ids of all reviews of the selection."""
    where, values = selection.where()
    return [key for (key,) in store.rows(f"SELECT review_id FROM ({labelled(space)}) WHERE {where} ORDER BY review_id", values)]
