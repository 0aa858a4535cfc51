"""How long a fine-tuning will take and what memory it will need, from a short measured warm-up on this machine.

`python -m workbench.encoder.pace <home> <spec as JSON>` prints one JSON document. The spec holds parent, recipe, train,
`texts` (a sample of the upload), `rows` (of the upload), `labels`, and `shop` (texts of the shop that are read again).
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import torch

from workbench.encoder.backbone import Backbone, base_folder
from workbench.encoder.fast import FastLayers
from workbench.encoder.features import read_all
from workbench.encoder.finetune import LEAST_REHEARSED, LEAST_UPDATES, MOST_EPOCHS, shaped
from workbench.encoder.readings import Readings, key_of_layers
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.track import peak_memory
from workbench.encoder.weights import BASE
from workbench.home import Home
from workbench.registry import Registry
from workbench.tasks.labelled import FEW

START = 15.0  # seconds to load libraries, the base and the shop
READINGS = 1.7  # what a training reads of all texts, the frozen layers' part counted once
READ_BEFORE = 0.8  # the same where the frozen layers' part is kept from an earlier training
UNCERTAIN = (0.7, 1.6)
BYTES_PER_NUMBER, COPIES = 4, 4


def pace(home: Home, spec: dict[str, Any]) -> dict[str, Any]:
    """`seconds` with `low` and `high`, `memory_mb`, and what was measured: texts read and learned from in a second."""
    parent = Registry(home).get(spec["parent"]) if spec.get("parent") else None
    chosen = shaped(recipe(home, spec["recipe"]), Recipe.of_version(parent.recipe) if parent else None, spec["train"])
    backbone = Backbone.of(chosen, base_folder(chosen, parent.folder / BASE if parent else home.models / BASE))
    read, learned = _read_rate(backbone, spec["texts"]), _learn_rate(backbone, chosen, spec["texts"], spec["train"])
    rows, few = int(spec["rows"]), spec["rows"] / max(1, spec["labels"]) < FEW
    epochs = max(chosen.epochs, min(MOST_EPOCHS, -(-LEAST_UPDATES * chosen.batch_texts // max(1, rows)))) if few else chosen.epochs
    beside = min(int(spec["shop"]), max(LEAST_REHEARSED, int(chosen.replay * rows))) if parent and spec["train"] != "head" else 0
    passes = READINGS if backbone.cached else 1 + 0.3 * epochs
    again = READ_BEFORE if parent and _is_kept(home, backbone, chosen) else passes
    seconds = START + (passes * rows + again * spec["shop"]) / read + (2 if few else 1) * epochs * (rows + beside) / learned
    vectors = COPIES * BYTES_PER_NUMBER * backbone.width * (rows + spec["shop"]) / 2**20
    low, high = (round(seconds * share) for share in UNCERTAIN)
    measured = {"read_per_second": round(read, 1), "learn_per_second": round(learned, 1)}
    known = int(parent.info.get("memory_mb") or 0) if parent else 0  # what making the parent took is the better guess
    memory = max(known, round(peak_memory() + vectors))
    return {"seconds": round(seconds), "low": low, "high": high, "memory_mb": memory, **measured}


def _is_kept(home: Home, backbone: Backbone, chosen: Recipe) -> bool:
    """Whether the frozen layers' reading of the shop's texts is kept, as a training leaves it."""
    return backbone.cached and Readings.of(home.readings, key_of_layers(backbone, chosen.reading), backbone.width) is not None


def _read_rate(backbone: Backbone, texts: list[str]) -> float:
    """Texts a second that are read once, after a warm-up."""
    layers = FastLayers(backbone, "bf16")
    list(read_all(backbone, texts[:8], layers, "review"))
    began = time.perf_counter()
    list(read_all(backbone, texts, layers, "review"))
    return len(texts) / (time.perf_counter() - began)


def _learn_rate(backbone: Backbone, chosen: Recipe, texts: list[str], choice: str) -> float:
    """Texts a second that are learned from; a head alone costs next to nothing."""
    if choice == "head" or not any(p.requires_grad for p in backbone.parameters()):
        return 1e5
    tokens = backbone.tokenise(texts[: chosen.batch_texts])
    batch, seconds = backbone.pad(tokens, ["review"] * len(tokens)), []
    with torch.no_grad():
        entered = backbone.lower(batch) if backbone.cached else batch
    for _ in range(3):
        began = time.perf_counter()
        backbone(entered).square().mean().backward()
        seconds.append(time.perf_counter() - began)
    return len(tokens) / float(np.median(seconds[1:]))


if __name__ == "__main__":
    print(json.dumps(pace(Home.find(sys.argv[1]), json.loads(sys.argv[2]))))
