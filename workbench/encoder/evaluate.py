"""What a model is worth on rows it never learned from: every task's metrics, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.encoder import metrics
from workbench.encoder.batches import question_batch, steps_of
from workbench.encoder.companions import scorer_of as companions_scorer
from workbench.encoder.corpus import Corpus, TextRows, UserRows, UserSteps, rows_of
from workbench.encoder.metrics import Metric
from workbench.encoder.ranking import BEST, Ranked, Scorer, figures, rank_products, ranks, rows_at_once, tie_places
from workbench.encoder.rows import Rows, met
from workbench.encoder.towers import JointEncoder, Steps

USERS_PER_BATCH, TEXTS_PER_BATCH = 256, 1024
Metrics = dict[str, dict[str, Metric]]


class Reader:
    """A model with all texts read: products as vectors; reviews, users and predictions on demand. In evaluation mode."""

    def __init__(self, model: JointEncoder, corpus: Corpus, pooled: np.ndarray) -> None:
        self.model, self.corpus, self.pooled = model.eval(), corpus, pooled
        self.device = model.bias.device
        self.read = Rows(pooled, corpus.review_text, self.device)
        with torch.no_grad():
            self.products = model.products(self._rows(corpus.product_text))

    def _rows(self, index: np.ndarray) -> Tensor:
        return torch.from_numpy(rows_of(self.pooled, index)).to(self.device)

    @torch.no_grad()
    def reviews(self, rows: np.ndarray) -> np.ndarray:
        """Vectors of these reviews, (rows, dim)."""
        return _numpy(self.model.reviews(self.read[rows]))

    def _users(self, steps: Steps) -> tuple[Tensor, Tensor]:
        steps, pooled = met(steps.to(self.device), self.read)
        return self.model.users(steps, self.products, self.model.reviews(pooled))

    @torch.no_grad()
    def users(self, users: list[UserSteps], ends: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """(unit vectors, states) after the first `ends` steps of each user, (rows, dim) each."""
        length = self.model.user.place.num_embeddings
        vectors, states = [np.zeros((0, self.products.shape[1]), np.float32)], [np.zeros((0, self.products.shape[1]), np.float32)]
        for at in range(0, len(users), USERS_PER_BATCH):
            part, stops = users[at : at + USERS_PER_BATCH], ends[at : at + USERS_PER_BATCH]
            vector, state = self._users(steps_of(part, [(max(0, e - length), e) for e in stops], length))
            vectors.append(vector[:, -1].float().cpu().numpy())
            states.append(state[:, -1].float().cpu().numpy())
        return np.concatenate(vectors), np.concatenate(states)

    @torch.no_grad()
    def told(self, task: str, index: np.ndarray) -> Tensor:
        """Log-probabilities of what the task's head tells apart for texts by index, (rows, outputs)."""
        return torch.cat([self.model.classify(task, self._rows(part)) for part in _parts(index)])

    @torch.no_grad()
    def label_logits(self, task: str, index: np.ndarray) -> np.ndarray:
        """Log-probabilities of each label before calibration, (rows, labels)."""
        return _numpy(self.model.text_head(task).labels(self.told(task, index)))

    @torch.no_grad()
    def word_logits(self, task: str, index: np.ndarray) -> np.ndarray:
        """What the words of texts by index say of each label, (rows, labels)."""
        return _numpy(self.model.text_head(task).words(self.texts(index)))

    def texts(self, index: np.ndarray) -> list[str]:
        return [self.corpus.texts[i] for i in index]

    @torch.no_grad()
    def probabilities(self, task: str, index: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of each label, (rows, labels)."""
        return _numpy(self.model.text_head(task).probabilities(self.told(task, index), self.texts(index)))

    @torch.no_grad()
    def outputs(self, task: str, index: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities of what the head tells apart (stars, say), (rows, outputs), from the labels' own, (rows, labels)."""
        labels = torch.from_numpy(probabilities).to(self.device)
        return _numpy(self.model.text_head(task).outputs(self.told(task, index), labels))

    @torch.no_grad()
    def logits(self, asked: UserRows, rows: np.ndarray) -> np.ndarray:
        """Both logits of "yes" before calibration for these rows of a task on users, (rows, 2)."""
        made = [np.zeros((0, 2), np.float32)]
        length = self.model.user.place.num_embeddings
        for at in range(0, len(rows), USERS_PER_BATCH):
            batch = question_batch(self.corpus, asked, rows[at : at + USERS_PER_BATCH], length)
            _, states = self._users(batch.steps)
            made.append(_numpy(self.model.binary(asked.task.name, states[:, -1], batch.numbers.to(self.device))))
        return np.concatenate(made)

    @torch.no_grad()
    def answers(self, asked: UserRows, rows: np.ndarray) -> np.ndarray:
        """Calibrated probability of "yes" for these rows of a task on users, (rows,)."""
        logits = torch.from_numpy(self.logits(asked, rows)).to(self.device)
        return _numpy(self.model.user_head(asked.task.name).probability(logits))

    @torch.no_grad()
    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Scores of all products for user vectors in the space, without companions, (rows, products)."""
        return _numpy(self.model.scores(torch.from_numpy(vectors).to(self.device), self.products))

    @torch.no_grad()
    def review_ranks(self, rows: TextRows, wanted: np.ndarray) -> np.ndarray:
        """0-based rank of each review's own product among all, (rows,)."""
        places, found = tie_places(self.corpus.product_ids), [np.zeros(0, np.int64)]
        for part in _parts(wanted, rows_at_once(len(places), TEXTS_PER_BATCH)):
            said = self.model.reviews(self._rows(rows.text[part]))
            found.append(ranks(_numpy(self.model.review_scores(said, self.products)), rows.target[part], places))
        return np.concatenate(found)


def _parts(rows: np.ndarray, most: int = TEXTS_PER_BATCH) -> list[np.ndarray]:
    """Rows in parts of at `most` so many that are computed one after the other; one empty part where there are none."""
    return np.array_split(rows, max(1, -(-len(rows) // most)))


def _numpy(found: Tensor) -> np.ndarray:
    return np.asarray(found.float().cpu().numpy())


def space_scorer(reader: Reader) -> Scorer:
    """The joint space's scores of all products for users after some of their steps."""
    return lambda users, ends: reader.scores(reader.users(list(users), list(ends))[0])


def scorer_of(reader: Reader) -> Scorer:
    """The model's scores: those of the joint space and what companions add."""
    space, beside = space_scorer(reader), companions_scorer(reader.model.companions.companions())
    return lambda users, ends: space(users, ends) + beside(users, ends)


def next_item(reader: Reader, split: str, *, best: int = BEST) -> Ranked:
    """Each held-out product's rank among all that the user has not taken yet."""
    return rank_products(reader.corpus, split, scorer_of(reader), best=best)


def measure(model: JointEncoder, corpus: Corpus, pooled: np.ndarray, split: str, *, intervals: bool = True) -> Metrics:
    """Every task's metrics on a split, the one that speaks for the task first."""
    reader = Reader(model, corpus, pooled)
    made: Metrics = {}
    with metrics.resampling(intervals):
        for name, rows in corpus.text_rows.items():
            wanted = rows.rows(split)
            if rows.task.objective == "contrast":
                made[name] = metrics.recall(reader.review_ranks(rows, wanted))
            else:
                made[name] = classified(reader, name, wanted)
        for name, found in corpus.user_rows.items():
            wanted = found.rows(split)
            made[name] = metrics.binary(found.target[wanted], reader.answers(found, wanted))
        if corpus.next_item:
            ranked = next_item(reader, split, best=BEST if intervals else 0)
            made[corpus.next_item.name] = figures([ranked], corpus.counts())
    return made


def classified(reader: Reader, name: str, wanted: np.ndarray) -> dict[str, Metric]:
    """The metrics of a classification task on these of its rows."""
    rows = reader.corpus.text_rows[name]
    probabilities = reader.probabilities(name, rows.text[wanted])
    guess = reader.model.text_head(name).choose(probabilities)
    made = metrics.classification(rows.target[wanted], guess, len(rows.labels), probabilities)
    if rows.outputs.ordered:
        known = np.flatnonzero(rows.told[wanted] < len(rows.outputs.names))
        found = reader.outputs(name, rows.text[wanted[known]], probabilities[known])
        return made | {"mae_stars": metrics.median_error(rows.told[wanted[known]], found)}
    return made | metrics.by_level(rows.target[wanted], probabilities, rows.outputs.targets)


def differences(found: dict[str, Metric], rivals: dict[str, dict[str, Metric]]) -> dict[str, dict[str, Metric]]:
    """Of each metric to each rival's on the same rows, with its paired interval: {metric: {rival: difference}}."""
    made = {
        name: {rival: its.minus(theirs[name]) for rival, theirs in rivals.items() if name in theirs and theirs[name]["n"] == its["n"]}
        for name, its in found.items()
    }
    return {name: to for name, to in made.items() if to}


def as_json(found: Metrics, baselines: dict[str, dict[str, dict[str, Metric]]], parent: Metrics | None = None) -> dict[str, Any]:
    """The `tasks` part of metrics.json; `parent` is what the version it came from reaches on the same rows."""
    made: dict[str, Any] = {}
    for name, values in found.items():
        simple = baselines.get(name, {})
        before = {"parent": parent[name]} if parent and name in parent else {}
        made[name] = {"metrics": values, "baselines": simple, "differences": differences(values, {**simple, **before})}
    return made
