"""The simple recommenders: each is a function from the training histories to a scorer, all ranked by one code path.

`popularity`; `item_neighbours`: cosine of co-occurrence (Sarwar et al. 2001).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import held_users

USERS_PER_BATCH = 256
Scorer = Callable[[list[np.ndarray]], np.ndarray]
"""Histories (each the products of one user in time order) to scores of all products, (users, products)."""


@dataclass
class Histories:
    """What may be learned from: each user's new products in time order, of a catalogue of `products`."""

    taken: list[np.ndarray]
    products: int

    @property
    def matrix(self) -> Any:
        """1 where a user took a product, csr (users, products)."""
        return matrix(self.taken, self.products)


def matrix(taken: list[np.ndarray], products: int) -> Any:
    """Lists of products as rows of a csr matrix, (rows, products)."""
    rows = np.repeat(np.arange(len(taken)), [len(t) for t in taken])
    columns = np.concatenate([*taken, np.zeros(0, np.int64)])
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(taken), products))


def popularity(histories: Histories) -> Scorer:
    """How many users took each product."""
    counts = np.asarray(histories.matrix.sum(0)).ravel()
    return lambda known: np.tile(counts, (len(known), 1))


def item_neighbours(histories: Histories) -> Scorer:
    """The sum of cosines to what a user has."""
    bought = histories.matrix
    length = np.sqrt(np.maximum(np.asarray(bought.sum(0)).ravel(), 1))
    alike = (bought.T @ bought).tocsr()
    alike.setdiag(0)
    alike = alike.multiply(1 / length[:, None]).multiply(1 / length[None]).tocsr()
    return lambda known: np.asarray((matrix(known, histories.products) @ alike).toarray())


RIVALS: dict[str, Callable[[Histories], Scorer]] = {"popularity": popularity, "item_neighbours": item_neighbours}


def training_histories(corpus: Corpus) -> Histories:
    """The targets before each user's first held-out one."""
    return Histories([u.product[: u.train_end][u.target[: u.train_end]] for u in corpus.users], len(corpus.product_ids))


def next_item_ranks(corpus: Corpus, split: str = "test") -> dict[str, np.ndarray]:
    """Ranks of the held-out products by each rival, (users,) each."""
    histories = training_histories(corpus)
    return {name: ranks_of(corpus, split, rival(histories)) for name, rival in RIVALS.items()}


def ranks_of(corpus: Corpus, split: str, scorer: Scorer) -> np.ndarray:
    """Rank of each held-out product among all that the user has not taken yet, (users,)."""
    users, ends, target = held_users(corpus, split)
    known = [corpus.taken(u, end) for u, end in zip(users, ends, strict=True)]
    made = [np.zeros(0, np.int64)]
    for at in range(0, len(users), USERS_PER_BATCH):
        part = slice(at, at + USERS_PER_BATCH)
        made.append(metrics.ranks(scorer(known[part]), target[part], [k.tolist() for k in known[part]]))
    return np.concatenate(made)
