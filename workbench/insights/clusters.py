"""Groups among vectors: UMAP on exact neighbours, HDBSCAN, and how far repeated runs agree.

umap-learn's own approximate neighbour search makes its result change from seed to seed; neighbours
from a matrix product do not. Whatever randomness is left is measured: UMAP runs with several seeds,
and HDBSCAN groups each run at several settings (`candidates`). The setting is kept whose groups tell
most (see `worth`), of it the run that agrees most with the others, and the mean agreement (adjusted
Rand index, Hubert and Arabie 1985) is reported as the stability.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

NEIGHBOURS = 15
DIMENSIONS = 5
SEEDS = (7, 17, 27)
MOST = 20_000
SHARES = (0.02, 0.035, 0.05)
SMOOTH = (5, 15)
_BLOCK = 2_000


@dataclass(frozen=True)
class Clusters:
    """Rows in groups.

    `places` (rows, 2) is the map; `group` (rows,) the group of each row, -1 only where there is no
    group at all; `core` (rows,) whether HDBSCAN put the row there itself, rather than the row being
    counted with its nearest neighbours; `strength` (rows,) in 0..1. `noise` is the share of
    clustered rows that HDBSCAN left out, `stability` the mean agreement of the runs, `clustered`
    the number of rows that were clustered (the rest were placed by their neighbours), `least` the
    smallest group that was allowed.
    """

    places: np.ndarray
    group: np.ndarray
    core: np.ndarray
    strength: np.ndarray
    noise: float
    stability: float
    clustered: int
    least: int


@dataclass(frozen=True)
class Setting:
    """One way to run HDBSCAN: the smallest group allowed, whether large groups are preferred ("eom") or fine ones ("leaf"),
    and how many neighbours a dense place has (`smooth`)."""

    least: int
    method: str
    smooth: int


@dataclass(frozen=True)
class Grouping:
    """One run's groups: `labels` as HDBSCAN gave them (-1: none), `group` with those filled in, `strength` in 0..1."""

    labels: np.ndarray
    group: np.ndarray
    strength: np.ndarray


def least_size(rows: int, share: float = 0.02) -> int:
    """The smallest group worth a name: a share of the rows, from 10 to 500. A rule of the number of rows alone."""
    return int(min(500, max(10, round(rows * share))))


def candidates(rows: int) -> list[Setting]:
    """The settings tried, each once."""
    tried = [Setting(least_size(rows, share), method, smooth) for share in SHARES for method in ("eom", "leaf") for smooth in SMOOTH]
    return list(dict.fromkeys(tried))


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
    embedded = []
    for number, seed in enumerate(seeds):
        report(0.1 + 0.45 * number / len(seeds), f"laying out the users, run {number + 1} of {len(seeds)}")
        embedded.append(_embed(inner, knn, min(DIMENSIONS, len(inner) - 2), seed))
    report(0.55, "grouping the users")
    setting, runs = _choose({s: [_group(e, inner, knn, s) for e in embedded] for s in candidates(len(inner))})
    chosen_run, stability = _most_typical(runs)
    report(0.7, "drawing the map")
    places = _embed(inner, knn, 2, seeds[0])
    core = chosen_run.labels >= 0
    whole = Clusters(places, chosen_run.group, core, chosen_run.strength, float(1 - core.mean()), stability, len(inner), setting.least)
    return whole if rows == len(inner) else _extend(vectors, chosen, whole)


def _group(embedded: np.ndarray, vectors: np.ndarray, knn: tuple[np.ndarray, np.ndarray], setting: Setting) -> Grouping:
    import hdbscan

    found = hdbscan.HDBSCAN(
        min_cluster_size=setting.least,
        min_samples=min(setting.smooth, setting.least),
        cluster_selection_method=setting.method,
        core_dist_n_jobs=1,
    ).fit(embedded)
    labels = by_size(found.labels_)
    return Grouping(labels, *_fill(vectors, knn, labels, found.probabilities_))


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same groups numbered from the largest; -1 stays."""
    names, sizes = np.unique(labels[labels >= 0], return_counts=True)
    renumber = {int(name): number for number, name in enumerate(names[np.argsort(-sizes, kind="stable")])}
    return np.array([renumber.get(int(v), -1) for v in labels])


def _choose(tried: dict[Setting, list[Grouping]]) -> tuple[Setting, list[Grouping]]:
    """The setting whose groups are worth most, and its runs."""
    best = max(tried, key=lambda setting: worth(tried[setting]))
    return best, tried[best]


def worth(runs: Sequence[Grouping]) -> float:
    """How much the groups tell: the entropy of their sizes, times the share of rows clearly in one, times the runs' agreement.

    So neither one large group with crumbs wins, nor many groups that leave most out, nor groups that the next seed undoes.
    """
    clear = 1 - float(np.mean([noise(run) for run in runs]))
    return fineness(runs) * clear * max(0.0, _agreement(runs)[1])


def noise(run: Grouping) -> float:
    """The share of rows without a group of their own."""
    return float((run.labels < 0).mean())


def fineness(runs: Sequence[Grouping]) -> float:
    """The mean entropy of the groups' shares, in nats."""
    entropies = []
    for run in runs:
        shares = np.unique(run.group[run.group >= 0], return_counts=True)[1] / max(1, (run.group >= 0).sum())
        entropies.append(float(-(shares * np.log(shares)).sum()))
    return float(np.mean(entropies))


def _agreement(runs: Sequence[Grouping]) -> tuple[np.ndarray, float]:
    """The adjusted Rand index of every two runs, and the mean of them (1 for a single run)."""
    from sklearn.metrics import adjusted_rand_score

    agreement = np.zeros((len(runs), len(runs)))
    for a, b in combinations(range(len(runs)), 2):
        agreement[a, b] = agreement[b, a] = adjusted_rand_score(runs[a].group, runs[b].group)
    pairs = len(runs) * (len(runs) - 1)
    return agreement, float(agreement.sum() / pairs) if pairs else 1.0


def _most_typical(runs: Sequence[Grouping]) -> tuple[Grouping, float]:
    """The run that agrees most with the others, and the mean agreement."""
    agreement, mean = _agreement(runs)
    return runs[int(agreement.sum(1).argmax())], mean


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


def _fill(
    vectors: np.ndarray, knn: tuple[np.ndarray, np.ndarray], labels: np.ndarray, strength: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows without a group take the one that most of their neighbours have, from the borders inwards.

    Their strength is the share of the neighbours' votes, halved: they are never as sure as the others.
    """
    group, weight = labels.copy(), strength.astype(np.float32)
    kinds = int(labels.max()) + 1
    while kinds and (waiting := np.flatnonzero(group < 0)).size:
        votes = _votes(group[knn[0][waiting]], _nearness(knn[1][waiting]), kinds)
        heard = votes.max(1) > 0
        if not heard.any():
            group[waiting], share = _vote(vectors[waiting], vectors[labels >= 0], labels[labels >= 0])[:2]
            weight[waiting] = share / 2
            break
        group[waiting[heard]] = votes[heard].argmax(1)
        weight[waiting[heard]] = votes[heard].max(1) / 2
    return group, weight


def _votes(group: np.ndarray, weight: np.ndarray, kinds: int) -> np.ndarray:
    """The share of the votes for each group, (rows, kinds): `group` (rows, k) of each neighbour, -1 for none, and its weight (rows, k)."""
    votes = np.zeros((len(group), kinds), np.float32)
    for column in range(group.shape[1]):
        known = np.flatnonzero(group[:, column] >= 0)
        votes[known, group[known, column]] += weight[known, column]
    return votes


def _nearness(distance: np.ndarray) -> np.ndarray:
    """The weight of each neighbour, the near ones counting more; those of a row sum to 1."""
    weight = 1 / (distance + 0.05)
    weight /= weight.sum(1, keepdims=True)
    return weight


def near_groups(vectors: np.ndarray, pool: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What the nearest rows of `pool` (indices), nobody being a neighbour of himself, say of every row of unit `vectors` (rows, n).

    `group` (rows,) holds the group of each row of the pool. Returns the group said, the share of votes for it (rows,), the
    neighbours as places in the pool (rows, k) and their weights (rows, k), which sum to 1.
    """
    index, distance = neighbours(vectors, NEIGHBOURS + 1, vectors[pool])
    weight = np.where(pool[index] == np.arange(len(vectors))[:, None], 0.0, 1 / (distance + 0.05))
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-12)
    votes = _votes(group[pool[index]], weight, int(group[pool].max()) + 1)
    return votes.argmax(1), votes.max(1), index, weight


def _vote(asked: np.ndarray, known: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each of `asked` the group most of its nearest `known` rows belong to, the share of votes, and the neighbours."""
    index, distance = neighbours(asked, NEIGHBOURS, known)
    weight = _nearness(distance)
    votes = _votes(labels[index], weight, int(labels.max()) + 1)
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
        weight = _nearness(distance)
    places[rest] = (sample.places[index] * weight[:, :, None]).sum(1)
    core[rest] = group[rest] >= 0
    return Clusters(places, group, core, strength, sample.noise, sample.stability, sample.clustered, sample.least)
