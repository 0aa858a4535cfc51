"""Boosted trees over numbers about a history, held as tensors: what two numbers say only together.

Stochastic gradient boosting (Friedman 2002), fitted by scikit-learn. A tree is laid out whole, as a heap: the parts of
its fork `i` are its forks `2i + 1` and `2i + 2`. So it is kept in safetensors and asked without the library that grew it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

DEPTH = 2
TREES = 200
RATE = 0.05
SHARE = 0.5  # of the rows, drawn for each tree
LEAST_IN_LEAF = 20
ROWS = 20_000  # that trees are grown from
FORKS = 2**DEPTH - 1


class Trees(nn.Module):
    """Numbers (rows, numbers) to the logit of "yes", (rows,); zeros until `fit`, and where no tree helps."""

    number: Tensor
    threshold: Tensor
    leaf: Tensor
    base: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("number", torch.zeros(TREES, FORKS, dtype=torch.long))
        self.register_buffer("threshold", torch.zeros(TREES, FORKS))
        self.register_buffer("leaf", torch.zeros(TREES, FORKS + 1))
        self.register_buffer("base", torch.zeros(()))

    def fit(self, train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray], beside: np.ndarray) -> bool:
        """Grow trees from numbers (rows, numbers) and answers (rows,); whether their mean with `beside` has the least log-loss.

        `beside` is another logit of each validation row; as many trees are kept as give the least log-loss of the mean
        there. Without a tree that lowers the loss, and without validation rows, none is kept.
        """
        from sklearn.ensemble import GradientBoostingClassifier

        (told, truth), (held, held_truth) = train, validation
        if not len(held):
            return False
        drawn = np.random.default_rng(0).permutation(len(truth))[:ROWS]
        if len(np.unique(truth[drawn])) < 2:
            return False
        grown = GradientBoostingClassifier(
            n_estimators=TREES, learning_rate=RATE, max_depth=DEPTH, subsample=SHARE, min_samples_leaf=LEAST_IN_LEAF, random_state=0
        ).fit(told[drawn], truth[drawn])
        losses = [log_loss(held_truth, (logit.ravel() + beside) / 2) for logit in grown.staged_decision_function(held)]
        helps = min(losses) < log_loss(held_truth, beside)
        if helps:
            self._hold(grown, int(np.argmin(losses)) + 1, share=float(truth[drawn].mean()))
        return helps

    def _hold(self, grown: Any, number: int, share: float) -> None:
        self.leaf.zero_()
        self.base.fill_(np.log(share / (1 - share)))
        for row, (one,) in enumerate(grown.estimators_[:number]):
            tree = one.tree_
            nodes = [0] * (2 * FORKS + 1)  # the tree's node at each place; a leaf too high up is its own parts
            for fork in range(FORKS):
                node = nodes[fork]
                is_leaf = tree.children_left[node] < 0
                nodes[2 * fork + 1] = node if is_leaf else tree.children_left[node]
                nodes[2 * fork + 2] = node if is_leaf else tree.children_right[node]
                self.number[row, fork] = 0 if is_leaf else int(tree.feature[node])
                self.threshold[row, fork] = 0.0 if is_leaf else float(tree.threshold[node])
            self.leaf[row] = RATE * torch.from_numpy(tree.value[nodes[FORKS:], 0, 0])

    def forward(self, told: Tensor) -> Tensor:
        told = told.float()
        trees = torch.arange(TREES, device=told.device)
        fork = torch.zeros(len(told), TREES, dtype=torch.long, device=told.device)
        for _ in range(DEPTH):
            beyond = told.gather(1, self.number[trees, fork]) > self.threshold[trees, fork]
            fork = 2 * fork + 1 + beyond.long()
        logits: Tensor = self.base + self.leaf[trees, fork - FORKS].sum(1)
        return logits


def log_loss(truth: np.ndarray, logits: np.ndarray) -> float:
    """Mean log-loss of logits (rows,) of yes (1) or no (0)."""
    return float(np.logaddexp(0, -(2 * truth - 1) * logits).mean())
