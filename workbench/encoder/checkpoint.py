"""What a training keeps after each epoch, so that an interrupted run goes on from there: one safetensors file, replaced whole.

With the seed set anew at the beginning of each epoch, weights, their average, what the balance of the
losses learned, optimiser and standing are all that the rest of a training depends on: a resumed run
takes the steps that the unbroken one would have taken.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FILE = "checkpoint.safetensors"
Weights = dict[str, Tensor]


@dataclass
class Standing:
    """Epochs that are done, epochs without a better score, the best score, the curve so far."""

    epoch: int = 0
    waited: int = 0
    best: float = -math.inf
    curve: list[dict[str, float | str]] = field(default_factory=list)


@dataclass
class Kept:
    """A checkpoint as it was read."""

    standing: Standing
    parts: dict[str, Weights]
    optimiser: dict[int, Weights]

    def restore(self, model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Put the part "last", which are the model's weights, and the optimiser's moments back."""
        model.load_state_dict(self.parts["last"], strict=False)
        optimiser.load_state_dict({**optimiser.state_dict(), "state": self.optimiser})


class Checkpoint:
    """The checkpoint of one run; `settings` are what it must have been made with to be of use."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.file = folder / FILE
        self.settings = json.dumps(settings, sort_keys=True, default=str)

    def save(self, standing: Standing, parts: dict[str, Weights], optimiser: torch.optim.Optimizer) -> None:
        """Replace what was kept before; `parts` are weights by what they are: "last", "best", …"""
        tensors = {f"parts/{part}/{name}": value for part, weights in parts.items() for name, value in weights.items()}
        for at, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{at}/{name}": value for name, value in moments.items()}
        beside = self.file.with_suffix(".partial")
        own = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        save_file(own, beside, metadata={"settings": self.settings, "standing": json.dumps(asdict(standing))})
        beside.replace(self.file)

    def load(self) -> Kept | None:
        """What was kept; None where there is nothing, or where it is of other settings or damaged: then training begins anew."""
        if not self.file.exists():
            return None
        try:
            with safe_open(self.file, "pt") as found:
                told = found.metadata()
                if told["settings"] != self.settings:
                    return None
                tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118
        except (SafetensorError, OSError):
            return None
        optimiser: dict[int, Weights] = {}
        for name, value in _part(tensors, "optimiser/").items():
            at, moment = name.split("/")
            optimiser.setdefault(int(at), {})[moment] = value
        parts: dict[str, Weights] = {}
        for name, value in _part(tensors, "parts/").items():
            part, weight = name.split("/", 1)
            parts.setdefault(part, {})[weight] = value
        return Kept(Standing(**json.loads(told["standing"])), parts, optimiser)

    def forget(self) -> None:
        """Nothing is kept once the version is published."""
        self.file.unlink(missing_ok=True)


def _part(tensors: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
