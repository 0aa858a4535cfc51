"""What guessing costs: the entropy of each task's training targets, in which its loss is told when losses are normalised.

Who knows nothing but how often each answer is right loses this much a row; a loss by it is a normalised entropy (He et al. 2014),
of the same size for a task of three answers and one of ten thousand.
"""

from __future__ import annotations

import numpy as np

from workbench.encoder.corpus import Corpus
from workbench.encoder.masked import NAME as MASKED_WORDS

LEAST = 0.05


def guessing_costs(corpus: Corpus, words: int) -> dict[str, float]:
    """For each task that a corpus teaches the entropy of its training targets, in nats, at least `LEAST`.

    `words`: those that a hidden one can be; all count alike.
    """
    found = {}
    for name, rows in corpus.text_rows.items():
        told = rows.told if rows.task.objective == "classify" else rows.target
        found[name] = entropy(np.bincount(told[rows.rows("train")]))
    found |= {name: entropy(np.bincount(rows.target[rows.rows("train")].astype(np.int64))) for name, rows in corpus.user_rows.items()}
    if corpus.next_item:
        found[corpus.next_item.name] = entropy(corpus.counts())
    if corpus.masked:
        found[MASKED_WORDS] = float(np.log(words))
    return {name: max(LEAST, cost) for name, cost in found.items()}


def entropy(counts: np.ndarray) -> float:
    """Of answers that are right so often, in nats."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())
