"""Item-to-item weights in closed form: what having a product says of every other, whatever the order and what comes next.

A linear model that foretells a user's products from each other (EASE, Steck 2019) and one that foretells what comes after
each step from what came before it are fitted as one (SLIST, Choi et al. 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from workbench.encoder.baselines.ranking import Histories, ease_weights, inverse

REACH = 6
"""Products before a step that foretell, and after it that are foretold; each counts half of the one nearer to it."""
ROWS_AT_A_TIME = 512


def item_weights(histories: Histories, strength: float, order: float) -> np.ndarray:
    """Weights W of least error, (products, products), zero on the diagonal.

    The error is (1 - order) |X - XW|² + order |A - BW|² + strength |W|²: X holds the users' products, B and A what came
    before and after each step. `order` 0 is EASE.
    """
    if not order:
        return ease_weights(histories, strength)
    bought, (before, after) = histories.matrix, sides(histories.taken, histories.products)
    whole = (1 - order) * (bought.T @ bought)
    known = (whole + order * (before.T @ before)).toarray()
    known[np.diag_indices_from(known)] += strength
    solved = inverse(known)
    turned = np.asarray((whole + order * (after.T @ before)) @ solved)  # the weights, transposed
    itself = turned.diagonal() / solved.diagonal()
    for at in range(0, len(turned), ROWS_AT_A_TIME):
        rows = slice(at, at + ROWS_AT_A_TIME)
        turned[rows] -= itself[rows, None] * solved[rows]
    np.fill_diagonal(turned, 0)
    return turned.T


def sides(taken: Sequence[np.ndarray], products: int) -> tuple[Any, Any]:
    """What lies before and after each step within a history, two csr matrices (steps, products)."""
    product = np.concatenate([*taken, np.zeros(0, np.int64)])
    came = np.concatenate([*(np.arange(len(one)) for one in taken), np.zeros(0, np.int64)])
    left = np.concatenate([*(np.arange(len(one))[::-1] for one in taken), np.zeros(0, np.int64)])
    step = np.arange(len(product))
    inner = came > 0
    before = [(step[inner & (came > back)], back + 1) for back in range(REACH)]
    after = [(step[inner & (left >= ahead)], -ahead) for ahead in range(REACH)]
    return _weighed(before, product, products), _weighed(after, product, products)


def _weighed(found: Sequence[tuple[np.ndarray, int]], product: np.ndarray, products: int) -> Any:
    """Rows of products so many places back, nearest first, each counting half of the one before."""
    rows = np.concatenate([step for step, _ in found])
    columns = np.concatenate([product[step - back] for step, back in found])
    values = np.concatenate([np.full(len(step), 0.5**at, np.float32) for at, (step, _) in enumerate(found)])
    return csr_matrix((values, (rows, columns)), shape=(len(product), products))
