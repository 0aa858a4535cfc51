"""From a text's tokens to one vector: the ways to pool, chosen in the recipe."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.encoder.recipe import POOLINGS


class Pooling(nn.Module):
    """Hidden states (rows, tokens, width) and their mask (rows, tokens) to vectors (rows, width).

    `softmax` weighs the tokens by a learned query (attention pooling; Yang et al. 2016) that begins as
    the mean; `first` takes the token that BERT was made to sum a text up in.
    """

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        assert kind in POOLINGS
        self.kind = kind
        if kind == "softmax":
            self.query = nn.Parameter(torch.zeros(width))

    @property
    def learns(self) -> bool:
        """Whether it has weights of its own, so that what it gives changes in training."""
        return self.kind == "softmax"

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if self.kind == "first":
            return hidden[:, 0]
        if self.kind == "max":
            return hidden.masked_fill(~mask[..., None], torch.finfo(hidden.dtype).min).amax(1)
        return (hidden * self._weights(hidden, mask)[..., None]).sum(1)

    def _weights(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The share of each token, (rows, tokens), 0 where there is none."""
        if self.kind == "mean":
            return mask.to(hidden.dtype) / mask.sum(1, keepdim=True).clamp(min=1)
        scores = (hidden @ self.query).float().masked_fill(~mask, -torch.inf)
        return torch.softmax(scores, 1).to(hidden.dtype)
