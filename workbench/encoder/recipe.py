"""How an encoder is trained: one flat dataclass, read from TOML, kept with its result."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from typing import Any

from workbench.errors import WorkbenchError
from workbench.home import Home

ADAPTERS = ("", "lora", "bottleneck")
POOLINGS = ("mean", "max", "softmax", "first")
DEFAULT_BASE = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training.

    `top_layers` of the backbone are trained (-1: all; 0: none) and what lies below is computed
    once; `dim` is the size of the joint space; `patience` counts epochs without improvement.
    """

    name: str = "laptop"
    base: str = DEFAULT_BASE
    max_length: int = 96
    top_layers: int = 1
    pooling: str = "mean"
    adapters: str = ""
    adapter_rank: int = 8
    dim: int = 128
    epochs: int = 8
    patience: int = 2
    batch_texts: int = 32
    batch_users: int = 128
    user_passes: int = 5
    learning_rate: float = 1e-3
    backbone_learning_rate: float = 1e-4
    weight_decay: float = 0.1
    dropout: float = 0.4
    user_layers: int = 2
    history_length: int = 50
    seed: int = 7

    def __post_init__(self) -> None:
        for name in (
            "max_length",
            "adapter_rank",
            "dim",
            "epochs",
            "patience",
            "batch_texts",
            "batch_users",
            "user_passes",
            "user_layers",
            "history_length",
        ):
            if getattr(self, name) < 1:
                raise WorkbenchError(
                    f"The recipe's {name} is {getattr(self, name)}; it must be at least 1.", "Correct it in the recipe's file."
                )
        if self.pooling not in POOLINGS:
            raise WorkbenchError(
                f"The recipe's pooling is {self.pooling!r}; allowed are: {', '.join(POOLINGS)}.", "Correct it in the recipe's file."
            )
        if self.adapters not in ADAPTERS:
            raise WorkbenchError(
                f"The recipe's adapters are {self.adapters!r}; allowed are: {', '.join(map(repr, ADAPTERS))}.",
                "Correct it in the recipe's file.",
            )
        if not 0 <= self.dropout < 1:
            raise WorkbenchError(f"The recipe's dropout is {self.dropout}; it must be in [0, 1).", "Correct it in the recipe's file.")

    @classmethod
    def of(cls, values: dict[str, Any]) -> Recipe:
        """A recipe from a flat mapping; an unknown setting is an error, not ignored."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise WorkbenchError(
                f"Unknown settings in the recipe: {', '.join(unknown)}; known are {', '.join(sorted(known))}.", "Correct the recipe's file."
            )
        return cls(**values)

    def asdict(self) -> dict[str, Any]:
        return asdict(self)


def recipes(home: Home) -> dict[str, Recipe]:
    """The recipes of a home and those shipped, by name; the home's own come first."""
    found: dict[str, Recipe] = {}
    for folder in home.recipe_folders:
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, Recipe.of({"name": path.stem, **tomllib.loads(path.read_text("utf-8"))}))
    return found


def recipe(home: Home, name: str) -> Recipe:
    """The recipe of this name; WorkbenchError names those that exist."""
    found = recipes(home)
    if name not in found:
        raise WorkbenchError(
            f"There is no recipe {name!r}; there are: {', '.join(found) or 'none'}.", f"Add {name}.toml to {home.models / 'recipes'}."
        )
    return found[name]
