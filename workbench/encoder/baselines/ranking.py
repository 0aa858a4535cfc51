"""The simple recommenders: each is a function from training histories to a scorer, all tuned and ranked by one path.

`popularity`; `item_neighbours`: cosine of co-occurrence (Sarwar et al. 2001); `markov`: first-order
transitions, smoothed by popularity (Rendle et al. 2010 name the unfactorised chain); `ease`: a linear
model of the user's products in closed form (Steck 2019). Held-out validation products choose the
settings and are not folded into what the test is scored with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from workbench.encoder.corpus import Corpus, UserSteps
from workbench.encoder.ranking import Ranked, Scorer, ndcg, rank_products

MOST_LINEAR = 12_000
"""Weights between products need memory that grows with the square of their number: of more than these the most taken are looked at."""

Known = Sequence[np.ndarray]
"""Histories: the distinct products of each user in time order."""
Fit = Callable[..., Callable[[Known], np.ndarray]]
Settings = Mapping[str, float]


@dataclass
class Histories:
    """What may be learned from: each user's new products in time order, of a catalogue of `products`."""

    taken: list[np.ndarray]
    products: int

    @property
    def matrix(self) -> Any:
        """1 where a user took a product, csr (users, products)."""
        return matrix(self.taken, self.products)

    def most_taken(self) -> tuple[Histories, np.ndarray]:
        """The same of the `MOST_LINEAR` products that most users took, and their places in the catalogue, ascending."""
        counts = np.asarray(self.matrix.sum(0)).ravel()
        most = np.sort(np.argsort(-counts, kind="stable")[:MOST_LINEAR])
        place = np.full(self.products, -1)
        place[most] = np.arange(len(most))
        looked_at = [place[taken] for taken in self.taken]
        return Histories([places[places >= 0] for places in looked_at], len(most)), most


@dataclass
class Measured:
    """A rival's rankings (one, or one for each seed) with its settings and the seconds that fitting, tuning and ranking took."""

    ranked: list[Ranked]
    settings: Settings
    seconds: float


def matrix(taken: Known, products: int) -> Any:
    """Lists of products as rows of a csr matrix, (rows, products)."""
    rows = np.repeat(np.arange(len(taken)), [len(t) for t in taken])
    columns = np.concatenate([*taken, np.zeros(0, np.int64)])
    return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(taken), products))


# -- the rivals ------------------------------------------------------------------------------


def popularity(histories: Histories) -> Callable[[Known], np.ndarray]:
    """How many users took each product."""
    counts = np.asarray(histories.matrix.sum(0)).ravel()
    return lambda known: np.tile(counts, (len(known), 1))


def item_neighbours(histories: Histories) -> Callable[[Known], np.ndarray]:
    """The sum of cosines to what a user has."""
    bought = histories.matrix
    length = np.sqrt(np.maximum(np.asarray(bought.sum(0)).ravel(), 1))
    alike = (bought.T @ bought).tocsr()
    alike.setdiag(0)
    alike = alike.multiply(1 / length[:, None]).multiply(1 / length[None]).tocsr()
    return lambda known: np.asarray((matrix(known, histories.products) @ alike).toarray())


def markov(histories: Histories, *, popular: float) -> Callable[[Known], np.ndarray]:
    """The share of users who took each product right after the last one, mixed with its popularity."""
    n = histories.products
    pairs = [np.stack([t[:-1], t[1:]]) for t in histories.taken if len(t) > 1]
    before, after = np.concatenate([*pairs, np.zeros((2, 0), np.int64)], axis=1)
    follows = csr_matrix((np.ones(len(before), np.float32), (before, after)), shape=(n, n))
    follows = follows.multiply(1 / np.maximum(np.asarray(follows.sum(1)), 1)).tocsr()
    share = np.asarray(histories.matrix.sum(0)).ravel()
    share = popular * share / max(share.sum(), 1)

    def scores(known: Known) -> np.ndarray:
        return np.asarray((matrix([k[-1:] for k in known], n) @ follows).toarray() + share)

    return scores


def ease(histories: Histories, *, strength: float) -> Callable[[Known], np.ndarray]:
    """Products times `ease_weights`, of those most taken; of the others it says nothing, 0."""
    linear, places = histories.most_taken()
    weights = ease_weights(linear, strength)

    def scores(known: Known) -> np.ndarray:
        made = np.zeros((len(known), histories.products), np.float32)
        made[:, places] = matrix(known, histories.products)[:, places] @ weights
        return made

    return scores


def ease_weights(histories: Histories, strength: float) -> np.ndarray:
    """B = I - P diag(1 / diag P), (products, products), P the inverse of X'X + strength I, X the histories."""
    bought = histories.matrix
    gram = (bought.T @ bought).toarray()
    gram[np.diag_indices_from(gram)] += strength
    weights = inverse(gram)
    weights /= -weights.diagonal()
    np.fill_diagonal(weights, 0)
    return weights


def inverse(positive: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix, which is overwritten, by its Cholesky factor."""
    from scipy.linalg.lapack import spotrf, spotri

    factor, failed = spotrf(positive.T, lower=1, overwrite_a=1)
    inverse, failed_too = spotri(factor, lower=1, overwrite_c=1)
    assert not failed and not failed_too, "the matrix is not positive definite"
    whole: np.ndarray = np.tril(inverse)
    whole += np.tril(inverse, -1).T
    return whole


@dataclass(frozen=True)
class Rival:
    """How a rival is fitted, and the settings tried."""

    fit: Fit
    grid: tuple[Settings, ...] = ({},)


RIVALS = {
    "popularity": Rival(popularity),
    "item_neighbours": Rival(item_neighbours),
    "markov": Rival(markov, tuple({"popular": p} for p in (0.01, 0.1, 1.0))),
    "ease": Rival(ease, tuple({"strength": s} for s in (10.0, 30.0, 100.0, 300.0, 1000.0))),
}


# -- one path for all ------------------------------------------------------------------------


def training_histories(corpus: Corpus) -> Histories:
    """The targets before each user's first held-out one."""
    return Histories([u.product[: u.train_end][u.target[: u.train_end]] for u in corpus.users], len(corpus.product_ids))


def known_products(user: UserSteps, end: int) -> np.ndarray:
    """The distinct products of a user's first `end` steps, in time order."""
    found = user.product[:end][user.product[:end] >= 0]
    return np.asarray(found[np.sort(np.unique(found, return_index=True)[1])])


def measure_rivals(
    corpus: Corpus, split: str = "test", only: Sequence[str] | None = None, report: Callable[[float, str], None] = lambda done, step: None
) -> dict[str, Measured]:
    """Every rival (`only` these where given), tuned on the validation products, ranked on a split."""
    histories, made = training_histories(corpus), {}
    wanted = {name: rival for name, rival in RIVALS.items() if only is None or name in only}
    for at, (name, rival) in enumerate(wanted.items()):
        report(at / len(wanted), name)
        made[name] = measure_rival(corpus, split, histories, rival)
    return made


def note(products: int) -> str | None:
    """What people should know of the linear recommenders where there are so many products."""
    if products <= MOST_LINEAR:
        return None
    looked_at = f"the {MOST_LINEAR:,} products of {products:,} that most customers took"
    return f"EASE and companions look at {looked_at}: more do not fit into memory."


def measure_rival(corpus: Corpus, split: str, histories: Histories, rival: Rival) -> Measured:
    """The settings that rank the validation products best, and their ranking of the split."""
    began, best, made = time.monotonic(), -1.0, None
    for settings in rival.grid:
        scorer = of_known(rival.fit(histories, **settings))
        found = ndcg(rank_products(corpus, "validation", scorer, best=0).rank) if len(rival.grid) > 1 else np.zeros(0)
        value = float(found.mean()) if len(found) else 0.0
        if value > best:
            best, made = value, (rank_products(corpus, split, scorer), settings)
    assert made is not None
    return Measured([made[0]], made[1], time.monotonic() - began)


def of_known(scores: Callable[[Known], np.ndarray]) -> Scorer:
    """A scorer of users from one of histories."""
    return lambda users, ends: scores([known_products(u, end) for u, end in zip(users, ends, strict=True)])
