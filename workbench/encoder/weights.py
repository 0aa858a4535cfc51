"""A model version's weights on disk: safetensors and a plain description, checked before they are used."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from workbench.encoder.backbone import Backbone, base_folder, digest
from workbench.encoder.corpus import Corpus, reader_of
from workbench.encoder.fast_layer import Ranges
from workbench.encoder.licence import licence
from workbench.encoder.numbers import TREES
from workbench.encoder.probe import UNSEEN
from workbench.encoder.recipe import SCRATCH, Recipe
from workbench.encoder.towers import JointEncoder
from workbench.errors import WorkbenchError
from workbench.files import read_json, write_json
from workbench.registry import ModelVersion
from workbench.tasks.base import Outputs

Weights = dict[str, torch.Tensor]
WEIGHTS, SHAPE, BASE, RANGES = "model.safetensors", "shape.json", "base", "ranges.safetensors"


@dataclass
class Loaded:
    """A version ready to use: the model in evaluation mode and what its rows mean; `readers`: the kind of text each task reads."""

    model: JointEncoder
    recipe: Recipe
    products: list[str]
    labels: dict[str, list[str]]
    binary: list[str]
    readers: dict[str, str]
    outputs: dict[str, Outputs]
    ranges: list[Ranges] = field(default_factory=list)

    def device(self) -> torch.device:
        """Where it is computed: what is read in int8 is read by the processor."""
        from workbench.encoder.track import engine

        return torch.device("cpu") if self.ranges else engine().device


def save(model: JointEncoder, corpus: Corpus, recipe: Recipe, folder: Path, ranges: list[Ranges]) -> None:
    """Write the trained weights, the recipe and the meaning of the rows into a version's folder; a base from scratch whole beside them.

    `ranges` are what int8 has to know beforehand.
    """
    if ranges:
        save_file({f"{at}.{name}": value for at, layer in enumerate(ranges) for name, value in layer.items()}, folder / RANGES)
    kept = _beside_base(model, recipe)
    if recipe.base == SCRATCH:
        model.backbone.write(folder / BASE)
    save_file({name: value.detach().cpu().contiguous() for name, value in kept.items()}, folder / WEIGHTS)
    write_json(folder / "recipe.json", recipe.asdict())
    binary = list(corpus.user_rows)
    base = base_folder(recipe, folder / BASE)
    shape = {
        "base_sha256": digest(base),
        "base_licence": licence(base),
        "products": corpus.product_ids,
        "labels": corpus.labels,
        "binary": binary,
        "readers": {name: reader_of(rows.task.entity) for name, rows in corpus.text_rows.items()},
        "outputs": {name: asdict(found) for name, found in corpus.heads.items() if found},
    }
    write_json(folder / SHAPE, shape)


def _beside_base(model: JointEncoder, recipe: Recipe) -> Weights:
    """What a version keeps beside its base, which has its own weights where it is from scratch."""
    own = "backbone.model." if recipe.base == SCRATCH else "none"
    return {name: value for name, value in model.trained().items() if not name.startswith(own)}


def load(version: ModelVersion) -> Loaded:
    """The model of a version, after its files' SHA-256 were checked.

    Raises WorkbenchError when a file is damaged or the base on this machine is another than it was trained on.
    """
    version.verify()
    recipe = Recipe.of_version(version.recipe)
    shape: dict[str, Any] = read_json(version.folder / SHAPE, {})
    base = base_folder(recipe, version.folder / BASE)
    if digest(base) != shape["base_sha256"]:
        raise WorkbenchError(
            f"Model version {version.id} was trained on other weights of {recipe.base} than those in {base}.",
            "Install the weights it was trained on, or train a new version.",
        )
    outputs = {name: Outputs(**found) for name, found in shape.get("outputs", {}).items()}
    heads = {name: outputs.get(name) for name in shape["labels"]}
    backbone = Backbone.of(recipe, base)
    weights = read_weights(version.folder / WEIGHTS)
    masked = any(name.startswith("masked.") for name in weights)
    model = JointEncoder(recipe, backbone, np.zeros(len(shape["products"])), heads, masked=masked)
    lacking = sorted(name for name in set(_beside_base(model, recipe)) - set(weights) if not any(part in name for part in TREES))
    if lacking:
        raise WorkbenchError(
            f"Model version {version.id} was written by another release of the workbench: it has no {lacking[0]}.",
            "Train a new version.",
        )
    model.load_state_dict(weights, strict=False)
    ranges = _ranges(version.folder / RANGES, backbone)
    return Loaded(model.eval(), recipe, shape["products"], shape["labels"], shape["binary"], shape.get("readers", {}), outputs, ranges)


def _ranges(file: Path, backbone: Backbone) -> list[Ranges]:
    """The ranges of each layer; [] for a version that was not read in int8."""
    if not file.exists():
        return []
    found: list[Ranges] = [{} for _ in backbone.model.encoder.layer]
    for name, value in read_weights(file).items():
        at, part = name.split(".")
        found[int(at)][part] = value
    return found


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file; WorkbenchError when it is cut short or of another kind."""
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise WorkbenchError(f"{file} is not a whole safetensors file: {error}", "Roll back to another version, or train again.") from error


@torch.no_grad()
def warm_start(model: JointEncoder, corpus: Corpus, parent: Loaded) -> None:
    """Give `model` what `parent` learned: products and labels are matched by name, what is new keeps its first values.

    A product that the parent knows no buyer of has no part of its own yet: it stands on its text.
    """
    old, new = parent.model.trained(), model.trained()
    apart = ("own.", "bias", "review_bias", "gate", "heads.", "companions.")
    shared = [n for n in new if n in old and new[n].shape == old[n].shape and not n.startswith(apart)]
    for name in shared:
        new[name].copy_(old[name])
    place = {key: i for i, key in enumerate(parent.products)}
    pairs = [(i, place[key]) for i, key in enumerate(corpus.product_ids) if key in place]
    new["own.weight"][: len(corpus.product_ids)] = 0.0
    if pairs:
        here, there = (torch.tensor(side) for side in zip(*pairs, strict=True))
        for name in ("own.weight", "bias", "review_bias"):
            new[name][here] = old[name][there].to(new[name].device)
        new["own.weight"][here[old["gate"][there].cpu() == 0]] = 0.0
        model.companions.carry(parent.model.companions, here, there)
    for task in corpus.heads:
        if task in parent.labels:
            _warm_head(new, old, task, corpus, parent)


@torch.no_grad()
def without_popularity(model: JointEncoder, corpus: Corpus, parent: Loaded) -> None:
    """After `warm_start`: products that `parent` never saw are as likely as those that nobody bought or reviewed, as far as it knows."""
    known = set(parent.products)
    unseen = [at for at, key in enumerate(corpus.product_ids) if key not in known]
    if unseen and known:
        model.bias[unseen] = parent.model.unbought_bias()
        model.review_bias[unseen] = float(parent.model.review_bias.min())


def _warm_head(new: Weights, old: Weights, task: str, corpus: Corpus, parent: Loaded) -> None:
    """Give a head what it knew: all of it where it tells the same apart, else what it knew of the outputs and labels that it still has."""
    head, outputs, before = f"heads.{task}.", corpus.heads[task], parent.outputs.get(task)
    if outputs == before:
        for name in (n for n in new if n.startswith(head) and n in old):
            new[name].copy_(old[name])
    elif outputs and before:
        _move(new, old, [head + name for name in ("score.weight", "score.bias")], outputs.names, before.names)
        of_labels = [head + name for name in ("words.weight", "words.bias", "bias", "offset")]
        _move(new, old, of_labels, corpus.labels[task], parent.labels[task])
        for name in ("words.idf", "temperature", "share"):
            new[head + name].copy_(old[head + name])


def _move(new: Weights, old: Weights, weights: list[str], names: list[str], before: list[str]) -> None:
    """Give each name its rows of a head's weights; a name that is new has none, and is less likely than all that were there."""
    here, there = [at for at, name in enumerate(names) if name in before], [before.index(name) for name in names if name in before]
    for weight in weights:
        unseen = old[weight].min() - UNSEEN if weight.endswith(("score.bias", "words.bias")) else 0.0
        new[weight].fill_(unseen)
        new[weight][here] = old[weight][there].to(new[weight].device)
