"""Groups among vectors: UMAP on exact neighbours, HDBSCAN, and how far repeated runs agree.

umap-learn's own approximate neighbour search makes its result change from seed to seed; neighbours
from a matrix product do not. Whatever randomness is left is measured: everything is run with
several seeds, the run that agrees most with the others is kept, and the mean agreement (adjusted
Rand index, Hubert and Arabie 1985) is reported as the stability.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

NEIGHBOURS = 15
DIMENSIONS = 8
SEEDS = (7, 17, 27)
MOST = 20_000
_BLOCK = 2_000


@dataclass(frozen=True)
class Clusters:
    """Rows in groups.

    `places` (rows, 2) is the map; `group` (rows,) the group of each row, -1 only where there is no
    group at all; `core` (rows,) whether HDBSCAN put the row there itself, rather than the row being
    counted with its nearest neighbours; `strength` (rows,) in 0..1. `noise` is the share of
    clustered rows that HDBSCAN left out, `stability` the mean agreement of the runs, `clustered`
    the number of rows that were clustered (the rest were placed by their neighbours).
    """

    places: np.ndarray
    group: np.ndarray
    core: np.ndarray
    strength: np.ndarray
    noise: float
    stability: float
    clustered: int
    least: int


def least_size(rows: int) -> int:
    """The smallest group worth a name: 2 % of the rows, from 10 to 200. A rule of the number of rows alone."""
    return int(min(200, max(10, round(rows / 50))))


def neighbours(vectors: np.ndarray, k: int, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest of `among` (rows, n; default: `vectors` themselves, each its own first) for each unit vector.

    Returns indices (rows, k) and cosine distances (rows, k), nearest first. Exact, in blocks.
    """
    pool = vectors if among is None else among
    k = min(k, len(pool))
    index = np.empty((len(vectors), k), np.int32)
    distance = np.empty((len(vectors), k), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        near = vectors[start : start + _BLOCK] @ pool.T
        if among is None:
            near[np.arange(len(near)), start + np.arange(len(near))] = np.inf
        best = np.argpartition(-near, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(near, best, 1)
        order = np.argsort(-found, axis=1, kind="stable")
        index[start : start + len(near)] = np.take_along_axis(best, order, 1)
        distance[start : start + len(near)] = 1 - np.take_along_axis(found, order, 1)
    return index, np.clip(distance, 0, 2)


def cluster(vectors: np.ndarray, report: Callable[[float, str], None], *, seeds: tuple[int, ...] = SEEDS, most: int = MOST) -> Clusters:
    """Groups among unit `vectors` (rows, n); above `most` rows a sample is clustered and the rest follow their neighbours."""
    rows = len(vectors)
    chosen = np.arange(rows) if rows <= most else np.sort(np.random.default_rng(seeds[0]).choice(rows, most, replace=False))
    inner = np.ascontiguousarray(vectors[chosen], np.float32)
    report(0.05, "finding each user's neighbours")
    knn = neighbours(inner, NEIGHBOURS)
    least = least_size(len(inner))
    runs = []
    for number, seed in enumerate(seeds):
        report(0.1 + 0.6 * number / len(seeds), f"grouping users, run {number + 1} of {len(seeds)}")
        runs.append(_run(inner, knn, seed, least))
    labels, strength, stability = _most_typical(runs)
    report(0.7, "drawing the map")
    places = _embed(inner, knn, 2, seeds[0])
    core = labels >= 0
    group, weight = _fill(inner, labels, strength)
    whole = Clusters(places, group, core, weight, float(1 - core.mean()), stability, len(inner), least)
    return whole if rows == len(inner) else _extend(vectors, chosen, whole)


def _run(vectors: np.ndarray, knn: tuple[np.ndarray, np.ndarray], seed: int, least: int) -> tuple[np.ndarray, np.ndarray]:
    import hdbscan

    embedded = _embed(vectors, knn, min(DIMENSIONS, len(vectors) - 2), seed)
    found = hdbscan.HDBSCAN(min_cluster_size=least, min_samples=min(5, least), core_dist_n_jobs=1).fit(embedded)
    return found.labels_, found.probabilities_


def _embed(vectors: np.ndarray, knn: tuple[np.ndarray, np.ndarray], dimensions: int, seed: int) -> np.ndarray:
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapper = umap.UMAP(
            n_neighbors=knn[0].shape[1],
            n_components=dimensions,
            min_dist=0.1 if dimensions == 2 else 0.0,
            metric="cosine",
            precomputed_knn=knn,
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(mapper.fit_transform(vectors), np.float32)


def _most_typical(runs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, float]:
    """Labels and strengths of the run that agrees most with the others, groups numbered by size; and the mean agreement."""
    from sklearn.metrics import adjusted_rand_score

    agreement = np.zeros((len(runs), len(runs)))
    for a, b in combinations(range(len(runs)), 2):
        agreement[a, b] = agreement[b, a] = adjusted_rand_score(runs[a][0], runs[b][0])
    labels, strength = runs[int(agreement.sum(1).argmax())]
    names, sizes = np.unique(labels[labels >= 0], return_counts=True)
    renumber = {int(name): number for number, name in enumerate(names[np.argsort(-sizes, kind="stable")])}
    pairs = len(runs) * (len(runs) - 1)
    return np.array([renumber.get(int(v), -1) for v in labels]), strength, float(agreement.sum() / pairs) if pairs else 1.0


def _fill(vectors: np.ndarray, labels: np.ndarray, strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows without a group take their neighbours'; their strength is the share of the neighbours' votes."""
    group, weight = labels.copy(), strength.astype(np.float32)
    outside, inside = np.flatnonzero(labels < 0), np.flatnonzero(labels >= 0)
    if len(outside) and len(inside):
        group[outside], weight[outside] = _vote(vectors[outside], vectors[inside], labels[inside])[:2]
    return group, weight


def _vote(asked: np.ndarray, known: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each of `asked` the group most of its nearest `known` rows belong to, the share of votes, and the neighbours."""
    index, distance = neighbours(asked, NEIGHBOURS, known)
    weight = 1 / (distance + 0.05)
    votes = np.zeros((len(asked), int(labels.max()) + 1), np.float32)
    for column in range(index.shape[1]):
        votes[np.arange(len(asked)), labels[index[:, column]]] += weight[:, column]
    return votes.argmax(1), votes.max(1) / votes.sum(1), index, weight


def _extend(vectors: np.ndarray, chosen: np.ndarray, sample: Clusters) -> Clusters:
    """All rows from a clustered sample: the rest take the group and the place of their nearest neighbours."""
    rest = np.setdiff1d(np.arange(len(vectors)), chosen)
    places = np.empty((len(vectors), 2), np.float32)
    group, core, strength = np.full(len(vectors), -1), np.zeros(len(vectors), bool), np.zeros(len(vectors), np.float32)
    places[chosen], group[chosen], core[chosen], strength[chosen] = sample.places, sample.group, sample.core, sample.strength
    if (sample.group >= 0).any():
        group[rest], strength[rest], index, weight = _vote(vectors[rest], vectors[chosen], sample.group)
    else:
        index, distance = neighbours(vectors[rest], NEIGHBOURS, vectors[chosen])
        weight = 1 / (distance + 0.05)
    share = weight / weight.sum(1, keepdims=True)
    places[rest] = (sample.places[index] * share[:, :, None]).sum(1)
    core[rest] = group[rest] >= 0
    return Clusters(places, group, core, strength, sample.noise, sample.stability, sample.clustered, sample.least)
