"""How much faster an epoch of recipe `laptop` is when what the frozen layers say is kept, in one run on the same rows.

python tests/benchmarks/epoch.py --reviews musical_instruments.csv --rows 2000 --json

The ways take turns, step by step over the first steps of an epoch, so that a neighbour's load falls on all of them. An
epoch is all its steps at the mean of those measured, and all texts read once at its end, which is measured whole.

`every_layer_computed` computes the frozen layers too, by the same fast reading as all that is read here;
`every_layer_by_transformers` by the layers of transformers themselves under autocast, as a training script would, in batches
of like length all the same; `every_layer_trained` also trains them.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from accelerate.utils import set_seed

from workbench.encoder.backbone import Backbone, Texts, find_base
from workbench.encoder.batches import Epochs, Step
from workbench.encoder.build import build
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.features import MOST_BYTES, TOKENS_PER_BATCH, Features, batches_by_length
from workbench.encoder.learner import Learner
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.objectives import Read
from workbench.encoder.optimise import precision
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.track import engine
from workbench.encoder.train import read_last
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.store import Store

KEPT = "kept"


def shop_of(home: Home, file: Path, rows: int | None) -> Corpus:
    with Store.open(home) as store:
        importers.import_files(store, [file])
        if rows:
            with store.transaction() as cursor:
                cursor.execute(
                    "DELETE FROM reviews WHERE review_id NOT IN (SELECT review_id FROM reviews ORDER BY hash(review_id) LIMIT ?)", [rows]
                )
        return read_corpus(store)


class Plainly(Features):
    """Texts whose frozen layers are computed by transformers' own layers, whenever they are read."""

    dtype = torch.float32

    def lower(self, rows: np.ndarray) -> Texts:
        training = self.backbone.training
        self.backbone.eval()
        with torch.no_grad(), self.autocast():
            found = self.backbone.lower(self._padded(rows))
        self.backbone.train(training)
        return replace(found, values=found.values.float())

    def batch(self, rows: Sequence[int] | np.ndarray) -> Texts:
        return self.lower(np.asarray(rows))

    def pooled(self, rows: np.ndarray | None = None) -> np.ndarray:
        wanted = np.arange(len(self.lengths)) if rows is None else np.asarray(rows)
        made, training = np.zeros((len(wanted), self.backbone.width), np.float32), self.backbone.training
        self.backbone.eval()
        with torch.no_grad(), self.autocast():
            for at in batches_by_length(self.lengths[wanted], TOKENS_PER_BATCH["cpu"]):
                made[at] = self.backbone(self.lower(wanted[at])).float().numpy()
        self.backbone.train(training)
        return made

    def autocast(self) -> torch.autocast:
        return torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass
class Way:
    """A training that has begun: what it did once, and the seconds of its steps so far, the first of which warms up."""

    learner: Learner
    features: Features
    read: Read
    steps: Iterator[Step]
    of: int
    once: float
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def begun(cls, corpus: Corpus, chosen: Recipe, most_bytes: int, kind: type[Features], file: Path) -> "Way":
        set_seed(chosen.seed)
        backbone, began = Backbone.of(chosen, find_base(chosen.base)), time.perf_counter()
        known = {"readers": corpus.readers, "first": corpus.learned_texts(), "precision": chosen.reading}
        features = kind(backbone, corpus.texts, file, most_bytes=most_bytes, **known)
        if isinstance(features, Plainly):
            features.dtype = precision(chosen, torch.device("cpu"))
        once, accelerator, epochs = time.perf_counter() - began, engine("none", file.parent), Epochs(corpus, features, chosen)
        model = build(corpus, chosen, backbone)
        learner = Learner(model, corpus, chosen, accelerator)
        learner.mover.plan(epochs.steps, 0)
        read = read_last(corpus, features.pooled(), accelerator.device)
        model.train()
        learner.balance.begin()
        return cls(learner, features, read, epochs(0), epochs.steps, once)

    def step(self) -> None:
        self.seconds.append(timed(lambda: self.learner.learn(next(self.steps), self.read, update=True, where="a step")))

    def figures(self) -> dict[str, float]:
        reading, step = timed(self.features.pooled), float(np.mean(self.seconds[1:]))
        told = {"once_before": self.once, "step": step, "reading_at_the_end": reading, "epoch": self.of * step + reading}
        return {name: round(value, 3) for name, value in told.items()}


def compare(file: Path, rows: int | None, name: str, steps: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home.find(Path(folder)).make()
        chosen = recipe(home, name)
        corpus = with_masked_words(shop_of(home, file, rows), chosen)
        ways: dict[str, tuple[Recipe, int, type[Features]]] = {
            KEPT: (chosen, MOST_BYTES, Features),
            "every_layer_computed": (chosen, 0, Features),
            "every_layer_by_transformers": (chosen, 0, Plainly),
        }
        if not chosen.adapters:
            ways["every_layer_trained"] = (replace(chosen, top_layers=-1), 0, Features)
        begun = {way: Way.begun(corpus, *its, home.data / way) for way, its in ways.items()}
        counted = min(steps + 1, begun[KEPT].of)
        for _ in range(counted):
            for way in begun.values():
                way.step()
        seconds = {way: its.figures() for way, its in begun.items()}
    return {
        "texts": len(corpus.texts),
        "recipe": name,
        "threads": torch.get_num_threads(),
        "steps": {"in_an_epoch": begun[KEPT].of, "measured": counted - 1},
        "seconds": seconds,
        "times_as_fast": {way: round(its["epoch"] / seconds[KEPT]["epoch"], 2) for way, its in seconds.items() if way != KEPT},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", required=True, type=Path, metavar="FILE")
    parser.add_argument("--rows", type=int, metavar="N", help="so many reviews, chosen by a hash")
    parser.add_argument("--steps", type=int, default=12, metavar="N", help="steps that are measured (12)")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = compare(given.reviews, given.rows, given.recipe, given.steps)
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
