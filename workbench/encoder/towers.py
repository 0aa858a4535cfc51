"""The joint encoder: products, reviews and users as unit vectors of one space.

A product is its text, moved by a learned part of its own that fades in with the number of its
buyers: a product nobody bought stands on its text alone. A user is the sum of four readings of the
history: a causal transformer over the last steps (Kang and McAuley 2018, SASRec), an exponentially
decayed mean of them, all products ever taken whatever their order (what linear models such as EASE
read, Steck 2019), and when the last step was, because what is wanted drifts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.backbone import Backbone, Texts
from workbench.encoder.by_task import ByTask
from workbench.encoder.companions import CompanionWeights
from workbench.encoder.corpus import GAPS, KINDS
from workbench.encoder.heads import TextHead, UserHead
from workbench.encoder.masked import MaskedWords
from workbench.encoder.recipe import Recipe, heads_of
from workbench.encoder.rfm import NUMBERS
from workbench.tasks.base import Outputs

GATE = 3.0
OWN_DROPOUT = 0.1
MOMENTS = 32
MOMENT_DROPOUT = 0.2


def unit(x: Tensor) -> Tensor:
    """Rows of length 1."""
    return F.normalize(x, dim=-1)


@dataclass
class Steps:
    """A batch of histories, left-padded, each of shape (rows, length): indices of products and of reviews (-1: none),
    event kind (0: padding), stars (0: none), a bucket of the logarithm of days since the step before, the time in days,
    and whether the product is met for the first time. `older` holds the distinct products met before the first step,
    row after row, and `older_at` (rows,) where each row's begin."""

    product: Tensor
    review: Tensor
    kind: Tensor
    stars: Tensor
    gap: Tensor
    days: Tensor
    first: Tensor
    older: Tensor
    older_at: Tensor

    def to(self, device: torch.device) -> Steps:
        return Steps(*(getattr(self, field.name).to(device) for field in fields(self)))


class UserTower(nn.Module):
    """Histories to users: after each step, shape (rows, length, dim)."""

    edges: Tensor

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        d, width = recipe.dim, recipe.user_width
        self.heads = heads_of(width)
        self.kind = nn.Embedding(len(KINDS), d)
        self.stars = nn.Embedding(6, d)
        self.gap = nn.Embedding(GAPS, d)
        self.place = nn.Embedding(recipe.history_length, d)
        self.moment = nn.Embedding(MOMENTS, d)
        for table in (self.kind, self.stars, self.gap, self.place, self.moment):
            nn.init.normal_(table.weight, std=0.02)
        self.register_buffer("edges", torch.full((MOMENTS - 1,), torch.inf, dtype=torch.float64))
        self.said = nn.Linear(d, d, bias=False)
        self.recent = nn.Linear(d, d, bias=False)
        self.ever = nn.Linear(d, d, bias=False)
        for bag in (self.recent, self.ever):
            nn.init.eye_(bag.weight)
        layer = nn.TransformerEncoderLayer(
            width, self.heads, 2 * width, recipe.dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.enter = nn.Linear(d, width)
        self.layers = nn.TransformerEncoder(layer, recipe.user_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, d)
        self.dropout = nn.Dropout(recipe.dropout)
        self.moment_dropout = nn.Dropout(MOMENT_DROPOUT)
        self.share = nn.Parameter(torch.zeros(2))
        self.decay = nn.Parameter(torch.tensor(2.0))

    def set_moments(self, days: np.ndarray) -> None:
        """Cut time where the steps that may be learned from, `days` (steps,), fall into equal parts."""
        if len(days):
            self.edges.copy_(torch.from_numpy(np.quantile(days, np.linspace(0, 1, MOMENTS + 1)[1:-1])))

    def forward(self, steps: Steps, products: Tensor, said: Tensor, older: Tensor) -> tuple[Tensor, Tensor]:
        """(unit users, transformer states), both (rows, length, dim).

        `products` and `said` hold the steps' product and review vectors, (rows, length, dim), zero where there is none;
        `older` (rows, dim) the sum of the products met before.
        """
        real = steps.kind != 0
        seen = self.dropout(products)
        place = self.place(torch.arange(real.shape[1] - 1, -1, -1, device=seen.device))
        entered = seen + self.kind(steps.kind) + self.stars(steps.stars) + self.gap(steps.gap) + self.said(said) + place
        states: Tensor = self.leave(self.norm(self.layers(self.enter(entered), mask=self._mask(~real))))
        ever = self.dropout(older)[:, None] + (seen * steps.first[..., None]).cumsum(1)
        share = torch.sigmoid(self.share)
        user = share[0] * unit(states) + unit(self._recent(seen, real)) + share[1] * unit(self.ever(ever))
        moment = self.moment(torch.bucketize(steps.days, self.edges))
        return unit(user + self.moment_dropout(moment)), states

    def _mask(self, padding: Tensor) -> Tensor:
        length = padding.shape[1]
        future = torch.ones(length, length, dtype=torch.bool, device=padding.device).triu(1)
        itself = torch.eye(length, dtype=torch.bool, device=padding.device)
        blocked = (future | padding[:, None, :]) & ~itself
        return blocked.repeat_interleave(self.heads, 0)

    def _recent(self, seen: Tensor, real: Tensor) -> Tensor:
        i = torch.arange(seen.shape[1], device=seen.device)
        weight = torch.exp(-(i[:, None] - i[None]).clamp(min=0) / torch.exp(self.decay)).tril()
        mixed: Tensor = (weight[None] * real[:, None, :]) @ self.recent(seen)
        return mixed


class JointEncoder(nn.Module):
    """Backbone, entity projections, user tower and task heads."""

    def __init__(
        self,
        recipe: Recipe,
        backbone: Backbone,
        counts: np.ndarray,
        heads: dict[str, Outputs | None],
        *,
        masked: bool = False,
    ):
        """`counts` (products,): times each product was taken in training; `heads`: what each task's head tells apart
        (None: yes or no about a user)."""
        super().__init__()
        d, n = recipe.dim, len(counts)
        self.backbone = backbone
        self.product = nn.Linear(backbone.width, d)
        self.review = nn.Linear(backbone.width, d)
        self.own = nn.Embedding(n + 1, d)
        nn.init.normal_(self.own.weight, std=0.02)
        taken = torch.from_numpy(counts.astype(np.float32))
        self.register_buffer("gate", taken / (taken + GATE))
        self.bias = nn.Parameter(0.5 * torch.log1p(taken))
        self.review_bias = nn.Parameter(torch.zeros(n))
        self.text_weight = nn.Parameter(torch.tensor(0.0))
        self.user_scale = nn.Parameter(torch.tensor(2.5))
        self.review_scale = nn.Parameter(torch.tensor(2.5))
        self.user = UserTower(recipe)
        self.companions = CompanionWeights(n)
        self.text_dropout = nn.Dropout(min(recipe.dropout, 0.1))
        self.masked = MaskedWords(backbone) if masked else None
        self.heads = ByTask({name: TextHead(backbone.width, o) if o else UserHead(d, NUMBERS) for name, o in heads.items()})

    def read(self, texts: Texts) -> Tensor:
        """Pooled texts, (rows, width)."""
        pooled: Tensor = self.backbone(texts)
        return pooled

    def products(self, pooled: Tensor, places: Tensor | None = None) -> Tensor:
        """All products, or those at `places`, (products, dim), from their pooled texts (products, width; zero rows: no text)."""
        silent = (pooled == 0).all(1, keepdim=True)
        text = unit(self.product(pooled)).masked_fill(silent, 0.0) * torch.exp(self.text_weight)
        own, gate = self.own.weight[: len(pooled)], self.gate[:, None]  # type: ignore[index]
        if places is not None:
            own, gate = self.own.weight[places], gate[places]
        if self.training:
            gate = gate * (torch.rand_like(gate) > OWN_DROPOUT)
        return unit(text + gate * own)

    def cold_products(self, pooled: Tensor) -> Tensor:
        """Products from their texts alone, (rows, dim)."""
        return unit(self.product(pooled))

    def reviews(self, pooled: Tensor) -> Tensor:
        """Reviews, (rows, dim), from their pooled texts."""
        return unit(self.review(pooled))

    def users(self, steps: Steps, products: Tensor, reviews: Tensor) -> tuple[Tensor, Tensor]:
        """As `UserTower.forward`; `products` (products, dim) and `reviews` (reviews, dim) are looked up by the steps' indices."""
        older = F.embedding_bag(steps.older, products, steps.older_at, mode="sum")
        found: tuple[Tensor, Tensor] = self.user(steps, _look_up(products, steps.product), _look_up(reviews, steps.review), older)
        return found

    def scores(self, users: Tensor, products: Tensor, places: Tensor | None = None) -> Tensor:
        """(rows, products) of all products, or of those at `places`."""
        bias = self.bias[: len(products)] if places is None else self.bias[places]
        return torch.exp(self.user_scale) * users @ products.T + bias

    def review_scores(self, reviews: Tensor, products: Tensor, places: Tensor | None = None) -> Tensor:
        """How likely each review is about each product, (rows, products): nearness plus what is reviewed often."""
        bias = self.review_bias[: len(products)] if places is None else self.review_bias[places]
        return torch.exp(self.review_scale) * reviews @ products.T + bias

    def classify(self, task: str, pooled: Tensor) -> Tensor:
        """Log-probabilities of what a classification task's head tells apart, (rows, outputs)."""
        told: Tensor = self.heads[task](self.text_dropout(pooled))
        return told

    def binary(self, task: str, states: Tensor, numbers: Tensor) -> Tensor:
        """Two logits of a task on users, (rows, 2), from their `numbers` (rows, `rfm.NUMBERS`) and their last states."""
        logits: Tensor = self.heads[task](states, numbers)
        return logits

    def text_head(self, task: str) -> TextHead:
        """The head of a classification task."""
        head = self.heads[task]
        assert isinstance(head, TextHead)
        return head

    def user_head(self, task: str) -> UserHead:
        """The head of a task on users."""
        head = self.heads[task]
        assert isinstance(head, UserHead)
        return head

    def unbought_bias(self) -> float:
        """The bias of a product that nobody bought in training; the least of all where each was bought."""
        bias = self.bias.detach().float()
        unbought = bias[self.gate == 0]
        return float(unbought.mean() if len(unbought) else bias.min())

    def trained(self) -> dict[str, Tensor]:
        """All weights that a version keeps, by name."""
        base = {name for name, _ in self.backbone.model.named_parameters()}
        frozen = {f"backbone.model.{name}" for name in base - self.backbone.learned}
        return {name: value for name, value in self.state_dict().items() if name not in frozen and not name.endswith("position_ids")}


def _look_up(table: Tensor, index: Tensor) -> Tensor:
    """Rows of a table by index, zeros where it is -1."""
    if not len(table):
        return table.new_zeros(*index.shape, table.shape[1])
    return table[index.clamp(min=0)].masked_fill((index < 0)[..., None], 0.0)
