"""What a training step costs as the catalogue grows: over what a step needs of it, beside over the whole catalogue.

python tests/benchmarks/catalogue.py --products 20000 50000 200000 --steps 5 --json

Users with 30 products each, drawn at random, learn next item; products have no texts, so that nothing of a step's time is
reading. `seconds` are the mean of the steps but for the first; the memory is what a process of its own had at most less
what it had before the first step. `scores` says what each `way` scored: a catalogue that fits into memory is scored whole as
trained, too.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

USERS, TAKEN = 2_000, 30
WAYS = {"whole": sys.maxsize, "as_trained": None}


def measured(products: int, way: str, steps: int) -> dict[str, object]:
    """Seconds and memory of a step; imports are made here, in the process that is measured."""
    from accelerate.utils import set_seed
    from sequences import corpus_of
    from tiny_base import tiny_base

    from workbench.encoder import softmax
    from workbench.encoder.batches import Epochs
    from workbench.encoder.learner import Learner
    from workbench.encoder.make import prepare
    from workbench.encoder.recipe import Recipe
    from workbench.encoder.track import engine, peak_memory
    from workbench.encoder.train import read_last

    softmax.MOST_BYTES = WAYS[way] or softmax.MOST_BYTES
    random = np.random.default_rng(0)
    ids = [f"p{i}" for i in range(products)]
    corpus = corpus_of({f"u{u}": [ids[i] for i in random.integers(0, products, TAKEN)] for u in range(USERS)}, dict.fromkeys(ids, ""))
    with tempfile.TemporaryDirectory() as folder:
        chosen = Recipe(base=str(tiny_base(Path(folder) / "base")), trackers="none")
        set_seed(chosen.seed)
        prepared, accelerator = prepare(corpus, chosen, Path(folder), lambda done, step: None), engine("none", Path(folder))
        epochs, learner = Epochs(corpus, prepared.features, chosen), Learner(prepared.model, corpus, chosen, accelerator)
        read, before, seconds = read_last(corpus, prepared.features.pooled(), accelerator.device), peak_memory(), []
        prepared.model.train()
        learner.balance.begin()
        for step, _ in zip(epochs(0), range(steps), strict=False):
            began = time.perf_counter()
            learner.learn(step, read, update=True, where="a step")
            seconds.append(time.perf_counter() - began)
    of = {"products": products, "way": way, "scores": "all" if softmax.fits(products) else f"{softmax.SAMPLED:,} drawn"}
    return {**of, "seconds": round(float(np.mean(seconds[1:])), 3), "more_memory_mb": peak_memory() - before}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--products", type=int, nargs="+", default=[20_000, 50_000, 200_000])
    asked.add_argument("--steps", type=int, default=5)
    asked.add_argument("--json", action="store_true", help="the only form there is: one JSON document on stdout")
    given = asked.parse_args()
    made = []
    for products in given.products:
        for way in WAYS:
            with multiprocessing.get_context("spawn").Pool(1) as alone:
                made.append(alone.apply(measured, (products, way, given.steps)))
    print(json.dumps({"users": USERS, "products_each": TAKEN, "steps": made, "seed": 0}, indent=2))


if __name__ == "__main__":
    main()
