"""Which of all products is meant: cross-entropy over the whole catalogue while it fits into memory, beyond that over a sample.

Of a large catalogue each step looks at the products that its rows are about and a sample drawn by popularity. A sampled
product counts by one over its chance to be drawn, so that the sum over wrong products is right on average (Bengio and
Senécal 2008). What a step costs does not grow with the catalogue then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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
    """What people should know of how products are told apart where there are so many."""
    if fits(products):
        return None
    return (
        f"Next item and review to product are learned from {SAMPLED:,} products drawn by popularity in each step: the scores of all "
        f"{products:,} need more than {MOST_BYTES / 10**9:.0f} GB. All are ranked when they are measured."
    )


@dataclass
class Shelf:
    """The products that one step looks at: their vectors, (on the shelf, dim), and places in the catalogue, (on the shelf,),
    ascending; None: all of them."""

    vectors: Tensor
    places: Tensor | None = None
    drawn: Tensor | None = None
    """Where on the shelf the sample stands, (drawn,)."""

    def at(self, products: Tensor) -> Tensor:
        """Where these products of the catalogue stand on the shelf, of the same shape; -1 stays -1."""
        if self.places is None:
            return products
        return torch.searchsorted(self.places, products.clamp(min=0)).masked_fill(products < 0, -1)

    def part(self, at: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The vectors of what stands `at` these places of the shelf, (at, dim), and its places in the catalogue."""
        if at is None or self.places is None:
            return self.vectors, self.places
        return self.vectors[at], self.places[at]


Score = Callable[[Tensor | None], Tensor]
"""The logits, (rows, asked), of the products at these places of the shelf, or of all on it."""


class ProductLoss(nn.Module):
    """Lays out the shelf of a step, and maps the right products of its rows to the mean loss over rows.

    Products of which nothing tells them apart have the same number in `twins` (products,): they do not count against one another.
    """

    drawn_by: Tensor

    def __init__(self, taken: Tensor) -> None:
        """`taken` (products,): times each product was taken in training."""
        super().__init__()
        self.whole = fits(len(taken))
        flattened = (taken.double() + 1) ** FLATTENED
        self.register_buffer("drawn_by", flattened / flattened.sum(), persistent=False)

    def shelf(self, about: Iterable[Tensor], vectors: Callable[[Tensor | None], Tensor]) -> Shelf:
        """The products that rows are `about` (indices, -1: none), and a sample beside them; all where they fit.

        `vectors` makes those of the products at these places of the catalogue, or of all.
        """
        if self.whole:
            return Shelf(vectors(None))
        drawn = torch.unique(torch.multinomial(self.drawn_by, SAMPLED, replacement=True))
        met = torch.unique(torch.cat([drawn, *(products.flatten().to(drawn.device) for products in about)]))
        places = met[met >= 0]
        return Shelf(vectors(places), places, torch.searchsorted(places, drawn))

    def forward(self, shelf: Shelf, target: Tensor, score: Score, twins: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(the loss, the logits where they are of the whole catalogue); `target` (rows,) are places in the catalogue."""
        if shelf.places is None or shelf.drawn is None:
            logits = score(None)
            return F.cross_entropy(logits if twins is None else without_twins(logits, target, twins), target), logits
        drawn = shelf.places[shelf.drawn]
        chance = -torch.expm1(SAMPLED * torch.log1p(-self.drawn_by[drawn]))
        right, place = torch.unique(shelf.at(target), return_inverse=True)
        same = drawn[None] == target[:, None] if twins is None else twins[drawn][None] == twins[target][:, None]
        wrong = (score(shelf.drawn) - chance.log().float()).masked_fill(same, -torch.inf)
        own = score(right).gather(1, place[:, None])
        return F.cross_entropy(torch.cat([own, wrong], 1), torch.zeros_like(target)), None


def without_twins(logits: Tensor, target: Tensor, twins: Tensor) -> Tensor:
    """Logits (rows, products) where the twins of a row's own `target` (rows,) do not count against it."""
    itself = F.one_hot(target, logits.shape[1]).bool()
    return logits.masked_fill((twins[target][:, None] == twins[None]) & ~itself, -torch.inf)
