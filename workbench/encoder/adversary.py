"""Adversarial training: each step is taken a second time with its texts moved to where the loss grows fastest.

A text is moved by size * |x| * g / |g|, g being the gradient of the balanced loss in the x that enters
the trained layers (Miyato, Dai and Goodfellow 2017, relative to the text's own length): the frozen
layers' states, or the word embeddings where every layer is trained. Texts whose words are hidden stay.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Adversary:
    """Notes what enters the trained layers on a first pass and moves it on the second."""

    def __init__(self, size: float) -> None:
        self.size = size
        self._entered: list[Tensor] = []
        self._moves: list[Tensor] = []

    def begin(self) -> None:
        """A step begins."""
        self._entered, self._moves = [], []

    def see(self, entered: Tensor) -> Tensor:
        """What shall enter instead, (rows, tokens, width): itself on the first pass, moved on the second."""
        if self._moves:
            return entered + self._moves.pop(0)
        self._entered.append(entered if entered.requires_grad else entered.requires_grad_(True))
        return entered

    def turn(self, total: Tensor) -> bool:
        """After a first pass of this loss: whether there is a second one to take. Its graph is kept."""
        entered, self._entered = self._entered, []
        if not entered:
            return False
        found = torch.autograd.grad(total, entered, retain_graph=True, allow_unused=True)
        self._moves = [self._move(x.detach(), g) for x, g in zip(entered, found, strict=True)]
        return True

    def _move(self, x: Tensor, gradient: Tensor | None) -> Tensor:
        if gradient is None:
            return torch.zeros_like(x)
        far = x.flatten(1).norm(dim=1) / gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
        moved: Tensor = gradient * (self.size * far)[:, None, None]
        return moved
