"""A model version's weights on disk: safetensors and a plain description, checked before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from workbench.encoder.backbone import Backbone, digest, find_base
from workbench.encoder.corpus import Corpus, reader_of
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder
from workbench.errors import WorkbenchError
from workbench.files import read_json, write_json
from workbench.registry import ModelVersion

WEIGHTS, SHAPE = "model.safetensors", "shape.json"


@dataclass
class Loaded:
    """A version ready to use: the model in evaluation mode and what its rows mean; `readers`: the kind of text each task reads."""

    model: JointEncoder
    recipe: Recipe
    products: list[str]
    labels: dict[str, list[str]]
    binary: list[str]
    readers: dict[str, str]


def save(model: JointEncoder, corpus: Corpus, recipe: Recipe, folder: Path) -> None:
    """Write the trained weights, the recipe and the meaning of the rows into a version's folder."""
    save_file({name: value.detach().cpu().contiguous() for name, value in model.trained().items()}, folder / WEIGHTS)
    write_json(folder / "recipe.json", recipe.asdict())
    binary = list(corpus.user_rows)
    shape = {
        "base_sha256": digest(find_base(recipe.base)),
        "products": corpus.product_ids,
        "labels": corpus.labels,
        "binary": binary,
        "readers": {name: reader_of(rows.task.entity) for name, rows in corpus.text_rows.items()},
    }
    write_json(folder / SHAPE, shape)


def load(version: ModelVersion) -> Loaded:
    """The model of a version, after its files' SHA-256 were checked.

    Raises WorkbenchError when a file is damaged or the base on this machine is another than it was trained on.
    """
    version.verify()
    recipe = Recipe.of(version.recipe)
    shape: dict[str, Any] = read_json(version.folder / SHAPE, {})
    base = find_base(recipe.base)
    if digest(base) != shape["base_sha256"]:
        raise WorkbenchError(
            f"Model version {version.id} was trained on other weights of {recipe.base} than those in {base}.",
            "Install the weights it was trained on, or train a new version.",
        )
    sizes = {name: 1 if name in shape["binary"] else len(found) for name, found in shape["labels"].items()}
    backbone = Backbone.of(recipe, base)
    model = JointEncoder(recipe, backbone, np.zeros(len(shape["products"])), sizes)
    model.load_state_dict(read_weights(version.folder / WEIGHTS), strict=False)
    return Loaded(model.eval(), recipe, shape["products"], shape["labels"], shape["binary"], shape.get("readers", {}))


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file; WorkbenchError when it is cut short or of another kind."""
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise WorkbenchError(f"{file} is not a whole safetensors file: {error}", "Roll back to another version, or train again.") from error


@torch.no_grad()
def warm_start(model: JointEncoder, corpus: Corpus, parent: Loaded) -> None:
    """Give `model` what `parent` learned: products and labels are matched by name, what is new keeps its first values."""
    old, new = parent.model.trained(), model.trained()
    shared = [n for n in new if n in old and new[n].shape == old[n].shape and not n.startswith(("own.", "bias", "gate", "heads."))]
    for name in shared:
        new[name].copy_(old[name])
    place = {key: i for i, key in enumerate(parent.products)}
    pairs = [(i, place[key]) for i, key in enumerate(corpus.product_ids) if key in place]
    if pairs:
        here, there = (torch.tensor(side) for side in zip(*pairs, strict=True))
        for name in ("own.weight", "bias"):
            new[name][here] = old[name][there]
    for task, labels in corpus.labels.items():
        if task in parent.labels:
            _warm_head(new, old, task, labels, parent.labels[task])


def _warm_head(new: dict[str, torch.Tensor], old: dict[str, torch.Tensor], task: str, labels: list[str], before: list[str]) -> None:
    for name in (n for n in new if n.startswith(f"heads.{task}.")):
        if labels == before:
            new[name].copy_(old[name])
            continue
        for at, label in enumerate(labels):
            if label in before:
                new[name][at] = old[name][before.index(label)]
