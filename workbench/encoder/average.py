"""An average of the weights over the steps, measured and published instead of the last (Polyak and Juditsky 1992).

It fades: average = decay * average + (1 - decay) * weights, with a decay that grows from a tenth
to the recipe's `ema`, so that the first steps do not linger (as TensorFlow's moving average does).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from workbench.encoder.towers import JointEncoder

Weights = dict[str, Tensor]


class Average:
    """The fading average of what training moves in a model; with a decay of 0 it is the weights themselves."""

    def __init__(self, model: JointEncoder, decay: float) -> None:
        self.model, self.decay, self.steps = model, decay, 0
        self.weights = self._moving(copy=True) if decay else {}

    def _moving(self, *, copy: bool = False) -> Weights:
        named = {name: p.detach() for name, p in self.model.named_parameters() if p.requires_grad}
        return {name: p.clone() for name, p in named.items()} if copy else named

    @torch.no_grad()
    def add(self) -> None:
        """The model has taken a step."""
        self.steps += 1
        if self.decay:
            decay = min(self.decay, self.steps / (self.steps + 9))
            now = self._moving()
            torch._foreach_lerp_(list(self.weights.values()), [now[name] for name in self.weights], 1 - decay)

    def restore(self, weights: Weights, steps: int) -> None:
        """Go on from what a checkpoint kept."""
        self.steps = steps
        for name, value in weights.items():
            self.weights[name].copy_(value)

    @contextmanager
    def within(self) -> Iterator[None]:
        """Within the block the model holds the average."""
        last = self._moving(copy=True) if self.decay else {}
        self._put(self.weights)
        try:
            yield
        finally:
            self._put(last)

    @torch.no_grad()
    def _put(self, weights: Weights) -> None:
        now = self._moving()
        for name, value in weights.items():
            now[name].copy_(value)
