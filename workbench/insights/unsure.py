"""The shop's own rows that the model is least sure of: what is worth labelling first."""

from __future__ import annotations

import pandas as pd

from workbench.shop.importers import personal
from workbench.shop.plain import clean
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.uploaded import tasks_of

TEXTS = {
    "reviews": ("review_id", "concat_ws('. ', nullif(title, ''), nullif(body, ''))"),
    "tickets": ("ticket_id", "body"),
    "products": ("product_id", "concat_ws('. ', nullif(title, ''), nullif(description, ''))"),
}
_UNSURE = """
WITH margins AS (
    SELECT key, label, probability, list_reverse_sort(probabilities) AS p FROM {predictions}
)
SELECT rows.text, '' AS label, m.label AS predicted, round(m.probability::DOUBLE, 3) AS probability, m.key
FROM margins m JOIN (SELECT {key} AS key, {text} AS text FROM {table}) rows USING (key)
WHERE rows.text <> '' ORDER BY m.p[1] - m.p[2], m.key LIMIT ? OFFSET ?
"""


def unsure(store: Store, space: Space, task: str, n: int = 100) -> pd.DataFrame:
    """The `n` rows whose two likeliest labels are closest: text, label (empty, to be filled in), predicted, probability, key.

    Margin sampling (Scheffer and others 2001, "Active hidden Markov models for information extraction").
    No rows where the version does not predict the task, or the shop does not know it. Rows that were labelled before are left
    out; labels keep a text without markup and what is personal, so each row is compared like that.
    """
    known = tasks_of(store).get(task)
    if known is None or known.predicts not in TEXTS or not space.has_task(task):
        return pd.DataFrame(columns=["text", "label", "predicted", "probability", "key"])
    key, text = TEXTS[known.predicts]
    sql = _UNSURE.format(predictions=space.table(f"predictions_{task}"), key=key, text=text, table=known.predicts)
    labelled = {text for (text,) in store.rows("SELECT DISTINCT text FROM labels WHERE task = ?", [task])}
    size = n + len(labelled)  # enough at once, unless many rows have the text of one label
    found, at = store.frame(sql, [size, 0]), size
    left = _without(store, found, labelled)
    while len(left) < n and len(found) == size:
        found, at = store.frame(sql, [size, at]), at + size
        left = pd.concat([left, _without(store, found, labelled)])
    return left.head(n).reset_index(drop=True)


def _without(store: Store, rows: pd.DataFrame, labelled: set[str]) -> pd.DataFrame:
    """The rows whose text is not labelled: as it is, cleaned, or cleaned and masked."""
    if not labelled:
        return rows
    plain = [clean(text) for text in rows["text"]]
    spellings = zip(rows["text"], plain, personal.masked_texts(store, plain), strict=True)
    return rows[[labelled.isdisjoint(each) for each in spellings]]
