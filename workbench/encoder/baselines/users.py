"""The simple methods on users at a time: the majority; recency, frequency and value with boosted trees."""

from __future__ import annotations

from itertools import product

import numpy as np

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus, UserRows, asked_numbers
from workbench.encoder.metrics import Metric

FIXED = (3, 0.1, 60)  # depth, learning rate and number of trees
GRID = tuple(product((2, 3, 5), (0.03, 0.1), (60, 200)))


def binary(corpus: Corpus, rows: UserRows) -> dict[str, dict[str, Metric]]:
    """All on the test rows: the trees with fixed settings, and with those of the greatest AUC on the validation rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    train, validation, test = rows.rows("train"), rows.rows("validation"), rows.rows("test")
    truth = rows.target[test]
    share = float(rows.target[train].mean()) if len(train) else 0.0
    made = {"majority": metrics.binary(truth, np.full(len(test), share))}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        told, best = asked_numbers(corpus, rows, np.arange(len(rows.target))), -1.0
        for depth, rate, trees in dict.fromkeys((FIXED, *GRID)):  # the fixed ones first, each once
            settings = {"max_depth": depth, "learning_rate": rate, "max_iter": trees}
            model = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=0).fit(told[train], rows.target[train])
            if (depth, rate, trees) == FIXED:
                made["rfm_boosting"] = metrics.binary(truth, model.predict_proba(told[test])[:, 1])
            found = metrics.auc(rows.target[validation], model.predict_proba(told[validation])[:, 1]) if len(validation) else 0.0
            if np.nan_to_num(found) > best:
                best, chosen = float(np.nan_to_num(found)), model
        made["rfm_boosting_tuned"] = metrics.binary(truth, chosen.predict_proba(told[test])[:, 1])
    return made
