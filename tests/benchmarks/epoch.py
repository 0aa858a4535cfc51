"""How much faster an epoch of recipe `laptop` is when what the frozen layers say is kept, in one run on the same rows.

python tests/benchmarks/epoch.py --reviews musical_instruments.csv --rows 2000 --json
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from accelerate.utils import set_seed

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.batches import Epochs
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.features import MOST_BYTES, Features
from workbench.encoder.learner import Learner
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.track import engine
from workbench.encoder.train import _read, build
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.store import Store

WAYS = {"kept": MOST_BYTES, "every_layer_computed": 0}


def shop_of(home: Home, file: Path, rows: int | None) -> Corpus:
    with Store.open(home) as store:
        importers.import_files(store, [file])
        if rows:
            with store.transaction() as cursor:
                cursor.execute(
                    "DELETE FROM reviews WHERE review_id NOT IN (SELECT review_id FROM reviews ORDER BY hash(review_id) LIMIT ?)", [rows]
                )
        return read_corpus(store)


def epoch_seconds(corpus: Corpus, chosen: Recipe, most_bytes: int, folder: Path) -> dict[str, float]:
    """Seconds of what is done once before, and of one epoch: its steps, and all texts read again at its end."""
    set_seed(chosen.seed)
    backbone = Backbone.of(chosen, find_base(chosen.base))
    model = build(corpus, chosen, backbone)
    began = time.perf_counter()
    features = Features(
        backbone,
        corpus.texts,
        folder / "features",
        readers=corpus.readers,
        first=corpus.learned_texts(),
        precision=chosen.reading,
        most_bytes=most_bytes,
    )
    before = time.perf_counter() - began
    accelerator = engine("none", folder)
    epochs = Epochs(corpus, features, chosen)
    learner = Learner(model, corpus, chosen, accelerator)
    learner.mover.plan(epochs.steps, 0)
    read = _read(corpus, features.pooled(), accelerator.device)
    began = time.perf_counter()
    model.train()
    learner.balance.begin()
    for at, step in enumerate(epochs(0)):
        learner.learn(step, read, update=True, where=f"step {at}")
    features.pooled()
    return {"once_before": round(before, 2), "epoch": round(time.perf_counter() - began, 2), "steps": epochs.steps}


def compare(file: Path, rows: int | None, name: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home.find(Path(folder)).make()
        corpus, chosen = shop_of(home, file, rows), recipe(home, name)
        seconds = {way: epoch_seconds(corpus, chosen, most, home.data) for way, most in WAYS.items()}
        if chosen.adapters == "":
            seconds["every_layer_trained"] = epoch_seconds(corpus, replace(chosen, top_layers=-1), 0, home.data)
    return {
        "texts": len(corpus.texts),
        "recipe": name,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "times_as_fast": {way: round(its["epoch"] / seconds["kept"]["epoch"], 2) for way, its in seconds.items() if way != "kept"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", required=True, type=Path, metavar="FILE")
    parser.add_argument("--rows", type=int, metavar="N", help="so many reviews, chosen by a hash")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = compare(given.reviews, given.rows, given.recipe)
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
