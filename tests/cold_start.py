"""Products that nobody can have learned of: a tenth of the catalogue is taken out of all histories, but as what is to be found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from workbench.encoder.corpus import Corpus, UserSteps, rows_of
from workbench.encoder.ranking import Scorer
from workbench.tasks.histories import LEAST_TARGETS
from workbench.tasks.splits import share

SHARE = 0.1
ARRAYS = ("product", "review", "kind", "stars", "days", "paid", "target")


def cold_products(corpus: Corpus) -> np.ndarray:
    """Which products are cold, (products,): those with a text that a hash of the id chooses."""
    return np.array([share(key) < SHARE for key in corpus.product_ids]) & (corpus.product_text >= 0)


def without_cold(corpus: Corpus, cold: np.ndarray) -> Corpus:
    """The corpus for next item alone in which cold products are the test's: each user's first one, read from the steps before it.

    What followed it and all other cold steps are left out; the last other target is validation's.
    """
    return replace(corpus, users=[_user(user, cold) for user in corpus.users], text_rows={}, user_rows={})


def _user(user: UserSteps, cold: np.ndarray) -> UserSteps:
    known = user.product >= 0
    is_cold = known & cold[user.product]
    found = np.flatnonzero(is_cold & user.target)
    end = int(found[0]) if len(found) else len(user.product)
    warm = np.flatnonzero(~is_cold[:end])
    kept = np.append(warm, found[:1]).astype(np.int64)
    targets = np.flatnonzero(user.target[warm])
    validation = int(targets[-1]) if len(targets) >= LEAST_TARGETS - 1 else None
    test = len(warm) if len(found) and len(targets) else None
    return replace(
        user,
        **{name: getattr(user, name)[kept] for name in ARRAYS if len(getattr(user, name))},
        held={"validation": validation, "test": test},
        train_end=len(warm) if validation is None else validation,
    )


def among_cold(scorer: Scorer, cold: np.ndarray) -> Scorer:
    """The scorer with all other products behind the cold ones."""

    def scores(users: Sequence[UserSteps], ends: Sequence[int]) -> np.ndarray:
        return np.where(cold, scorer(users, ends), -1e9)

    return scores


def text_neighbours(corpus: Corpus, frozen: np.ndarray) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """Cosine of the untrained base's reading (texts, width) to the mean over what the user has."""
    texts = rows_of(frozen, corpus.product_text)
    texts = texts / np.maximum(np.linalg.norm(texts, axis=1, keepdims=True), 1e-9)
    return lambda known: np.stack([texts[k].mean(0) for k in known]) @ texts.T
