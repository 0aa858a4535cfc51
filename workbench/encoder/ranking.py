"""How products are ranked for users: one path and one rule for the model and its rivals.

All products that a user has not taken yet are ranked, none is sampled. Products of equal score come
in the order of a hash of their ids: a file's own order could favour somebody. `hr_at_k`, `ndcg_at_k`
(Järvelin and Kekäläinen 2002) and `mrr` have one relevant product; every figure has its interval over users.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.encoder.corpus import Corpus, UserSteps
from workbench.encoder.metrics import Metric, bootstrap, mean

USERS_PER_BATCH = 256
MOST_SCORES = 20_000_000
"""Scores held at once where rows are ranked among all products."""
MOST_TO_CHOOSE = 4_000
BEST = 10
FEW_TAKERS = 5
"""A product is cold where fewer users than this took it in training."""

Scorer = Callable[[Sequence[UserSteps], Sequence[int]], np.ndarray]
"""Users and the steps known of each to scores of all products, (users, products)."""


@dataclass
class Ranked:
    """For each user the held-out product, (users,), its 0-based rank, (users,), and the products ranked best, (users, <= 10).

    -1 where there are no more products that the user has not taken.
    """

    target: np.ndarray
    rank: np.ndarray
    best: np.ndarray


def held_users(corpus: Corpus, split: str) -> tuple[list[UserSteps], list[int], np.ndarray]:
    """Users with a held-out target in `split`: the users, the steps known before it, the product.

    Of validation, which only chooses, at most `MOST_TO_CHOOSE` users, evenly spread, for the model and its rivals alike.
    """
    found = [(u, at) for u in corpus.users if (at := u.held[split]) is not None and u.product[at] >= 0]
    if split == "validation":
        found = found[:: max(1, -(-len(found) // MOST_TO_CHOOSE))]
    return [u for u, _ in found], [at for _, at in found], np.array([u.product[at] for u, at in found], np.int64)


def rank_products(corpus: Corpus, split: str, scorer: Scorer, *, best: int = BEST) -> Ranked:
    """The held-out products of a split ranked by a scorer; `best`: how many of each user's first products are kept."""
    users, ends, target = held_users(corpus, split)
    place = tie_places(corpus.product_ids)
    ranks_made, best_made = [np.zeros(0, np.int64)], [np.zeros((0, min(best, len(place))), np.int64)]
    size = rows_at_once(len(place), USERS_PER_BATCH)
    for at in range(0, len(users), size):
        part = slice(at, at + size)
        seen = [corpus.taken(u, end) for u, end in zip(users[part], ends[part], strict=True)]
        scores = unseen(scorer(users[part], ends[part]), target[part], seen)
        ranks_made.append(ranks(scores, target[part], place))
        best_made.append(first(scores, place, best))
    return Ranked(target, np.concatenate(ranks_made), np.concatenate(best_made))


def rows_at_once(products: int, most: int) -> int:
    """How many rows, at `most`, are ranked among so many products at once."""
    return max(1, min(most, MOST_SCORES // max(1, products)))


def tie_places(keys: Sequence[str]) -> np.ndarray:
    """The place of each key among equals, (keys,), by its hash."""
    order = sorted(range(len(keys)), key=lambda i: hashlib.sha256(keys[i].encode()).digest())
    place = np.empty(len(keys), np.int64)
    place[order] = np.arange(len(keys))
    return place


def unseen(scores: np.ndarray, target: np.ndarray, seen: Sequence[np.ndarray]) -> np.ndarray:
    """A copy of `scores` (rows, products) in which what a row has `seen`, other than its target, comes after everything."""
    assert np.isfinite(scores).all(), "a score is not finite"
    made, rows = scores.copy(), np.arange(len(target))
    made[np.repeat(rows, [len(s) for s in seen]), np.concatenate([*seen, np.zeros(0, np.int64)])] = -np.inf
    made[rows, target] = scores[rows, target]
    return made


def ranks(scores: np.ndarray, target: np.ndarray, place: np.ndarray) -> np.ndarray:
    """0-based rank of each row's target in `scores` (rows, items), equals in the order of `place` (items,)."""
    wanted = scores[np.arange(len(target)), target][:, None]
    before = (scores > wanted) | ((scores == wanted) & (place < place[target][:, None]))
    return np.asarray(before.sum(1))


def first(scores: np.ndarray, place: np.ndarray, k: int) -> np.ndarray:
    """The `k` best items of each row, best first, (rows, k), equals in the order of `place`; -1 for those at minus infinity."""
    order, k = np.argsort(place), min(k, len(place))
    made = np.full((len(scores), k), -1, np.int64)
    if not k:
        return made
    scores = scores[:, order]
    least = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
    for row, line in enumerate(scores):
        above = np.flatnonzero(line > least[row])
        above = above[np.argsort(-line[above], kind="stable")]
        equal = np.flatnonzero(line == least[row])[: k - len(above)] if least[row] > -np.inf else above[:0]
        found = order[np.concatenate([above, equal])]
        made[row, : len(found)] = found
    return made


# -- figures ---------------------------------------------------------------------------------


def ndcg(rank: np.ndarray, k: int = 10) -> np.ndarray:
    """The gain of each rank, of the same shape."""
    return np.where(rank < k, 1 / np.log2(rank + 2), 0.0)


def figures(found: Sequence[Ranked], counts: np.ndarray) -> dict[str, Metric]:
    """Every metric of a ranking, or the mean over rankings of the same users by several seeds.

    `counts` (products,): users who took each product in training. On cold products only where a held-out one is cold.
    """
    rank = np.stack([r.rank for r in found])
    made = of_ranks(rank)
    if found[0].best.size:
        made["coverage_at_10"] = coverage([r.best for r in found], len(counts))
        made["popularity_bias"] = mean(np.mean([popularity_bias(r, counts) for r in found], axis=0))
    cold = np.flatnonzero(counts[found[0].target] < FEW_TAKERS)
    return made | ({f"cold_{name}": metric for name, metric in of_ranks(rank[:, cold]).items()} if len(cold) else {})


def of_ranks(rank: np.ndarray) -> dict[str, Metric]:
    """NDCG and HR at 10, 5 and 20, and the mean reciprocal rank, of ranks by several seeds, (seeds, users)."""
    made = {}
    for k in (10, 5, 20):
        made[f"ndcg_at_{k}"] = mean(ndcg(rank, k).mean(0))
        made[f"hr_at_{k}"] = mean((rank < k).mean(0))
    return made | {"mrr": mean((1 / (rank + 1)).mean(0))}


def coverage(best: Sequence[np.ndarray], products: int) -> Metric:
    """The share of the catalogue that is recommended to anybody, best (users, k) each.

    Resampled users are fewer distinct ones, which would shift every draw down: the draws are centred on the value.
    """

    def share(rows: np.ndarray) -> float:
        shown = np.zeros((len(best), products + 1), bool)  # the last column is that of -1, where nothing is shown
        for flags, shelf in zip(shown, best, strict=True):
            flags[shelf[rows].ravel()] = True
        return float(shown[:, :-1].mean())

    made = bootstrap(share, len(best[0]))
    shift = made["value"] - made.draws.mean() if len(made.draws) else 0.0
    return Metric(share, made["n"], made["value"], made.draws + shift)


def popularity_bias(found: Ranked, counts: np.ndarray) -> np.ndarray:
    """For each user, how much more popular than what was taken the recommended products are on average, (users,).

    In shares of the catalogue: 0.1 means that a tenth more of all products are less popular.
    """
    from scipy.stats import rankdata

    percentile = rankdata(counts) / len(counts)
    shown = found.best >= 0
    recommended = np.where(shown, percentile[found.best], 0.0).sum(1) / np.maximum(shown.sum(1), 1)
    return np.asarray(recommended - percentile[found.target])
