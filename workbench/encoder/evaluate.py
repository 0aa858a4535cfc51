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
    def probabilities(self, task: str, index: np.ndarray) -> np.ndarray:
        """Of each label for texts by index, (rows, labels)."""
        logits = self.model.classify(task, self._rows(index))
        return np.asarray(torch.softmax(logits, -1).float().cpu().numpy())

    @torch.no_grad()
    def answers(self, asked: UserRows, rows: np.ndarray) -> np.ndarray:
        """Probability of "yes" for these rows of a task on users, (rows,)."""
        made = [np.zeros(0, np.float32)]
        length = self.model.user.place.num_embeddings
        for at in range(0, len(rows), USERS_PER_BATCH):
            batch = question_batch(self.corpus, asked, rows[at : at + USERS_PER_BATCH], length)
            _, states = self.model.users(batch.steps.to(self.device), self.products, self.reviews)
            logits = self.model.binary(asked.task.name, states[:, -1], batch.numbers.to(self.device))
            made.append(torch.sigmoid(logits).float().cpu().numpy())
        return np.concatenate(made)

    @torch.no_grad()
    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Scores of all products for user vectors, (rows, products)."""
        found = self.model.scores(torch.from_numpy(vectors).to(self.device), self.products)
        return np.asarray(found.float().cpu().numpy())

    @torch.no_grad()
    def review_ranks(self, rows: TextRows, wanted: np.ndarray) -> np.ndarray:
        """0-based rank of each review's own product among all, (rows,)."""
        said = self.model.reviews(self._rows(rows.text[wanted]))
        return metrics.ranks((said @ self.products.T).float().cpu().numpy(), rows.target[wanted])


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
                hit = reader.review_ranks(rows, wanted) < 10
                made[name] = {"recall_at_10": metrics.mean(hit.astype(float))}
            else:
                guess = reader.probabilities(name, rows.text[wanted]).argmax(1)
                made[name] = metrics.classification(rows.target[wanted], guess, len(rows.labels))
        for name, found in corpus.user_rows.items():
            wanted = found.rows(split)
            truth, score = found.target[wanted], reader.answers(found, wanted)
            made[name] = {"auc": metrics.area(truth, score)}
        if corpus.next_item:
            made[corpus.next_item.name] = metrics.ranking(next_item_ranks(reader, split))
    return made


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
