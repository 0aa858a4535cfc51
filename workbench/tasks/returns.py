"""Whether a user buys again within so many days, 90 where the recipe says nothing else.

Cut in time, no leak across the cut: the history before a cut is read, the days after it give the
answer. The newest cut is the test's. The days that answer the training cuts end where the test's begin;
of the users at those cuts a fifth by a hash are the validation rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from workbench.shop.schema import happened
from workbench.shop.store import Store
from workbench.tasks.base import Examples, Task
from workbench.tasks.histories import cuts as cut_in_time
from workbench.tasks.histories import histories, target_kind
from workbench.tasks.splits import split_of

DAYS = 90
LABELS = ["stays_away", "returns"]
LEAST_USERS = 100
TRAIN_CUTS = 3


def within(days: int) -> Task:
    """The task for a window of `days`."""
    return Task(
        "return",
        f"Return within {days} days",
        "user_binary",
        "user",
        "auc",
        lambda store: missing(store, days),
        lambda store: examples(store, days),
        predicts="users",
    )


def cuts(store: Store, days: int = DAYS) -> list[datetime]:
    """The cuts in time, newest first; the newest is the test's. Empty where the shop is too young.

    Where the whole shop is cut in time, the training cuts' answers are known before that.
    """
    span = store.value(
        f"SELECT [min(happened_at), max(happened_at)] FROM histories WHERE kind = ? AND {happened('happened_at')}", [target_kind(store)]
    )
    if not span or span[0] is None:
        return []
    first, last = span
    window = timedelta(days=days)
    newest = last - window
    everything = cut_in_time(store)
    known = min(newest, everything.validation) if everything else newest
    found = [known - window * (1 + i / 2) for i in range(TRAIN_CUTS)]
    return [newest] + [cut for cut in found if cut > first + timedelta(days=30)] if newest > first + window else []


def missing(store: Store, days: int = DAYS) -> str | None:
    found = cuts(store, days)
    if len(found) < 2:
        return f"needs purchases over at least {2 * days + 30} days"
    active = sum(any(t < found[0] for t in history.times) for history in histories(store))
    if active < LEAST_USERS:
        return f"needs at least {LEAST_USERS} users before {found[0]:%Y-%m-%d}, there are {active}"
    made = examples(store, days)
    if "train" not in made.splits:
        return f"needs users to learn from before {found[1]:%Y-%m-%d}, there are none"
    answers = set(zip(made.splits, made.targets, strict=True))
    for split, what in (("train", "to learn from"), ("test", "to test on")):
        for answer, did in enumerate(("stayed away", f"returned within {days} days")):
            if (split, answer) not in answers:
                return f"needs users {what} who {did}, there are none"
    return None


def examples(store: Store, days: int = DAYS) -> Examples:
    """Keys are "<user>@<cut as ISO>": the history of a user up to a cut."""
    made, wanted, found = Examples([], [], [], [], LABELS), target_kind(store), cuts(store, days)
    for history in histories(store):
        when = [t for t, kind in zip(history.times, history.kinds, strict=True) if kind == wanted]
        for number, cut in enumerate(found):
            if not any(t < cut for t in when):
                continue
            again = any(cut <= t < cut + timedelta(days=days) for t in when)
            fold = "test" if number == 0 else "validation" if split_of(history.user) != "train" else "train"
            made.keys.append(f"{history.user}@{cut.isoformat()}")
            made.texts.append("")
            made.targets.append(int(again))
            made.splits.append(fold)
    return made


TASK = replace(within(DAYS), title="Return to buy again")  # pages show it of versions with any window
