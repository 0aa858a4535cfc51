"""The wide part of a head on users: what numbers about a history say of an answer, beside what the user's state says.

Each number is cut into pieces of as many training rows and counts linearly within each (piecewise linear encoding,
Gorishniy et al. 2022): days and counts bend, and few rows teach no network how. A logistic regression on the
training rows weighs the pieces. What numbers say only together is left to boosted trees: where the mean of both logits
fits the validation rows better, it is the answer. With the state it is weighed on the validation rows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from workbench.encoder.trees import Trees, log_loss

PIECES = 8
TREES = (".numbers.share", ".numbers.trees.")  # weights that versions made before there were trees lack: zeros, no tree has a share
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)


class Numbers(nn.Module):
    """Numbers (rows, numbers) to the logit of "yes", (rows,); zeros until `fit`."""

    edges: Tensor
    centre: Tensor
    spread: Tensor
    weight: Tensor
    bias: Tensor
    share: Tensor

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(numbers, PIECES + 1))
        self.register_buffer("centre", torch.zeros(numbers))
        self.register_buffer("spread", torch.ones(numbers))
        self.register_buffer("weight", torch.zeros(numbers * (PIECES + 1)))
        self.register_buffer("bias", torch.zeros(()))
        self.register_buffer("share", torch.zeros(()))  # of the trees
        self.trees = Trees()

    def fit(self, train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray]) -> None:
        """Learn from numbers (rows, numbers) and answers (rows,); the strength is that of least log-loss on the validation rows."""
        from sklearn.linear_model import LogisticRegression

        told, truth = train
        if len(np.unique(truth)) < 2:
            return
        self.edges.copy_(torch.from_numpy(np.quantile(told, np.linspace(0, 1, PIECES + 1), axis=0).T))
        self.centre.copy_(torch.from_numpy(told.mean(0)))
        self.spread.copy_(torch.from_numpy(told.std(0)).clamp(min=1e-3))
        pieces, held = (self._pieces(torch.from_numpy(rows).to(self.edges.device)).cpu().numpy() for rows in (told, validation[0]))
        best = np.inf
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=3000).fit(pieces, truth)
            loss = log_loss(validation[1], model.decision_function(held)) if len(held) else 0.0
            if loss < best:
                best = loss
                self.weight.copy_(torch.from_numpy(model.coef_[0]))
                self.bias.copy_(torch.tensor(model.intercept_[0]))
        together = self.trees.fit(train, validation, self._linear(torch.from_numpy(validation[0]).to(self.edges.device)).cpu().numpy())
        self.share.fill_(0.5 if together else 0.0)

    def _pieces(self, told: Tensor) -> Tensor:
        """How much of each piece lies below each number, 0 to 1, and the standardised numbers, (rows, numbers * (PIECES + 1))."""
        told = told.float()
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        share = ((told[..., None] - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
        return torch.cat([torch.where(high > low, share, 0.0).flatten(1), (told - self.centre) / self.spread], 1)

    def _linear(self, told: Tensor) -> Tensor:
        return self._pieces(told) @ self.weight + self.bias

    def forward(self, told: Tensor) -> Tensor:
        logits: Tensor = (1 - self.share) * self._linear(told) + self.share * self.trees(told)
        return logits
