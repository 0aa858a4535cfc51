"""What reading in int8 costs: cosines to full precision, and each task's figures beside those of its test rows read in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import Metrics, differences, measure
from workbench.encoder.features import Features
from workbench.encoder.towers import JointEncoder


def cost_of_reading(model: JointEncoder, corpus: Corpus, features: Features, pooled: np.ndarray, found: Metrics) -> dict[str, Any]:
    """`Features.agreement`, and for int8 under `tasks` what each task on texts gains by it, paired by row: {task: {metric: difference}}.

    `found` are the figures by `pooled` (texts, width), as the texts are read. Full precision reads the test rows and the
    products anew; calibration stays what it is.
    """
    cost = features.agreement()
    if cost["precision"] != "int8":
        return cost
    asked = [rows.text[rows.rows("test")] for rows in corpus.text_rows.values()]
    texts = np.unique(np.concatenate([corpus.product_text[corpus.product_text >= 0], *asked]))
    exact = pooled.copy()
    exact[texts] = features.exactly(texts)
    full = measure(model, replace(corpus, user_rows={}, next_item=None), exact, "test")
    lost = {task: differences(found[task], {"fp32": its}) for task, its in full.items()}
    return {**cost, "tasks": {task: {name: to["fp32"] for name, to in by.items()} for task, by in lost.items()}}


def cost_in_words(cost: dict[str, Any], corpus: Corpus) -> str | None:
    """What int8 costs, from `cost_of_reading`; None for the other precisions."""
    if cost["precision"] != "int8":
        return None
    said = (
        f"Texts are read in int8: cosine to full precision {cost['mean_cosine']:.3f} on average, "
        f"{cost['cosine_p1']:.3f} for the worst hundredth, over {cost['texts']} of the shop's texts."
    )
    told = []
    for name, by in cost["tasks"].items():
        metric, to = next(iter(by.items()))
        interval = f"{to['value']:+.4f} ({to['low']:+.4f} to {to['high']:+.4f})"
        told.append(f"{corpus.text_rows[name].task.title}, {metric.replace('_', ' ')} {interval}")
    return f"{said} The test rows beside full precision: {'; '.join(told)}." if told else said
