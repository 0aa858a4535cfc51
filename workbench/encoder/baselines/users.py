"""The simple methods on users at a time: the majority; recency, frequency and value with boosted trees."""

from __future__ import annotations

import numpy as np

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus, UserRows, asked_numbers
from workbench.encoder.metrics import Metric


def binary(corpus: Corpus, rows: UserRows) -> dict[str, dict[str, Metric]]:
    """Both on the test rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    train, test = rows.rows("train"), rows.rows("test")
    truth = rows.target[test]
    share = float(rows.target[train].mean()) if len(train) else 0.0
    made = {"majority": metrics.binary(truth, np.full(len(test), share))}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        told = asked_numbers(corpus, rows, np.arange(len(rows.target)))
        model = HistGradientBoostingClassifier(max_iter=60, max_depth=3, random_state=0).fit(told[train], rows.target[train])
        made["rfm_boosting"] = metrics.binary(truth, model.predict_proba(told[test])[:, 1])
    return made
