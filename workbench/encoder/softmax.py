"""Next item's cross-entropy: over the whole catalogue while its logits fit into memory, beyond that over a sample.

Of a large catalogue each step scores the right products and a sample drawn by popularity. A sampled product counts by one
over its chance to be drawn, so that the sum over wrong products is right on average (Bengio and Senécal 2008).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.batches import MOST_POSITIONS

MOST_BYTES = 10**9
COPIES = 3  # logits, their exponentials, their gradients
SAMPLED = 8192
FLATTENED = 0.75
"""The power of popularity that products are drawn by (Mikolov et al. 2013)."""


def fits(products: int) -> bool:
    """Whether a step may score the whole catalogue."""
    return COPIES * 4 * MOST_POSITIONS * products <= MOST_BYTES


def note(products: int) -> str | None:
    """What people should know of how next item is learned from so many products."""
    if fits(products):
        return None
    return (
        f"Next item is learned from {SAMPLED:,} products drawn by popularity in each step: the scores of all {products:,} need more than "
        f"{MOST_BYTES / 10**9:.0f} GB. All are ranked when it is measured."
    )


class NextItemLoss(nn.Module):
    """Maps the right products, (rows,), and what scores some products to the mean loss over rows."""

    drawn_by: Tensor

    def __init__(self, taken: Tensor) -> None:
        """`taken` (products,): times each product was taken in training."""
        super().__init__()
        self.whole = fits(len(taken))
        flattened = (taken.double() + 1) ** FLATTENED
        self.register_buffer("drawn_by", flattened / flattened.sum(), persistent=False)

    def forward(self, target: Tensor, score: Callable[[Tensor | None], Tensor]) -> tuple[Tensor, Tensor | None]:
        """(the loss, the logits where they are of the whole catalogue).

        `score` gives the logits of the products at these indices, (rows, indices), or of all of them.
        """
        if self.whole:
            logits = score(None)
            return F.cross_entropy(logits, target), logits
        drawn = torch.unique(torch.multinomial(self.drawn_by, SAMPLED, replacement=True))
        right, place = torch.unique(target, return_inverse=True)
        chance = -torch.expm1(SAMPLED * torch.log1p(-self.drawn_by[drawn]))
        wrong = score(drawn) - chance.log().to(target.device, torch.float32)
        wrong = wrong.masked_fill(drawn[None] == target[:, None], -torch.inf)
        own = score(right).gather(1, place[:, None])
        return F.cross_entropy(torch.cat([own, wrong], 1), torch.zeros_like(target)), None
