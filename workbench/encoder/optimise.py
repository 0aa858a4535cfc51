"""How weights are moved: AdamW in groups with rates of their own, a warm-up, a decay, clipping, an average beside.

Rates fall from layer to layer downward by the recipe's `layer_decay` (Howard and Ruder 2018). Biases,
norms and single numbers are not decayed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from accelerate import Accelerator
from torch import nn

from workbench.encoder.average import Average
from workbench.encoder.backbone import fast_dtype
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder

LAST_RATE = 0.1
FEW_STEPS, MOST_TIMES = 10_000, 4.0
OF_USERS = ("own.", "bias", "user.", "user_scale")


class Mover:
    """Moves a model's weights, and `beside` (what a balance learns), by the gradients that lie in their `.grad`.

    `updates` is how often it will do so in the whole training, `done` how often it has.
    """

    def __init__(
        self, model: JointEncoder, recipe: Recipe, beside: Sequence[nn.Parameter], accelerator: Accelerator, *, histories: int = 0
    ) -> None:
        """`histories`: the steps of histories that a pass learns from."""
        self.accelerator, self.recipe = accelerator, recipe
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.beside = list(beside)
        moved = groups(model, replace(recipe, user_learning_rate=user_rate(recipe, histories)), beside)
        self.optimiser = torch.optim.AdamW(moved, fused=accelerator.device.type == "cuda")
        self.average = Average(model, recipe.ema)
        self.plan(1, 0)

    def plan(self, updates: int, done: int) -> None:
        """Set the rates for a training of `updates`, of which `done` were made before."""
        share = partial(rate, updates=updates, warm_up=self.recipe.warm_up, decay=self.recipe.decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, share, last_epoch=done - 1)

    def move(self) -> None:
        """One update; several processes move alike, by the mean of their gradients."""
        share_gradients(self.accelerator, [*self.weights, *self.beside])
        torch.nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad()
        self.average.add()


def groups(model: JointEncoder, recipe: Recipe, beside: Sequence[nn.Parameter]) -> list[dict[str, object]]:
    """The optimiser's groups: weights of one rate and one decay each."""
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
            found.setdefault((_rate_of(name, model, recipe), decay), []).append(parameter)
    if beside:
        found[(recipe.learning_rate, 0.0)] = [*found.get((recipe.learning_rate, 0.0), []), *beside]
    return [{"params": p, "lr": lr, "initial_lr": lr, "weight_decay": decay} for (lr, decay), p in found.items()]


def user_rate(recipe: Recipe, histories: int) -> float:
    """The recipe's rate of users for few histories, up to `MOST_TIMES` that where a pass learns from many steps of them.

    Many are learned in few passes, and do not wear off what users and products begin with.
    """
    return recipe.user_learning_rate * min(MOST_TIMES, max(1.0, math.sqrt(histories / FEW_STEPS)))


def _rate_of(name: str, model: JointEncoder, recipe: Recipe) -> float:
    """The backbone's uppermost layer learns at its full rate, each one below at `layer_decay` times that of the one above.

    Users and what products have of their own learn at a rate of their own.
    """
    if name.startswith(OF_USERS):
        return recipe.user_learning_rate
    if not name.startswith("backbone."):
        return recipe.learning_rate
    layers = model.backbone.model.config.num_hidden_layers
    layer = re.search(r"\.layers?\.(\d+)\.", name)
    below = layers - 1 - int(layer.group(1)) if layer else layers if "embeddings" in name else 0
    return float(recipe.backbone_learning_rate * recipe.layer_decay**below)


def rate(at: int, *, updates: int, warm_up: float, decay: str) -> float:
    """The share of the full rate at update `at`: up in a straight line, then down to a tenth by half a cosine or a straight line."""
    warm = max(1, int(warm_up * updates))
    if at < warm:
        return (at + 1) / warm
    gone = min(1.0, (at - warm) / max(1, updates - warm))
    left = (1 + math.cos(math.pi * gone)) / 2 if decay == "cosine" else 1 - gone
    return LAST_RATE + (1 - LAST_RATE) * left


def share_gradients(accelerator: Accelerator, weights: Sequence[nn.Parameter]) -> None:
    """Let every process have the mean of all processes' gradients; one that lacks a gradient counts as zero."""
    if accelerator.num_processes == 1:
        return
    for parameter in weights:
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        parameter.grad = accelerator.reduce(gradient, reduction="mean")


def precision(recipe: Recipe, device: torch.device) -> torch.dtype:
    """What texts are computed in: bfloat16 where the recipe says so or, by "auto", where the processor is fast in it."""
    wanted = {"auto": fast_dtype(device), "bf16": torch.bfloat16, "fp32": torch.float32}
    return wanted[recipe.precision]
