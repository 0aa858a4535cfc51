"""A snapshot as arrays: distinct texts, the tasks' rows, the users' steps. No torch yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np

from workbench.encoder.rfm import NUMBERS, rfm
from workbench.errors import WorkbenchError
from workbench.shop.plain import clean
from workbench.shop.store import Store
from workbench.tasks.base import Examples, Outputs, Task
from workbench.tasks.histories import History, histories
from workbench.tasks.returns import DAYS
from workbench.tasks.splits import SPLITS, split_of, splitting
from workbench.tasks.texts import own_texts, review_splits, review_texts, said_of, untold
from workbench.tasks.uploaded import tasks_of

DAY = 86400.0
KINDS = ("", "view", "cart", "purchase", "return", "review")
READERS = ("product", "review", "ticket")  # the kinds of text; labelled texts of any other kind are read as reviews
GAPS = 16


@dataclass
class TextRows:
    """A task's rows on texts: indices into the corpus' texts, targets, splits, keys; what a head tells apart and is told of each."""

    task: Task
    text: np.ndarray
    target: np.ndarray
    split: np.ndarray
    keys: list[str]
    labels: list[str]
    outputs: Outputs = field(default_factory=lambda: Outputs([], [], []))
    told: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if not self.outputs.names:
            self.outputs, self.told = Outputs.plain(self.labels), self.target

    def rows(self, split: str) -> np.ndarray:
        return np.flatnonzero(self.split == split)


@dataclass
class UserSteps:
    """One user's steps: product and review indices (-1: none), kind, stars, time in days; what is a target; where training ends; money."""

    user: str
    product: np.ndarray
    review: np.ndarray
    kind: np.ndarray
    stars: np.ndarray
    days: np.ndarray
    target: np.ndarray
    train_end: int
    held: dict[str, int | None]
    paid: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def first(self) -> np.ndarray:
        """Whether each step's product is met for the first time, (steps,)."""
        made = np.zeros(len(self.product), bool)
        made[np.unique(self.product, return_index=True)[1]] = True
        return made & (self.product >= 0)


@dataclass
class UserRows:
    """Rows of a task on users at a time: index of the user, steps known then, the time in days, target, split; what is known then."""

    task: Task
    user: np.ndarray
    end: np.ndarray
    now: np.ndarray
    target: np.ndarray
    split: np.ndarray
    labels: list[str]

    def rows(self, split: str) -> np.ndarray:
        return np.flatnonzero(self.split == split)


@dataclass
class Corpus:
    """Everything a training reads.

    `readers` has the kind of each text (of READERS); a text that is of two kinds is there twice.
    `repeat`: how often an epoch reads a text, where not once; `steps`: steps of an epoch, where not
    as many as the largest set asks for.
    `anchor` (texts, width): how the parent of a fine-tuning reads each text, to which it is kept close.
    `silent` (products,): which have no text of their own, so that `product_text` is what was said of them, if anything.
    `held_reviews` (reviews,): which are held out for validation or test. `open_texts`: indices of the texts
    that no row of validation or test has; what learns from texts without labels (a vocabulary, masked
    words) reads these alone.
    """

    texts: list[str]
    readers: list[str]
    product_ids: list[str]
    product_text: np.ndarray
    review_ids: list[str]
    review_text: np.ndarray
    tickets: dict[str, int]
    users: list[UserSteps]
    text_rows: dict[str, TextRows]
    user_rows: dict[str, UserRows]
    next_item: Task | None
    now: float
    masked: TextRows | None = None
    silent: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    held_reviews: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    open_texts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    left_out: dict[str, str] = field(default_factory=dict)
    repeat: dict[int, float] = field(default_factory=dict)
    anchor: np.ndarray | None = None
    steps: int = 0

    @property
    def labels(self) -> dict[str, list[str]]:
        """The labels of every task that has a head."""
        found = {name: rows.labels for name, rows in self.text_rows.items() if rows.task.objective == "classify"}
        return found | {name: rows.labels for name, rows in self.user_rows.items()}

    @property
    def heads(self) -> dict[str, Outputs | None]:
        """What the head of every task that has one tells apart; None for yes or no about a user."""
        found = {name: rows.outputs for name, rows in self.text_rows.items() if rows.task.objective == "classify"}
        return {**found, **dict.fromkeys(self.user_rows)}

    def masked_texts(self, split: str) -> np.ndarray:
        """Indices of the texts of a split whose words are hidden and guessed; of training only those that are open."""
        if self.masked is None:
            return np.zeros(0, np.int64)
        found = np.unique(self.masked.text[self.masked.rows(split)])
        return np.intersect1d(found, self.open_texts) if split == "train" else np.setdiff1d(found, self.open_texts)

    def counts(self) -> np.ndarray:
        """Times each product was taken in the training part of the histories, (products,)."""
        made = np.zeros(len(self.product_ids))
        for user in self.users:
            taken = user.product[: user.train_end][user.target[: user.train_end]]
            np.add.at(made, taken[taken >= 0], 1)
        return made

    def learned_texts(self) -> np.ndarray:
        """Indices of the texts that training or validation rows read, (texts,), ascending."""
        read = [rows.text[rows.split != "test"] for rows in self.text_rows.values()]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *read]))

    def judged_texts(self) -> np.ndarray:
        """Indices of the texts that validation reads, (texts,): its own rows', all products', and with histories all reviews'."""
        read = [rows.text[rows.split == "validation"] for rows in self.text_rows.values()]
        read += [self.product_text, self.review_text if self.user_rows or self.next_item else self.review_text[:0]]
        found = np.unique(np.concatenate(read))
        return found[found >= 0]

    def taken(self, user: UserSteps, end: int) -> np.ndarray:
        """The distinct products of a user's first `end` steps."""
        found = np.unique(user.product[:end])
        return found[found >= 0]


class _Texts:
    """Distinct texts of each kind with their indices; -1 for an empty text."""

    def __init__(self) -> None:
        self.place: dict[tuple[str, str], int] = {}

    def add(self, text: str, entity: str) -> int:
        return self.place.setdefault((text, reader_of(entity)), len(self.place)) if text else -1


def reader_of(entity: str) -> str:
    """The kind of text (of READERS) that a task on `entity` reads."""
    return entity if entity in READERS else "review"


def read_corpus(store: Store, only: list[str] | None = None, *, split: str = SPLITS[0], return_days: int = DAYS) -> Corpus:
    """The corpus of a snapshot, with the tasks it can learn (`only` these where given), its rows split as a recipe's `split` says.

    Raises WorkbenchError when an unknown task is asked for or nothing can be learned.
    """
    with splitting(split):
        return _read(store, only, return_days)


def _read(store: Store, only: list[str] | None, return_days: int) -> Corpus:
    texts = _Texts()
    own, reviews = own_texts(store), review_texts(store)
    silent = untold(own)
    products = {**own, **said_of(store, silent)}
    product_ids, review_ids = sorted(products), sorted(reviews)
    ticket_rows = store.rows("SELECT ticket_id, body FROM tickets ORDER BY ticket_id")
    corpus = Corpus(
        [],
        [],
        product_ids,
        np.array([texts.add(products[k], "product") for k in product_ids], np.int64),
        review_ids,
        np.array([texts.add(reviews[k], "review") for k in review_ids], np.int64),
        {key: texts.add(clean(body), "ticket") for key, body in ticket_rows},
        [],
        {},
        {},
        None,
        0.0,
    )
    corpus.users = _users(store, corpus)
    corpus.now = max((float(u.days[-1]) for u in corpus.users if len(u.days)), default=0.0)
    for task in _wanted(store, only, return_days):
        missing = task.missing(store)
        if missing:
            corpus.left_out[task.name] = missing
        else:
            _add_task(store, corpus, texts, task)
    corpus.texts = [text for text, _ in texts.place]
    corpus.readers = [reader for _, reader in texts.place]
    corpus.silent = np.array([key in silent for key in product_ids], bool)
    splits = review_splits(store)
    corpus.held_reviews = np.array([splits[key] != "train" for key in review_ids], bool)
    corpus.open_texts = _open_texts(corpus)
    if corpus.masked and not (corpus.text_rows or corpus.user_rows or corpus.next_item):
        corpus.left_out[corpus.masked.task.name] = "it helps other tasks and is not learned alone"
    if not (corpus.text_rows or corpus.user_rows or corpus.next_item):
        reasons = "; ".join(f"{name}: {why}" for name, why in corpus.left_out.items())
        raise WorkbenchError(f"The shop has nothing yet that can be learned ({reasons}).", "Import reviews, orders or labelled rows first.")
    return corpus


def _open_texts(corpus: Corpus) -> np.ndarray:
    """Texts that no held-out review and no held-out row of a task has, whichever kind of text it is.

    Texts that are not reviews' are held out by their hash, as in every task on them, also where such a task is not learned now.
    """
    held = {corpus.texts[i] for i in corpus.review_text[corpus.held_reviews] if i >= 0}
    for rows in (*corpus.text_rows.values(), *([corpus.masked] if corpus.masked else [])):
        held |= {corpus.texts[i] for i in rows.text[rows.split != "train"]}
    held |= {text for text, reader in zip(corpus.texts, corpus.readers, strict=True) if reader != "review" and split_of(text) != "train"}
    return np.array([i for i, text in enumerate(corpus.texts) if text not in held], np.int64)


def _wanted(store: Store, only: list[str] | None, return_days: int) -> list[Task]:
    known = tasks_of(store, return_days)
    unknown = sorted(set(only or []) - set(known))
    if unknown:
        raise WorkbenchError(f"Unknown tasks: {', '.join(unknown)}; known are {', '.join(known)}.", "Name tasks of this list.")
    return [task for name, task in known.items() if only is None or name in only]


def _add_task(store: Store, corpus: Corpus, texts: _Texts, task: Task) -> None:
    made = task.examples(store)
    if task.objective == "next_item":
        corpus.next_item = task
        return
    split, target = np.array(made.splits), np.array(made.targets, np.int64)
    if task.objective == "user_binary":
        place = {u.user: i for i, u in enumerate(corpus.users)}
        asked = [key.rsplit("@", 1) for key in made.keys]
        user = np.array([place[name] for name, _ in asked], np.int64)
        now = np.array([days_of(datetime.fromisoformat(cut)) for _, cut in asked])
        end = np.array([np.searchsorted(corpus.users[u].days, n, side="left") for u, n in zip(user, now, strict=True)], np.int64)
        corpus.user_rows[task.name] = UserRows(task, user, end, now, target, split, made.labels)
        return
    if task.objective == "contrast":
        index = {key: i for i, key in enumerate(corpus.product_ids)}
        target = np.array([index[made.partners[t]] for t in made.targets], np.int64)
    if task.objective == "masked":
        corpus.masked = _text_rows(texts, task, made, [key.split(":")[0] for key in made.keys], target)
    else:
        corpus.text_rows[task.name] = _text_rows(texts, task, made, [task.entity] * len(made.keys), target)


def _text_rows(texts: _Texts, task: Task, made: Examples, entities: list[str], target: np.ndarray) -> TextRows:
    place = np.array([texts.add(text, entity) for text, entity in zip(made.texts, entities, strict=True)], np.int64)
    rows = TextRows(task, place, target, np.array(made.splits), made.keys, made.labels)
    if made.outputs:
        rows.outputs, rows.told = made.outputs, np.array(made.told, np.int64)
    return rows


def _users(store: Store, corpus: Corpus) -> list[UserSteps]:
    products = {key: i for i, key in enumerate(corpus.product_ids)}
    reviews = {key: i for i, key in enumerate(corpus.review_ids)}
    return [user_steps(history, products, reviews) for history in histories(store)]


def user_steps(history: History, products: dict[str, int], reviews: dict[str, int]) -> UserSteps:
    """A history with its products and reviews by their places."""
    product = np.array([products.get(p, -1) for p in history.products], np.int64)
    return UserSteps(
        history.user,
        product,
        np.array([reviews.get(r, -1) if r else -1 for r in history.reviews], np.int64),
        np.array([KINDS.index(k) for k in history.kinds], np.int64),
        np.array([0 if r is None else int(min(5, max(1, round(r)))) for r in history.ratings], np.int64),
        np.array([days_of(t) for t in history.times]),
        np.array(history.target, bool) & (product >= 0),
        history.train_end(),
        {split: history.held(split) for split in ("validation", "test")},
        np.array(history.paid),
    )


def days_of(when: datetime) -> float:
    """Days since 1970-01-01."""
    return (when.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds() / DAY


def gap_buckets(days: np.ndarray) -> np.ndarray:
    """Buckets of the logarithm of days since the step before, (steps,), 0 for the first."""
    gaps = np.diff(days, prepend=days[:1]).clip(min=0)
    return np.asarray(np.minimum(np.log2(1 + gaps * 8).astype(np.int64), GAPS - 1))


def numbers(user: UserSteps, end: int, now: float) -> np.ndarray:
    """What is known of a user's first `end` steps at the time `now`, (`rfm.NUMBERS`,)."""
    kind = user.kind[:end]
    buys = KINDS.index("purchase") if KINDS.index("purchase") in kind else KINDS.index("review")
    paid = user.paid[:end] if len(user.paid) else np.zeros(end)
    return rfm(user.days[:end], user.product[:end], paid, kind == buys, kind == KINDS.index("return"), now)


def asked_numbers(corpus: Corpus, asked: UserRows, rows: np.ndarray) -> np.ndarray:
    """`numbers` for these rows of a task on users, (rows, `rfm.NUMBERS`)."""
    made = [numbers(corpus.users[asked.user[i]], int(asked.end[i]), float(asked.now[i])) for i in rows]
    return np.stack(made) if made else np.zeros((0, NUMBERS), np.float32)


def rows_of(pooled: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Rows of `pooled` (texts, width) by index, zeros where the index is -1."""
    made = np.zeros((len(index), pooled.shape[1]), np.float32)
    known = index >= 0
    made[known] = pooled[index[known]]
    return made
