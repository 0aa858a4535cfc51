"""How much an epoch reads of tasks of very different size.

`proportional`: every training row once (a history `user_passes` times or less), so that a task is read in
proportion to its rows. `square_root`: in proportion to the root of its rows. `equal`: all tasks as
much. An epoch always reads about as many rows in all: what small tasks gain by being repeated, large
ones lose, and those read another part of their rows in each epoch (Raffel et al. 2020, section 3.5.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.encoder.corpus import Corpus, UserSteps

ENOUGH_TARGETS = 50_000
POWER = {"proportional": 1.0, "square_root": 0.5, "equal": 0.0}


def learned_steps(users: Sequence[UserSteps], length: int) -> int:
    """How many steps a pass over these users' histories learns from, of each the last `length` at most."""
    return sum(int(user.target[1 : user.train_end][-length:].sum()) for user in users)


def passes(targets: int, most: int) -> int:
    """How often an epoch reads each history: `most` times, fewer where that were more than `ENOUGH_TARGETS` of `targets`, once at least."""
    return min(most, max(1, ENOUGH_TARGETS // max(1, targets)))


def wishes(corpus: Corpus, user_passes: int, sampling: str) -> dict[str, float]:
    """How often each task would read each of its rows, by a common unit."""
    sizes = {name: len(rows.rows("train")) for name, rows in corpus.text_rows.items()}
    sizes |= {name: len(rows.rows("train")) for name, rows in corpus.user_rows.items()}
    if corpus.next_item:
        sizes[corpus.next_item.name] = len(corpus.users) * user_passes
    return {name: float(max(n, 1)) ** (POWER[sampling] - 1) for name, n in sizes.items()}


def scaled(wished: Sequence[np.ndarray], rows: float) -> list[np.ndarray]:
    """The wishes of several sets, each (rows of the set,), scaled so that they add up to `rows`."""
    total = sum(float(w.sum()) for w in wished)
    return [w * (rows / total) if total else w for w in wished]


def drawn(times: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Row indices in a random order, each as often as `times` says; a fraction of a time is drawn by lot.

    No row comes a second time before all others that are due came once.
    """
    whole = np.floor(times + random.random(len(times)) * (times % 1 > 0)).astype(np.int64)
    passes = [random.permutation(np.flatnonzero(whole > k)) for k in range(int(whole.max(initial=0)))]
    return np.concatenate(passes) if passes else np.zeros(0, np.int64)
