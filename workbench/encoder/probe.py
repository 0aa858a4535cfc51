"""A new head begins where a regression on what is read already puts it.

Layers below are then moved by errors of a head that knows something, instead of by one that knows nothing
(linear probing, then fine-tuning: Kumar et al. 2022). For few rows it is most of what can be had.
"""

from __future__ import annotations

import numpy as np
import torch

from workbench.encoder.heads import TextHead

UNSEEN = 2.0  # a label without a training row is as much less likely than the rarest one


def begin_head(head: TextHead, pooled: np.ndarray, target: np.ndarray) -> None:
    """Fit `head`, whose outputs are its labels, to pooled training texts (rows, width) and their labels (rows,)."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(target)) < 2:
        return
    model = LogisticRegression(max_iter=300).fit(pooled, target)
    weight = np.zeros(tuple(head.score.weight.shape))
    bias = np.full(len(weight), model.intercept_.min() - UNSEEN)
    two = len(model.classes_) == 2
    weight[model.classes_] = np.concatenate([-model.coef_ / 2, model.coef_ / 2]) if two else model.coef_
    bias[model.classes_] = np.concatenate([-model.intercept_ / 2, model.intercept_ / 2]) if two else model.intercept_
    with torch.no_grad():
        head.score.weight.copy_(torch.from_numpy(weight))
        head.score.bias.copy_(torch.from_numpy(bias))
