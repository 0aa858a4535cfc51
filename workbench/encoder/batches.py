"""What one training step reads: some texts of each kind, some users.

The set with the most batches sets the number of steps in an epoch; the others are spread over it, so
that each task's loss is the mean over about as many rows in every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from workbench.encoder.backbone import Texts
from workbench.encoder.corpus import Corpus, UserRows, UserSteps, asked_numbers, gap_buckets
from workbench.encoder.features import Features
from workbench.encoder.masked import MaskedBatch, hide
from workbench.encoder.recipe import Recipe
from workbench.encoder.sampling import drawn, learned_steps, passes, scaled, wishes
from workbench.encoder.towers import Steps
from workbench.encoder.words import WordNoise
from workbench.errors import WorkbenchError

LEAST_TEXTS, LEAST_USERS = 4, 16
MOST_POSITIONS = 2048
BUCKET = 16


@dataclass
class TextBatch:
    """Texts with their indices in the corpus, and for each task the rows of the batch that it labels with their targets."""

    texts: Texts
    places: Tensor
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
    masked: MaskedBatch | None = None

    def in_words(self) -> str:
        """How many rows it has, and which text is its first."""
        texts = sum(len(batch.places) for batch in self.texts)
        first = next((f" (the first is text {int(batch.places[0])})" for batch in self.texts if len(batch.places)), "")
        users = len(self.users.target) if self.users else 0
        return f"a batch of {texts} texts{first} and {users} histories"


# -- histories as tensors --------------------------------------------------------------------


def steps_of(users: Sequence[UserSteps], spans: Sequence[tuple[int, int]], length: int) -> Steps:
    """The users' steps in these half-open spans, left-padded to `length` at most."""
    longest = max(1, min(length, max((stop - start for start, stop in spans), default=1)))
    shape = (len(users), longest)
    product, review = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
    kind, stars, gap = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    days, first, older = np.zeros(shape), np.zeros(shape, bool), []
    for row, (user, (start, stop)) in enumerate(zip(users, spans, strict=True)):
        start = max(start, stop - longest)
        older.append(user.product[:start][user.first[:start]])
        if stop > start:
            at = slice(longest - (stop - start), longest)
            product[row, at], review[row, at] = user.product[start:stop], user.review[start:stop]
            kind[row, at], stars[row, at] = user.kind[start:stop], user.stars[start:stop]
            days[row, at], first[row, at] = user.days[start:stop], user.first[start:stop]
            gap[row, at] = gap_buckets(user.days[start:stop])
    begins = np.cumsum([0, *map(len, older[:-1])])
    made = (product, review, kind, stars, gap, days, first, np.concatenate([np.zeros(0, np.int64), *older]), begins[: len(users)])
    return Steps(*(torch.from_numpy(x) for x in made))


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


def without(steps: Steps, held: Tensor) -> None:
    """Take texts and stars of the reviews in `held` (reviews,) out of histories that are learned from; the step itself stays."""
    if len(held):
        gone = (steps.review >= 0) & held[steps.review]
        steps.review[gone], steps.stars[gone] = -1, 0


def without_last(user: UserSteps, end: int) -> UserSteps:
    """The user without products, reviews and stars from the last but one target before `end` on; that something happened stays.

    The last two targets are what next item is tested on. A question about a user is asked over them, in
    training and later alike, so that their absence says nothing about the answer.
    """
    targets = np.flatnonzero(user.target[:end])
    if len(targets) < 2:
        return user
    product, review, stars = user.product.copy(), user.review.copy(), user.stars.copy()
    product[targets[-2] :], review[targets[-2] :], stars[targets[-2] :] = -1, -1, 0
    return replace(user, product=product, review=review, stars=stars)


# -- an epoch --------------------------------------------------------------------------------


@dataclass
class TextSet:
    """All training texts of one kind, how often each counts, and what each task says of them."""

    texts: np.ndarray
    times: np.ndarray
    targets: dict[str, dict[int, list[int]]]

    def wish(self, by_task: dict[str, float]) -> np.ndarray:
        """The greatest wish of the tasks that label each text, (texts,)."""
        labelled = [[by_task[task] for task, targets in self.targets.items() if int(text) in targets] for text in self.texts]
        return np.array([max(wishes) for wishes in labelled])

    def batch(self, features: Features, rows: np.ndarray) -> TextBatch:
        found = self.texts[rows]
        labelled: dict[str, tuple[Tensor, Tensor]] = {}
        for task, targets in self.targets.items():
            pairs = [(at, t) for at, text in enumerate(found) for t in targets.get(int(text), [])]
            if pairs:
                both = torch.tensor(pairs)
                labelled[task] = (both[:, 0], both[:, 1])
        return TextBatch(features.batch(found), torch.from_numpy(found), labelled)


def text_sets(corpus: Corpus) -> list[TextSet]:
    """The training texts grouped by what they are (product, review, ticket, text)."""
    grouped: dict[str, dict[str, dict[int, list[int]]]] = {}
    for name, rows in corpus.text_rows.items():
        targets = grouped.setdefault(rows.task.entity, {}).setdefault(name, {})
        told = rows.told if rows.task.objective == "classify" else rows.target
        for row in rows.rows("train"):
            targets.setdefault(int(rows.text[row]), []).append(int(told[row]))
    made = []
    for by_task in grouped.values():
        texts = sorted({text for targets in by_task.values() for text in targets})
        times = [float(corpus.repeat.get(text, 1)) for text in texts]
        made.append(TextSet(np.array(texts, np.int64), np.array(times), by_task))
    return made


class Epochs:
    """Yields the steps of each epoch, in an order that depends on the seed and the epoch alone.

    Of several processes each takes every `of`-th batch, beginning with its own `rank`. Raises WorkbenchError where no task has a
    row to learn from.
    """

    def __init__(self, corpus: Corpus, features: Features, recipe: Recipe, *, rank: int = 0, of: int = 1) -> None:
        self.corpus, self.features, self.recipe = corpus, features, recipe
        self.sets = [s for s in text_sets(corpus) if len(s.texts)]
        self.users = [u for u in corpus.users if corpus.next_item and u.target[1 : u.train_end].any()]
        self.questions = {name: asked for name, rows in corpus.user_rows.items() if len(asked := rows.rows("train"))}
        self.passes = passes(learned_steps(self.users, recipe.history_length), recipe.user_passes)
        self.masked = corpus.masked_texts("train")
        if not (self.sets or self.users or self.questions):
            raise WorkbenchError("No task has rows to learn from: all are held out.", "Import more reviews, orders or labelled rows.")
        self.held = torch.from_numpy(corpus.held_reviews)
        self.times = self._times()
        self.noise = WordNoise(recipe, features.backbone, (features.words(text) for s in self.sets for text in s.texts))
        sizes = [recipe.batch_texts] * len(self.sets) + [recipe.batch_users] * (len(self.times) - len(self.sets))
        wanted = [times.sum() / size for times, size in zip(self.times, sizes, strict=True)]
        self.batches = corpus.steps or max(1, int(np.ceil(max(*wanted, len(self.masked) / recipe.batch_texts))))
        self.steps, self.rank, self.of = -(-self.batches // of), rank, of

    def _times(self) -> list[np.ndarray]:
        """How often an epoch reads each row: of the text sets, of the users, of each task on users."""
        wish = wishes(self.corpus, self.passes, self.recipe.sampling)
        users = wish[self.corpus.next_item.name] if self.corpus.next_item else 0.0
        plain = [(s.times, s.wish(wish)) for s in self.sets]
        plain += [(np.full(len(self.users), float(self.passes)), np.full(len(self.users), users))]
        plain += [(np.ones(len(asked)), np.full(len(asked), wish[name])) for name, asked in self.questions.items()]
        return scaled([times * wished for times, wished in plain], sum(float(times.sum()) for times, _ in plain))

    def __call__(self, epoch: int) -> Iterator[Step]:
        random = np.random.default_rng([self.recipe.seed, epoch])
        ends = [
            np.array([u.train_end for u in self.users]),
            *(self.corpus.user_rows[name].end[rows] for name, rows in self.questions.items()),
        ]
        lengths = [self.features.lengths[s.texts] for s in self.sets] + [np.minimum(e, self.recipe.history_length) for e in ends]
        least = [LEAST_TEXTS] * len(self.sets) + [LEAST_USERS] * (len(self.times) - len(self.sets))
        spread = [self._spread(*found, random) for found in zip(self.times, least, lengths, strict=True)]
        texts, users, questions = spread[: len(self.sets)], spread[len(self.sets)], spread[len(self.sets) + 1 :]
        masked = self._spread(np.ones(len(self.masked)), LEAST_TEXTS, self.features.lengths[self.masked], random)
        for turn in range(self.steps):
            at = (turn * self.of + self.rank) % self.batches
            random = np.random.default_rng([self.recipe.seed, epoch, at])
            step = Step([self._texts(s, rows[at], random) for s, rows in zip(self.sets, texts, strict=True)])
            if self.users:
                step.users = user_batch([self.users[i] for i in users[at]], self.recipe.history_length, random)
                without(step.users.steps, self.held)
            for (name, rows), places in zip(self.questions.items(), questions, strict=True):
                asked = self.corpus.user_rows[name]
                step.questions[name] = question_batch(self.corpus, asked, rows[places[at]], self.recipe.history_length)
                without(step.questions[name].steps, self.held)
            if len(self.masked):
                step.masked = self._masked(masked[at], random)
            yield step

    def _texts(self, found: TextSet, rows: np.ndarray, random: np.random.Generator) -> TextBatch:
        batch = found.batch(self.features, rows)
        return replace(batch, texts=self.noise(batch.texts, random))

    def _masked(self, rows: np.ndarray, random: np.random.Generator) -> MaskedBatch:
        chance = torch.Generator().manual_seed(int(random.integers(2**31)))
        return hide(self.features.batch(self.masked[rows]), self.features.backbone.tokenizer, chance)

    def _spread(self, times: np.ndarray, least: int, lengths: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        """The rows that are due, cut into batches of like length; repeated where a batch would fall below `least`."""
        n = len(times)
        if n == 0:
            return []
        size = max(min(least, n), int(np.ceil(round(float(times.sum()), 6) / self.batches)))
        needed = size * self.batches
        order = drawn(times, random)
        more = [random.permutation(n) for _ in range(-(-max(0, needed - len(order)) // n))]
        order = np.concatenate([order, *more])[:needed]
        made = [
            part
            for block in np.array_split(order.reshape(self.batches, size), max(1, self.batches // BUCKET))
            for part in _sorted(block, lengths)
        ]
        return [made[i] for i in random.permutation(len(made))]


def _sorted(block: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The rows of some batches dealt anew, so that each batch holds texts of like length."""
    rows = block.ravel()
    return list(rows[np.argsort(lengths[rows], kind="stable")].reshape(block.shape))


def question_batch(corpus: Corpus, found: UserRows, rows: np.ndarray, length: int) -> QuestionBatch:
    """The histories and numbers of these rows of a task on users."""
    ends = [int(e) for e in found.end[rows]]
    users = [without_last(corpus.users[i], end) for i, end in zip(found.user[rows], ends, strict=True)]
    steps = steps_of(users, [(max(0, e - length), e) for e in ends], length)
    return QuestionBatch(steps, torch.from_numpy(asked_numbers(corpus, found, rows)), torch.from_numpy(found.target[rows]).float())
