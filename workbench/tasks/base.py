"""What a task is: one file in this folder that defines `TASK`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import workbench.tasks as package
from workbench.shop.store import Store

Objective = Literal["classify", "contrast", "next_item", "user_binary", "masked"]


@dataclass(frozen=True)
class Outputs:
    """What a head tells apart, where that is finer than the task's labels.

    `names` are the outputs, `label` holds the index of each one's label, `ordered` says that they stand in
    order (stars). A row is told one of `targets`: the sets of outputs that it lies in, one for each level,
    from coarse to fine; its loss is the mean over the levels of the negative log-probability of the set.
    """

    names: list[str]
    label: list[int]
    targets: list[list[list[int]]]
    ordered: bool = False

    @classmethod
    def plain(cls, labels: list[str]) -> Outputs:
        """One output for each label."""
        return cls(labels, list(range(len(labels))), [[[i]] for i in range(len(labels))])


@dataclass
class Examples:
    """A task's labelled rows.

    `keys` name the rows (a review's, product's, ticket's or user's id), `texts` are what is read
    (empty for tasks on histories), `targets` are indices into `labels`, or for `contrast` into
    `partners`; `splits` holds "train", "validation" or "test" for each row. Where `outputs` are finer
    than the labels, `told` holds for each row the index of its target among theirs.
    """

    keys: list[str]
    texts: list[str]
    targets: list[int]
    splits: list[str]
    labels: list[str] = field(default_factory=list)
    partners: list[str] = field(default_factory=list)
    outputs: Outputs | None = None
    told: list[int] = field(default_factory=list)

    def rows(self, split: str) -> list[int]:
        return [i for i, s in enumerate(self.splits) if s == split]


@dataclass(frozen=True)
class Task:
    """One thing to learn.

    `missing(store)` says in words why a shop cannot learn it, None when it can; `examples(store)`
    reads its rows. `entity` is what it reads: product, review, ticket, text or user. `predicts`
    names the table whose rows get a prediction from it, None where there is nothing to store.
    """

    name: str
    title: str
    objective: Objective
    entity: str
    metric: str
    missing: Callable[[Store], str | None]
    examples: Callable[[Store], Examples]
    predicts: str | None = None


def tasks() -> dict[str, Task]:
    """Every task, found by its file in this folder, by name."""
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        task = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "TASK", None)
        if isinstance(task, Task):
            found[task.name] = task
    return dict(sorted(found.items()))


def at_least(store: Store, sql: str, least: int, what: str) -> str | None:
    """None when the count that `sql` returns reaches `least`, else what is missing."""
    count = int(store.value(sql) or 0)
    return None if count >= least else f"needs at least {least} {what}, there are {count}"
