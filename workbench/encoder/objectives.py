"""The joint loss, task by task: the mean of each task's losses over its rows in a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.adversary import Adversary
from workbench.encoder.batches import QuestionBatch, Step, TextBatch, UserBatch
from workbench.encoder.corpus import Corpus
from workbench.encoder.heads import set_mask
from workbench.encoder.masked import NAME as MASKED_WORDS
from workbench.encoder.masked import MaskedBatch
from workbench.encoder.optimise import precision
from workbench.encoder.recipe import Recipe
from workbench.encoder.rows import Rows, met
from workbench.encoder.self_training import OwnAnswers, soft_loss
from workbench.encoder.softmax import ProductLoss, Score, Shelf
from workbench.encoder.towers import JointEncoder, Steps
from workbench.tasks.base import Outputs

KEPT = "close to parent"  # no name that a task of the user's own can have


@dataclass
class Read:
    """Texts as the model read them last, refreshed every epoch: those of products and of reviews."""

    products: Rows
    reviews: Rows


def class_weights(corpus: Corpus) -> dict[str, Tensor]:
    """For each classification task a weight for each label: one over the root of its training share, mean 1 over rows."""
    made = {}
    for name, rows in corpus.text_rows.items():
        if rows.task.objective == "classify":
            counts = torch.bincount(torch.from_numpy(rows.target[rows.rows("train")]), minlength=len(rows.labels)).float().clamp(min=1)
            weight = counts**-0.5
            made[name] = weight * counts.sum() / (weight * counts).sum()
    return made


def target_masks(outputs: Outputs) -> Tensor:
    """What is added to log-probabilities to keep the sets of each target, (targets, levels, outputs).

    A target with fewer levels than another is filled up with the set of all outputs, which says nothing.
    """
    n, levels = len(outputs.names), max(len(target) for target in outputs.targets)
    whole = [list(range(n))]
    return torch.stack([set_mask(whole * (levels - len(target)) + target, n) for target in outputs.targets])


def set_loss(told: Tensor, sets: Tensor, weight: Tensor) -> Tensor:
    """Mean over rows of the mean over the row's levels of the negative log-probability of its set.

    `told` (rows, outputs) are log-probabilities, `sets` (rows, levels, outputs) the masks of the rows'
    targets, `weight` (outputs,) is that of each output; a row weighs as the outputs of its finest set.
    """
    member = torch.isfinite(sets)
    levels = (~member.all(-1)).sum(1)
    losses = -torch.logsumexp(told[:, None, :] + sets, -1).sum(1) / levels.clamp(min=1)
    finest = member[:, -1].float()
    own = (finest @ weight) / finest.sum(1)
    return (losses * own).sum() / own.sum()


def twins_of(product_text: np.ndarray) -> np.ndarray:
    """A number for each product, (products,), the same for products whose texts are equal and another for every one else."""
    alone = product_text.max(initial=-1) + 1 + np.arange(len(product_text))
    return np.where(product_text < 0, alone, product_text)


class JointLoss(nn.Module):
    """Maps a step to the loss of each task, which `balance` makes into one.

    A review's product is told from the whole catalogue, or a sample of a large one, in which each product stands once: unlike
    among the products of a batch there is no second row of the right one that would count as wrong. Products that cannot be
    told apart by their text are left out beside the right one.

    Where the corpus has an anchor, texts are kept close to it: `KEPT` is the mean distance, one less the cosine, times the
    recipe's `keep_close` (feature distillation; without forgetting: Li and Hoiem 2016).

    Texts without a label for a task are learned by the model's own answers, with the recipe's `self_training`.

    `said` holds the logits of the last step by task; `adversary`, where there is one, sees what enters the trained layers.
    """

    twins: Tensor

    def __init__(self, model: JointEncoder, corpus: Corpus, recipe: Recipe) -> None:
        super().__init__()
        self.model = model
        self.dtype = precision(recipe, model.bias.device)
        self.adversary = Adversary(recipe.adversarial) if recipe.adversarial else None
        self.said: dict[str, Tensor] = {}
        self.objective = {name: rows.task.objective for name, rows in corpus.text_rows.items()}
        self.own = OwnAnswers(corpus) if recipe.self_training else None
        self.self_training = recipe.self_training
        self.next_item = corpus.next_item.name if corpus.next_item else ""
        self.which = ProductLoss(torch.from_numpy(corpus.counts()))
        close = corpus.anchor is not None and recipe.keep_close > 0
        self.anchor = torch.from_numpy(corpus.anchor).to(model.bias.device) if close and corpus.anchor is not None else None
        self.keep_close = recipe.keep_close
        self.register_buffer("twins", torch.from_numpy(twins_of(corpus.product_text)), persistent=False)
        for name, weight in class_weights(corpus).items():
            outputs = corpus.text_rows[name].outputs
            self.register_buffer(f"weight_{name}", weight[outputs.label], persistent=False)
            self.register_buffer(f"sets_{name}", target_masks(outputs), persistent=False)

    def forward(self, step: Step, read: Read) -> dict[str, Tensor]:
        device = read.products.device
        shelf = self.which.shelf(self._about(step), lambda places: self.model.products(read.products.at(places), places))
        losses: dict[str, Tensor] = {}
        self.said = {}
        kept: list[Tensor] = []
        for batch in step.texts:
            losses |= self._texts(batch, shelf, device, kept)
        if kept:
            losses[KEPT] = self.keep_close * torch.cat(kept).mean()
        if step.users is not None:
            losses[self.next_item] = self._next_item(step.users, shelf, read.reviews)
        for name, question in step.questions.items():
            losses[name] = self._question(name, question, shelf, read.reviews)
        if step.masked is not None:
            losses[MASKED_WORDS] = self._masked(step.masked, device)
        return losses

    def _about(self, step: Step) -> Iterator[Tensor]:
        """The products that the rows of a step are about, their histories and answers."""
        for batch in step.texts:
            yield from (target for name, (_, target) in batch.rows.items() if self.objective[name] == "contrast")
        for rows in ([step.users] if step.users else []) + list(step.questions.values()):
            yield from (rows.steps.product, rows.steps.older)
        if step.users:
            yield step.users.target

    def _texts(self, batch: TextBatch, shelf: Shelf, device: torch.device, kept: list[Tensor]) -> dict[str, Tensor]:
        """The losses of a batch of texts; how far each lies from the anchor goes to `kept`."""
        with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
            entered = self.model.backbone.enter(batch.texts.to(device))
            if self.adversary is not None:
                entered = replace(entered, values=self.adversary.see(entered.values))
            pooled = self.model.read(entered).float()
        if self.anchor is not None:
            kept.append(1 - F.cosine_similarity(pooled, self.anchor[batch.places.to(device)], dim=-1))
        losses = {}
        for name, (rows, targets) in batch.rows.items():
            found, target = pooled[rows.to(device)], targets.to(device)
            if self.objective[name] == "contrast":
                losses[name] = self._review_to_product(name, found, shelf, target)
            else:
                logits = self.said[name] = self.model.classify(name, found)
                sets, weight = getattr(self, f"sets_{name}"), getattr(self, f"weight_{name}")
                losses[name] = set_loss(logits, sets[target], weight)
        for name, (rows, told) in (self.own.of(batch.places) if self.own else {}).items():
            logits = self.model.classify(name, pooled[rows.to(device)])
            taught = self.self_training * soft_loss(logits, told.to(device), getattr(self, f"weight_{name}"))
            losses[name] = losses[name] + taught if name in losses else taught
        return losses

    def _masked(self, batch: MaskedBatch, device: torch.device) -> Tensor:
        assert self.model.masked is not None
        with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits = self.model.masked(self.model.backbone, batch.to(device))
        if not len(batch.words):  # texts of nothing but what the base does not know
            nothing: Tensor = logits.float().sum() * 0.0
            return nothing
        return F.cross_entropy(logits.float(), batch.words.to(device))

    def _review_to_product(self, name: str, found: Tensor, shelf: Shelf, target: Tensor) -> Tensor:
        reviews = self.model.reviews(found)
        return self._which(name, shelf, target, lambda at: self.model.review_scores(reviews, *shelf.part(at)), self.twins)

    def _which(self, name: str, shelf: Shelf, target: Tensor, score: Score, twins: Tensor | None = None) -> Tensor:
        loss: Tensor
        loss, logits = self.which(shelf, target, score, twins)
        if logits is not None:
            self.said[name] = logits
        return loss

    def _next_item(self, batch: UserBatch, shelf: Shelf, reviews: Rows) -> Tensor:
        users, _ = self._users(batch.steps.to(shelf.vectors.device), shelf, reviews)
        target = batch.target.to(shelf.vectors.device)
        wanted = target >= 0
        if not wanted.any():
            return users.sum() * 0.0
        found = users[wanted]
        return self._which(self.next_item, shelf, target[wanted], lambda at: self.model.scores(found, *shelf.part(at)))

    def _question(self, name: str, batch: QuestionBatch, shelf: Shelf, reviews: Rows) -> Tensor:
        _, states = self._users(batch.steps.to(shelf.vectors.device), shelf, reviews)
        logits = self.said[name] = self.model.binary(name, states[:, -1], batch.numbers.to(shelf.vectors.device)).sum(1)
        return F.binary_cross_entropy_with_logits(logits, batch.target.to(shelf.vectors.device))

    def _users(self, steps: Steps, shelf: Shelf, reviews: Rows) -> tuple[Tensor, Tensor]:
        """The users of these steps; of all reviews only those in the steps are projected."""
        steps, pooled = met(replace(steps, product=shelf.at(steps.product), older=shelf.at(steps.older)), reviews)
        return self.model.users(steps, shelf.vectors, self.model.reviews(pooled))
