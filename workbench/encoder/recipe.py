"""How an encoder is trained: one flat dataclass, read from TOML, kept with its result."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.tasks.splits import SPLITS

READINGS = ("fp32", "bf16", "int8")
POOLINGS = ("mean", "max", "softmax", "first")
SCRATCH = "scratch"
DEFAULT_BASE = "sentence-transformers/all-MiniLM-L6-v2"
HEAD_WIDTH = 64


@dataclass(frozen=True)
class Allowed:
    """What a setting may be, in words and as a check."""

    words: str
    holds: Callable[[Any], bool]


def at_least(least: float) -> Allowed:
    return Allowed(f"at least {least}", lambda value: value >= least)


def above(low: float) -> Allowed:
    return Allowed(f"above {low}", lambda value: value > low)


def below(low: float, high: float) -> Allowed:
    """From `low` to below `high`."""
    return Allowed(f"in [{low}, {high})", lambda value: low <= value < high)


def within(low: float, high: float) -> Allowed:
    """From above `low` to `high`."""
    return Allowed(f"in ({low}, {high}]", lambda value: low < value <= high)


def one_of(*words: str) -> Allowed:
    return Allowed(f"one of {', '.join(map(json.dumps, words))}", lambda value: value in words)


ALLOWED = {
    "split": one_of(*SPLITS),
    "max_length": at_least(3),  # a text's first and last token are none of its own
    "top_layers": at_least(-1),
    "pooling": one_of(*POOLINGS),
    "adapters": one_of("", "lora", "bottleneck"),
    "adapter_rank": at_least(1),
    "reading": one_of(*READINGS),
    "vocabulary": at_least(100),
    "own_layers": at_least(1),
    "own_width": at_least(1),
    "dim": at_least(1),
    "user_layers": at_least(1),
    "user_width": at_least(1),
    "history_length": at_least(1),
    "return_days": at_least(1),
    "dropout": below(0, 1),
    "epochs": at_least(1),
    "patience": at_least(1),
    "batch_texts": at_least(1),
    "batch_users": at_least(1),
    "user_passes": at_least(1),
    "sampling": one_of("proportional", "square_root", "equal"),
    "word_dropout": below(0, 1),
    "synonyms": below(0, 1),
    "self_training": at_least(0),
    "balance": one_of("sum", "normalised", "uncertainty", "famo", "upgrad", "pcgrad"),
    "replay": at_least(0),
    "keep_close": at_least(0),
    "adversarial": at_least(0),
    "r_drop": at_least(0),
    "learning_rate": above(0),
    "backbone_learning_rate": above(0),
    "user_learning_rate": above(0),
    "layer_decay": within(0, 1),
    "warm_up": below(0, 1),
    "decay": one_of("cosine", "linear"),
    "weight_decay": at_least(0),
    "accumulate": at_least(1),
    "clip": above(0),
    "ema": below(0, 1),
    "precision": one_of("auto", "bf16", "fp32"),
    "trackers": one_of("tensorboard", "wandb", "none"),
}


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training; `ALLOWED` says what each may be.

    `top_layers` of the backbone are trained (-1: all; 0: none) and what lies below is computed once;
    `reading` is the precision in which texts are read ("bf16" means fp32 where the processor has none);
    `dim` is the size of the joint space; `patience` counts epochs without improvement; a return counts within
    `return_days`.
    """

    name: str = "laptop"
    # how rows are kept from training: each user's last new products, or all that comes after a cut in time
    split: str = SPLITS[0]
    # the backbone
    base: str = DEFAULT_BASE
    max_length: int = 96
    top_layers: int = 1
    pooling: str = "mean"
    adapters: str = ""
    adapter_rank: int = 8
    reading: str = "bf16"
    vocabulary: int = 12000
    own_layers: int = 2
    own_width: int = 192
    masked_words: bool = False
    # the joint space and the users
    dim: int = 256
    user_layers: int = 2
    user_width: int = 128
    history_length: int = 50
    return_days: int = 90
    dropout: float = 0.5
    # what an epoch reads
    epochs: int = 8
    patience: int = 2
    batch_texts: int = 32
    batch_users: int = 128
    user_passes: int = 5
    sampling: str = "proportional"
    word_dropout: float = 0.0
    synonyms: float = 0.0
    # how a fine-tuning forgets nothing: rows of the parent's tasks for each uploaded one, and closeness to how it reads
    replay: float = 1.0
    keep_close: float = 0.0
    # what the model's own answers to texts without a label count beside labels
    self_training: float = 0.0
    # how the tasks' losses become one
    balance: str = "sum"
    adversarial: float = 0.0
    r_drop: float = 0.0
    # how the weights are moved
    learning_rate: float = 1e-3
    backbone_learning_rate: float = 1e-4
    user_learning_rate: float = 5e-4
    layer_decay: float = 1.0
    warm_up: float = 0.1
    decay: str = "cosine"
    weight_decay: float = 0.1
    accumulate: int = 1
    clip: float = 1.0
    ema: float = 0.0
    # how it is computed and watched
    precision: str = "auto"
    compile: bool = False
    trackers: str = "tensorboard"
    seed: int = 7

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check(field.name, field.default)
        self._fit_together()

    def _fit_together(self) -> None:
        """Raises WorkbenchError where a setting could do nothing under another one."""
        if self.base == SCRATCH and (self.top_layers >= 0 or self.adapters):
            raise WorkbenchError(
                "A base from scratch has nothing yet that is worth freezing.", "Set top_layers = -1 and leave adapters out of the recipe."
            )
        if self.adapters == "lora" and self.reading == "int8":
            raise WorkbenchError(
                'The recipe sets adapters = "lora" and reading = "int8", but layers with LoRA adapters cannot be read in int8.',
                'Set reading = "bf16", or adapters = "bottleneck".',
            )
        if self.synonyms and self.top_layers >= 0:
            raise WorkbenchError(
                f"The recipe sets synonyms = {self.synonyms}, but with top_layers = {self.top_layers} texts are read once, at the start.",
                "Set top_layers = -1, which reads the words in every step, or synonyms = 0.",
            )
        if self.synonyms and self.base == SCRATCH:
            raise WorkbenchError(
                f"The recipe sets synonyms = {self.synonyms}, but a base from scratch does not know yet which words are near.",
                "Leave synonyms out, or choose a trained base.",
            )
        if not self.adapters and self.adapter_rank != Recipe.adapter_rank:
            raise WorkbenchError(
                f"The recipe sets adapter_rank = {self.adapter_rank}, but it has no adapters.",
                'Set adapters = "lora" or "bottleneck", or leave adapter_rank out.',
            )
        for name in ("word_dropout", "adversarial", "layer_decay", "compile"):
            value = getattr(self, name)
            if self.top_layers == 0 and value != getattr(Recipe, name):
                raise WorkbenchError(
                    f"The recipe sets {name} = {json.dumps(value)}, but with top_layers = 0 no layer of the backbone is trained.",
                    f"Set top_layers to 1 or more, or leave {name} out.",
                )

    def _check(self, name: str, default: Any) -> None:
        """Raises WorkbenchError where the setting is of another kind than its default, or not what it may be."""
        value, wanted = getattr(self, name), type(default)
        fits = isinstance(value, (int, float) if wanted is float else wanted) and (wanted is bool or not isinstance(value, bool))
        allowed = ALLOWED.get(name)
        if not fits:
            words = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}[wanted]
        elif allowed and not allowed.holds(value):
            words = allowed.words
        else:
            return
        raise WorkbenchError(f"The recipe's {name} is {value!r}; it must be {words}.", "Correct it in the recipe's file.")

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

    @classmethod
    def of_version(cls, values: dict[str, Any]) -> Recipe:
        """The recipe of a version, without what did nothing in its training: it may be older than the check that refuses it."""
        idle = {"adapter_rank"} if not values.get("adapters") else set()
        idle |= {"compile"} if values.get("top_layers") == 0 else set()
        return cls.of({name: value for name, value in values.items() if name not in idle})

    def asdict(self) -> dict[str, Any]:
        return asdict(self)


def heads_of(width: int) -> int:
    """The attention heads of a transformer: as many of `HEAD_WIDTH` or wider as divide its width."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)


def recipes(home: Home) -> dict[str, Recipe]:
    """The recipes of a home and those shipped, by name, without those that are `broken`; the home's own come first."""
    found: dict[str, Recipe] = {}
    for name, file in recipe_files(home).items():
        with suppress(WorkbenchError):
            found[name] = read_recipe(file)
    return found


def broken(home: Home) -> list[WorkbenchError]:
    """What is wrong with each recipe's file that is no recipe."""
    found = []
    for file in recipe_files(home).values():
        try:
            read_recipe(file)
        except WorkbenchError as error:
            found.append(error)
    return found


def recipe(home: Home, name: str) -> Recipe:
    """The recipe of this name, whatever is wrong with others; WorkbenchError names those that exist."""
    found = recipe_files(home)
    if name not in found:
        raise WorkbenchError(
            f"There is no recipe {name!r}; there are: {', '.join(found) or 'none'}.", f"Add {name}.toml to {home.models / 'recipes'}."
        )
    return read_recipe(found[name])


def recipe_files(home: Home) -> dict[str, Path]:
    """The recipes' files by name; the home's own come first."""
    found: dict[str, Path] = {}
    for folder in home.recipe_folders:
        for file in sorted(folder.glob("*.toml")):
            found.setdefault(file.stem, file)
    return found


def read_recipe(file: Path) -> Recipe:
    """The recipe in a file; WorkbenchError, which names the file, where it is none."""
    try:
        return Recipe.of({"name": file.stem, **tomllib.loads(file.read_text("utf-8-sig"))})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise WorkbenchError(
            f"The recipe in {file} cannot be read: {error}.", "Write one setting a line as UTF-8 text, for example: epochs = 8"
        ) from error
    except WorkbenchError as error:
        raise WorkbenchError(f"In {file}: {error.problem}", error.fix) from error
