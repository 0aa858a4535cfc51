"""What a model is worth on rows it never learned from: every task's metrics, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.encoder import metrics
from workbench.encoder.batches import question_batch, steps_of
from workbench.encoder.corpus import Corpus, TextRows, UserRows, UserSteps, rows_of
from workbench.encoder.metrics import Metric
from workbench.encoder.towers import JointEncoder

USERS_PER_BATCH = 256
Metrics = dict[str, dict[str, Metric]]


class Reader:
    """A model with all texts read: products and reviews as vectors, users and predictions on demand. In evaluation mode."""

    def __init__(self, model: JointEncoder, corpus: Corpus, pooled: np.ndarray) -> None:
        self.model, self.corpus, self.pooled = model.eval(), corpus, pooled
        self.device = model.bias.device
        with torch.no_grad():
            self.products = model.products(self._rows(corpus.product_text))
            self.reviews = model.reviews(self._rows(corpus.review_text))

    def _rows(self, index: np.ndarray) -> Tensor:
        return torch.from_numpy(rows_of(self.pooled, index)).to(self.device)

    @torch.no_grad()
    def users(self, users: list[UserSteps], ends: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """(unit vectors, states) after the first `ends` steps of each user, (rows, dim) each."""
        length = self.model.user.place.num_embeddings
        vectors, states = [np.zeros((0, self.products.shape[1]), np.float32)], [np.zeros((0, self.products.shape[1]), np.float32)]
        for at in range(0, len(users), USERS_PER_BATCH):
            part, stops = users[at : at + USERS_PER_BATCH], ends[at : at + USERS_PER_BATCH]
            steps = steps_of(part, [(max(0, e - length), e) for e in stops], length).to(self.device)
            vector, state = self.model.users(steps, self.products, self.reviews)
            vectors.append(vector[:, -1].float().cpu().numpy())
            states.append(state[:, -1].float().cpu().numpy())
        return np.concatenate(vectors), np.concatenate(states)

    @torch.no_grad()
    def told(self, task: str, index: np.ndarray) -> Tensor:
        """Log-probabilities of what the task's head tells apart for texts by index, (rows, outputs)."""
        return self.model.classify(task, self._rows(index))

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
        """Logits of "yes" before calibration for these rows of a task on users, (rows,)."""
        made = [np.zeros(0, np.float32)]
        length = self.model.user.place.num_embeddings
        for at in range(0, len(rows), USERS_PER_BATCH):
            batch = question_batch(self.corpus, asked, rows[at : at + USERS_PER_BATCH], length)
            _, states = self.model.users(batch.steps.to(self.device), self.products, self.reviews)
            made.append(_numpy(self.model.binary(asked.task.name, states[:, -1], batch.numbers.to(self.device))))
        return np.concatenate(made)

    @torch.no_grad()
    def answers(self, asked: UserRows, rows: np.ndarray) -> np.ndarray:
        """Calibrated probability of "yes" for these rows of a task on users, (rows,)."""
        logits = torch.from_numpy(self.logits(asked, rows)).to(self.device)
        return _numpy(self.model.user_head(asked.task.name).probability(logits))

    @torch.no_grad()
    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Scores of all products for user vectors, (rows, products)."""
        found = self.model.scores(torch.from_numpy(vectors).to(self.device), self.products)
        return np.asarray(found.float().cpu().numpy())

    @torch.no_grad()
    def review_ranks(self, rows: TextRows, wanted: np.ndarray) -> np.ndarray:
        """0-based rank of each review's own product among all, (rows,)."""
        said = self.model.reviews(self._rows(rows.text[wanted]))
        return metrics.ranks(_numpy(self.model.review_scores(said, self.products)), rows.target[wanted])


def _numpy(found: Tensor) -> np.ndarray:
    return np.asarray(found.float().cpu().numpy())


def held_users(corpus: Corpus, split: str) -> tuple[list[UserSteps], list[int], np.ndarray]:
    """Users with a held-out target in `split`: the users, the steps known before it, the product."""
    found = [(u, at) for u in corpus.users if (at := u.held[split]) is not None and u.product[at] >= 0]
    return [u for u, _ in found], [at for _, at in found], np.array([u.product[at] for u, at in found], np.int64)


def next_item_ranks(reader: Reader, split: str) -> np.ndarray:
    """Rank of each held-out product among all that the user has not taken yet, (users,)."""
    users, ends, target = held_users(reader.corpus, split)
    vectors, _ = reader.users(users, ends)
    made = [np.zeros(0, np.int64)]
    for at in range(0, len(users), USERS_PER_BATCH):
        part = slice(at, at + USERS_PER_BATCH)
        seen = [reader.corpus.taken(u, e).tolist() for u, e in zip(users[part], ends[part], strict=True)]
        made.append(metrics.ranks(reader.scores(vectors[part]), target[part], seen))
    return np.concatenate(made)


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
            made[corpus.next_item.name] = metrics.ranking(next_item_ranks(reader, split))
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
