"""Search as you type over users and products, and the nearest neighbours of anything.

What people type is bound, never SQL, and `%` and `_` in it are ordinary letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.shop.space import ENTITIES, Space
from workbench.shop.store import Store

LONGEST = 200


@dataclass(frozen=True)
class Hit:
    """A user or product that was found: its id, a title and how many steps or customers stand behind it."""

    entity: str
    id: str
    title: str
    n: int


def like(text: str) -> str:
    """`text` for use in LIKE ... ESCAPE '!', its wildcards taken literally."""
    return text[:LONGEST].replace("!", "!!").replace("%", "!%").replace("_", "!_")


_USERS = """
WITH known AS (
  SELECT user_id, count(*) FILTER (kind IN ('purchase', 'return', 'review')) AS n FROM histories GROUP BY 1
  UNION ALL SELECT user_id, 0 FROM users
)
SELECT user_id, max(n) AS steps FROM known WHERE user_id ILIKE $part ESCAPE '!'
GROUP BY 1 ORDER BY NOT user_id ILIKE $start ESCAPE '!', steps DESC, user_id LIMIT $n
"""
_PRODUCTS = """
WITH found AS (
  SELECT product_id, coalesce(nullif(trim(title), ''), product_id) AS title FROM products
  WHERE product_id ILIKE $start ESCAPE '!' OR title ILIKE $part ESCAPE '!'
)
SELECT product_id, title,
       (SELECT count(DISTINCT user_id) FROM histories h WHERE h.product_id = found.product_id AND kind NOT IN ('view', 'cart')) AS customers
FROM found
ORDER BY NOT (product_id ILIKE $start ESCAPE '!' OR title ILIKE $start ESCAPE '!'), customers DESC, product_id LIMIT $n
"""


def users(store: Store, text: str, n: int = 10) -> list[Hit]:
    """Users whose id contains `text`, those that begin with it first, then the longest histories; all for an empty text."""
    values = {"start": f"{like(text)}%", "part": f"%{like(text)}%", "n": n}
    return [Hit("user", key, key, steps) for key, steps in store.rows(_USERS, values)]


def products(store: Store, text: str, n: int = 10) -> list[Hit]:
    """Products whose id begins with `text` or whose title contains it; those with most customers first."""
    values = {"start": f"{like(text)}%", "part": f"%{like(text)}%", "n": n}
    return [Hit("product", key, title, customers) for key, title, customers in store.rows(_PRODUCTS, values)]


def find(store: Store, text: str, n: int = 10) -> list[Hit]:
    """Up to `n` users and `n` products for what was typed so far; nothing for an empty text."""
    return [*products(store, text, n), *users(store, text, n)] if text.strip() else []


_TITLES = {
    "products": "SELECT product_id, coalesce(nullif(trim(title), ''), product_id) FROM products WHERE product_id IN (SELECT unnest(?))",
    "reviews": "SELECT review_id, concat_ws(' — ', nullif(title, ''), nullif(body, '')) FROM reviews WHERE review_id IN (SELECT unnest(?))",
    "users": "SELECT user_id, user_id FROM histories WHERE user_id IN (SELECT unnest(?)) GROUP BY ALL",
}


def neighbours(
    store: Store, space: Space, vector: np.ndarray, entities: Sequence[str] = ("products", "reviews", "users"), n: int = 10
) -> pd.DataFrame:
    """The `n` nearest rows of each entity to a vector of shape (n,): entity, id, cosine and text, nearest first.

    Products, reviews and users lie in one space, so any vector may be asked of all three.
    """
    unit = np.asarray(vector, np.float64).ravel()
    unit = unit / max(float(np.linalg.norm(unit)), 1e-12)
    made = [_nearest(store, space, entity, unit, n) for entity in entities if entity in space.tables()]
    columns = ["entity", "id", "cosine", "text"]
    return pd.concat(made, ignore_index=True)[columns] if made else pd.DataFrame(columns=columns)


def _nearest(store: Store, space: Space, entity: str, unit: np.ndarray, n: int) -> pd.DataFrame:
    key = ENTITIES[entity]
    sql = f"""SELECT {key} AS id, array_inner_product(vector, ?::FLOAT[{unit.size}])::DOUBLE AS cosine
              FROM {space.table(entity)} ORDER BY cosine DESC, {key} LIMIT ?"""
    frame = store.frame(sql, [unit.tolist(), n])
    titles = dict(store.rows(_TITLES[entity], [frame["id"].tolist()])) if len(frame) else {}
    return frame.assign(entity=entity, text=[titles.get(key, key) for key in frame["id"]])
