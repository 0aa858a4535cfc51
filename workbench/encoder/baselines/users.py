"""The simple methods on users at a time: the majority; recency, frequency and value with boosted trees."""

from __future__ import annotations

import numpy as np

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus, UserRows, numbers
from workbench.encoder.metrics import Metric


def binary(corpus: Corpus, rows: UserRows) -> dict[str, dict[str, Metric]]:
    """Both on the test rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    train, test = rows.rows("train"), rows.rows("test")
    truth = rows.target[test]
    made = {"majority": {"auc": metrics.area(truth, np.zeros(len(test)))}}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        told = np.stack([numbers(corpus.users[u], int(e), float(n)) for u, e, n in zip(rows.user, rows.end, rows.now, strict=True)])
        model = HistGradientBoostingClassifier(max_iter=60, max_depth=3, random_state=0).fit(told[train], rows.target[train])
        made["rfm_boosting"] = {"auc": metrics.area(truth, model.predict_proba(told[test])[:, 1])}
    return made
