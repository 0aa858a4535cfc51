"""The wide part of next item: companions beside the joint space.

Their weights are item-to-item weights of the training histories, of which each product keeps the `KEPT` strongest.
How much order counts in them, their strength and recency are those that rank the validation products best; what they
count for beside the space (`share`) is chosen after each epoch, on the same products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.encoder.baselines.ranking import Histories, known_products, training_histories
from workbench.encoder.corpus import Corpus, UserSteps
from workbench.encoder.item_weights import item_weights
from workbench.encoder.ranking import Scorer, held_users, ndcg, ranks, rows_at_once, tie_places, unseen
from workbench.shop.companions import Companions, Taken

KEPT = 50
STRENGTHS = (30.0, 100.0, 300.0)
ORDER, OTHER_ORDERS = 0.4, (0.0, 0.7)
STEP_LIVES = (2.0, 5.0, 10.0, 20.0, np.inf)
DAY_LIVES = (1.0, 7.0, 30.0, 180.0, np.inf)
SHARES = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
USERS_PER_BATCH = 256


class CompanionWeights(nn.Module):
    """Companions as a version keeps them: for each product the places of its companions and their weights, (products, kept)."""

    other: Tensor
    weight: Tensor
    life: Tensor
    share: Tensor

    def __init__(self, products: int) -> None:
        super().__init__()
        shape = (products, min(KEPT, products))
        self.register_buffer("other", torch.zeros(shape, dtype=torch.int32))
        self.register_buffer("weight", torch.zeros(shape))
        self.register_buffer("life", torch.full((2,), torch.inf))
        self.register_buffer("share", torch.zeros(()))

    def companions(self) -> Companions:
        """The same for whoever computes scores."""
        n, kept = self.weight.shape
        ends = np.arange(n + 1) * kept
        parts = (self.weight.cpu().numpy().ravel(), self.other.cpu().numpy().ravel(), ends)
        return Companions(csr_matrix(parts, shape=(n, n)), float(self.life[0]), float(self.life[1]), float(self.share))

    def keep(self, found: Companions) -> None:
        """Take over `found`, its share apart."""
        n, kept = self.weight.shape
        other, weight = np.zeros((n, kept), np.int32), np.zeros((n, kept), np.float32)
        for row, (low, high) in enumerate(zip(found.weights.indptr, found.weights.indptr[1:], strict=False)):
            other[row, : high - low] = found.weights.indices[low:high]
            weight[row, : high - low] = found.weights.data[low:high]
        self.other.copy_(torch.from_numpy(other))
        self.weight.copy_(torch.from_numpy(weight))
        self.life.copy_(torch.tensor([found.step_life, found.day_life]))

    def carry(self, older: CompanionWeights, here: Tensor, there: Tensor) -> None:
        """Take over what an `older` model knows of the products at `there`, which are at `here` now; of others it knows nothing."""
        weights = older.companions().weights
        places = np.full(weights.shape[0], -1)
        places[there.cpu().numpy()] = here.cpu().numpy()
        found = weights.tocoo()
        known = (places[found.row] >= 0) & (places[found.col] >= 0)
        moved = (found.data[known], (places[found.row[known]], places[found.col[known]]))
        size = len(self.weight)
        self.keep(Companions(csr_matrix(moved, shape=(size, size)), float(older.life[0]), float(older.life[1])))
        self.share.copy_(older.share)


def taken(user: UserSteps, end: int) -> Taken:
    """The distinct products of a user's first `end` steps in time order, and when each came first."""
    places = known_products(user, end)
    first = {int(place): at for at, place in reversed(list(enumerate(user.product[:end])))}
    return places, np.array([user.days[first[int(place)]] for place in places])


def scorer_of(companions: Companions) -> Scorer:
    """What companions alone say of every product."""
    return lambda users, ends: companions.scores([taken(user, end) for user, end in zip(users, ends, strict=True)])


def fit(weights: CompanionWeights, corpus: Corpus) -> None:
    """Learn companions from the training histories; their settings are chosen on the validation products."""
    if not corpus.next_item:
        return
    held, histories = _Held(corpus), training_histories(corpus)
    strengths = STRENGTHS if held.users else STRENGTHS[1:2]
    half = {strength: strongest(histories, strength, ORDER) for strength in strengths}
    strength = max(half, key=lambda strength: held.at_best(half[strength]))
    others = [strongest(histories, strength, order) for order in OTHER_ORDERS] if held.users else []
    chosen = max([half[strength], *others], key=held.at_best)
    weights.keep(max((Companions(chosen, steps, days) for steps, days in held.lives()), key=held.ndcg))


def strongest(histories: Histories, strength: float, order: float = 0.0) -> csr_matrix:
    """The `KEPT` weights of greatest size of each product, (products, products).

    Of a large catalogue the most taken are looked at, the others have no companions.
    """
    linear, most = histories.most_taken()
    dense = item_weights(linear, strength, order)
    kept = min(KEPT, len(most))
    columns = np.argpartition(-np.abs(dense), kept - 1, axis=1)[:, :kept] if kept else np.zeros((0, 0), np.int64)
    values = np.take_along_axis(dense, columns, 1).ravel()
    rows = np.repeat(most, kept)
    made = csr_matrix((values, (rows, most[columns.ravel()])), shape=(histories.products,) * 2, dtype=np.float32)
    made.eliminate_zeros()
    return made


def choose_share(weights: CompanionWeights, corpus: Corpus, space: Scorer) -> None:
    """Set what companions count for beside `space`, the scores of the joint space, to what ranks the validation products best."""
    held = _Held(corpus)
    if held.users:
        weights.share.fill_(1.0)
        weights.share.fill_(held.best_share(space, scorer_of(weights.companions())))


class _Held:
    """The validation products."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.place = corpus, tie_places(corpus.product_ids)
        self.users, self.ends, self.target = held_users(corpus, "validation")

    def ndcg(self, companions: Companions) -> float:
        """NDCG@10 of companions alone."""
        scorer = scorer_of(companions)
        return self._mean([self._ranks(part, scorer(*self._part(part))) for part in self._parts()])

    def best_share(self, space: Scorer, beside: Scorer) -> float:
        """Of `SHARES`; of equals the smallest."""
        found: dict[float, list[np.ndarray]] = {share: [] for share in SHARES}
        for part in self._parts():
            near, more = space(*self._part(part)), beside(*self._part(part))
            for share, made in found.items():
                made.append(self._ranks(part, near + np.float32(share) * more))
        return max(found, key=lambda share: (self._mean(found[share]), -share))

    def at_best(self, weights: csr_matrix) -> float:
        """NDCG@10 of weights by the better of the shortest recencies and the longest."""
        steps, days = zip(*self.lives(), strict=True)
        ends = product({min(steps), max(steps)}, {min(days), max(days)})
        return max(self.ndcg(Companions(weights, *lives)) for lives in ends)

    def lives(self) -> Iterator[tuple[float, float]]:
        """The recencies that can be told apart: where nothing has a time days say nothing."""
        timed = any(np.ptp(user.days[:end]) > 0 for user, end in zip(self.users, self.ends, strict=True) if end)
        yield from product(STEP_LIVES[::-1], DAY_LIVES[::-1] if timed else DAY_LIVES[-1:])

    def _parts(self) -> list[slice]:
        size = rows_at_once(len(self.place), USERS_PER_BATCH)
        return [slice(at, at + size) for at in range(0, len(self.users), size)]

    def _part(self, part: slice) -> tuple[Sequence[UserSteps], Sequence[int]]:
        return self.users[part], self.ends[part]

    def _ranks(self, part: slice, scores: np.ndarray) -> np.ndarray:
        seen = [self.corpus.taken(user, end) for user, end in zip(*self._part(part), strict=True)]
        return ranks(unseen(scores, self.target[part], seen), self.target[part], self.place)

    def _mean(self, found: list[np.ndarray]) -> float:
        return float(ndcg(np.concatenate(found)).mean()) if found else 0.0
