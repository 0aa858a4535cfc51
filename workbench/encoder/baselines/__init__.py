"""The simple things people use, on the same rows as the model: each task's baselines with intervals.

`majority`, `tfidf_logistic` (1- and 2-grams of words, balanced), `frozen_probe` (the untrained base
with balanced logistic regression), `frozen_nearest` (cosine of the untrained base's readings, nothing is learned),
`tfidf_centroids` and `frozen_centroids` (what was said of each product in training), `popularity`,
`item_neighbours` (cosine of co-occurrence, Sarwar et al. 2001), `rfm_boosting` (recency, frequency, monetary
value; histogram gradient boosting) and `rfm_boosting_tuned`. Those that have settings have them chosen on the
validation split, `rfm_boosting` apart, whose settings are fixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.encoder.baselines import texts, users
from workbench.encoder.baselines.ranking import measure_rivals
from workbench.encoder.corpus import Corpus
from workbench.encoder.metrics import Metric
from workbench.encoder.ranking import figures

__all__ = ["baselines"]


def baselines(
    corpus: Corpus, frozen: np.ndarray, report: Callable[[float], None] = lambda done: None
) -> dict[str, dict[str, dict[str, Metric]]]:
    """Baselines of every task on its test rows; `frozen` (texts, width) is the untrained base's reading."""
    made: dict[str, dict[str, dict[str, Metric]]] = {}
    total = len(corpus.text_rows) + len(corpus.user_rows) + 1
    for name, rows in corpus.text_rows.items():
        report(len(made) / total)
        made[name] = (texts.contrast if rows.task.objective == "contrast" else texts.classify)(corpus, rows, frozen)
    for name, found in corpus.user_rows.items():
        report(len(made) / total)
        made[name] = users.binary(corpus, found)
    if corpus.next_item:
        rivals = measure_rivals(corpus)
        made[corpus.next_item.name] = {name: figures(found.ranked, corpus.counts()) for name, found in rivals.items()}
    return made
