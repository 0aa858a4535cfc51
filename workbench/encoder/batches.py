"""What one training step reads: some texts of each kind, some users.

The largest set sets the number of steps in an epoch; the others are spread over it, so that each
task's loss is the mean over about as many rows in every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from workbench.encoder.backbone import Texts
from workbench.encoder.corpus import Corpus, UserRows, UserSteps, gap_buckets, numbers
from workbench.encoder.features import Features
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import Steps

LEAST_TEXTS, LEAST_USERS = 4, 16
MOST_POSITIONS = 2048
BUCKET = 16


@dataclass
class TextBatch:
    """Texts, and for each task the rows of the batch that it labels with their targets."""

    texts: Texts
    rows: dict[str, tuple[Tensor, Tensor]]


@dataclass
class UserBatch:
    """Histories with the next product at each position (-100: none)."""

    steps: Steps
    target: Tensor


@dataclass
class QuestionBatch:
    """Histories up to a time, with numbers about them, and the answer."""

    steps: Steps
    numbers: Tensor
    target: Tensor


@dataclass
class Step:
    """Everything of one training step, by reader and by task."""

    texts: list[TextBatch] = field(default_factory=list)
    users: UserBatch | None = None
    questions: dict[str, QuestionBatch] = field(default_factory=dict)


# -- histories as tensors --------------------------------------------------------------------


def steps_of(users: Sequence[UserSteps], spans: Sequence[tuple[int, int]], length: int) -> Steps:
    """The users' steps in these half-open spans, left-padded to `length` at most."""
    longest = max(1, min(length, max((stop - start for start, stop in spans), default=1)))
    shape = (len(users), longest)
    product, review = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
    kind, stars, gap = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, (user, (start, stop)) in enumerate(zip(users, spans, strict=True)):
        start = max(start, stop - longest)
        if stop > start:
            at = slice(longest - (stop - start), longest)
            product[row, at], review[row, at] = user.product[start:stop], user.review[start:stop]
            kind[row, at], stars[row, at] = user.kind[start:stop], user.stars[start:stop]
            gap[row, at] = gap_buckets(user.days[start:stop])
    return Steps(*(torch.from_numpy(x) for x in (product, review, kind, stars, gap)))


def user_batch(users: Sequence[UserSteps], length: int, random: np.random.Generator) -> UserBatch:
    """A random window of each user's training steps; what follows each step is its target."""
    spans = []
    for user in users:
        stop = user.train_end
        if stop > length + 1:
            stop = int(random.integers(length + 1, user.train_end + 1))
        spans.append((max(0, stop - length - 1), stop - 1))
    steps = steps_of(users, spans, length)
    target = np.full(steps.product.shape, -100, np.int64)
    for row, (user, (start, stop)) in enumerate(zip(users, spans, strict=True)):
        start = max(start, stop - target.shape[1])
        following = np.where(user.target[start + 1 : stop + 1], user.product[start + 1 : stop + 1], -100)
        target[row, target.shape[1] - (stop - start) :] = following
    wanted = np.argwhere(target >= 0)
    if len(wanted) > MOST_POSITIONS:
        dropped = wanted[random.permutation(len(wanted))[MOST_POSITIONS:]]
        target[dropped[:, 0], dropped[:, 1]] = -100
    return UserBatch(steps, torch.from_numpy(target))


# -- an epoch --------------------------------------------------------------------------------


@dataclass
class TextSet:
    """All training texts of one kind and what each task says of them."""

    texts: np.ndarray
    targets: dict[str, dict[int, list[int]]]

    def batch(self, features: Features, rows: np.ndarray) -> TextBatch:
        found = self.texts[rows]
        labelled: dict[str, tuple[Tensor, Tensor]] = {}
        for task, targets in self.targets.items():
            pairs = [(at, t) for at, text in enumerate(found) for t in targets.get(int(text), [])]
            if pairs:
                both = torch.tensor(pairs)
                labelled[task] = (both[:, 0], both[:, 1])
        return TextBatch(features.batch(found), labelled)


def text_sets(corpus: Corpus) -> list[TextSet]:
    """The training texts grouped by what they are (product, review, ticket, text)."""
    grouped: dict[str, dict[str, dict[int, list[int]]]] = {}
    for name, rows in corpus.text_rows.items():
        targets = grouped.setdefault(rows.task.entity, {}).setdefault(name, {})
        for row in rows.rows("train"):
            targets.setdefault(int(rows.text[row]), []).append(int(rows.target[row]))
    made = []
    for by_task in grouped.values():
        texts = sorted({text for targets in by_task.values() for text in targets})
        times = [corpus.repeat.get(text, 1) for text in texts]
        made.append(TextSet(np.repeat(np.array(texts, np.int64), times), by_task))
    return made


class Epochs:
    """Yields the steps of each epoch, in an order that depends on the seed and the epoch alone."""

    def __init__(self, corpus: Corpus, features: Features, recipe: Recipe) -> None:
        self.corpus, self.features, self.recipe = corpus, features, recipe
        self.sets = [s for s in text_sets(corpus) if len(s.texts)]
        self.users = [u for u in corpus.users if corpus.next_item and u.target[1 : u.train_end].any()]
        self.questions = {name: rows.rows("train") for name, rows in corpus.user_rows.items()}
        wanted = [len(s.texts) / recipe.batch_texts for s in self.sets]
        wanted += [len(self.users) * recipe.user_passes / recipe.batch_users]
        wanted += [len(rows) / recipe.batch_users for rows in self.questions.values()]
        self.steps = max(1, int(np.ceil(max(wanted))))

    def __call__(self, epoch: int) -> Iterator[Step]:
        random = np.random.default_rng([self.recipe.seed, epoch])
        texts = [self._spread(len(s.texts), 1, LEAST_TEXTS, random, self.features.lengths[s.texts]) for s in self.sets]
        users = self._spread(len(self.users), self.recipe.user_passes, LEAST_USERS, random)
        questions = {n: self._spread(len(r), 1, LEAST_USERS, random) for n, r in self.questions.items()}
        for at in range(self.steps):
            step = Step([s.batch(self.features, rows[at]) for s, rows in zip(self.sets, texts, strict=True)])
            if self.users:
                step.users = user_batch([self.users[i] for i in users[at]], self.recipe.history_length, random)
            for name, rows in self.questions.items():
                asked = self.corpus.user_rows[name]
                step.questions[name] = question_batch(self.corpus, asked, rows[questions[name][at]], self.recipe.history_length)
            yield step

    def _spread(self, n: int, passes: int, least: int, random: np.random.Generator, lengths: np.ndarray | None = None) -> list[np.ndarray]:
        """`passes` permutations of n rows cut into `self.steps` batches, repeated where a batch would fall below `least`."""
        if n == 0:
            return []
        size = max(min(least, n), int(np.ceil(n * passes / self.steps)))
        needed = size * self.steps
        order = np.concatenate([random.permutation(n) for _ in range(-(-needed // n))])[:needed]
        if lengths is None:
            return list(order.reshape(self.steps, size))
        made = [
            part
            for block in np.array_split(order.reshape(self.steps, size), max(1, self.steps // BUCKET))
            for part in _sorted(block, lengths)
        ]
        return [made[i] for i in random.permutation(len(made))]


def _sorted(block: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The rows of some batches dealt anew, so that each batch holds texts of like length."""
    rows = block.ravel()
    return list(rows[np.argsort(lengths[rows], kind="stable")].reshape(block.shape))


def question_batch(corpus: Corpus, found: UserRows, rows: np.ndarray, length: int) -> QuestionBatch:
    """The histories and numbers of these rows of a task on users."""
    users = [corpus.users[i] for i in found.user[rows]]
    ends = [int(e) for e in found.end[rows]]
    told = np.stack([numbers(u, e, float(n)) for u, e, n in zip(users, ends, found.now[rows], strict=True)])
    steps = steps_of(users, [(max(0, e - length), e) for e in ends], length)
    return QuestionBatch(steps, torch.from_numpy(told), torch.from_numpy(found.target[rows]).float())
