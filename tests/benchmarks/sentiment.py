"""Sentiment of any reviews that the importers read: the encoder beside every rival, on the same test rows.

python tests/benchmarks/sentiment.py --reviews FILE [FILE…] [--recipe laptop] [--labelled N] [--seed N] --json

`joint` learns all that the files teach, `single_task` sentiment alone with the same steps; the rivals'
settings are chosen on the validation rows. `seconds` are those of learning and, of a simple method, of answering too; `reading`
is what the frozen layers and the probe share. With --labelled only N reviews, chosen by a hash, teach sentiment.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.encoder.backbone import base_folder
from workbench.encoder.baselines import texts
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.evaluate import differences, measure
from workbench.encoder.make import prepare
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.singly import train_alone
from workbench.encoder.train import train
from workbench.encoder.weights import BASE
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.store import Store
from workbench.tasks.splits import share

TASK = "sentiment"


def read(files: list[Path], home: Home, chosen: Recipe) -> Corpus:
    """All that can be learned from the files, its rows split as the recipe says."""
    with Store.open(home) as store:
        importers.import_files(store, files)
        return read_corpus(store, split=chosen.split, return_days=chosen.return_days)


def label_only(corpus: Corpus, most: int) -> None:
    """Leave sentiment `most` training rows; the others are read by the other tasks alone."""
    rows = corpus.text_rows[TASK]
    train = rows.rows("train")
    order = sorted(train.tolist(), key=lambda i: share(rows.keys[i]))
    rows.split = rows.split.astype("<U12")
    rows.split[order[most:]] = "unlabelled"


def also_taught(corpus: Corpus) -> float:
    """The share of the test rows whose text is that of a training row too: reviews are held out, and people write the same."""
    rows = corpus.text_rows[TASK]
    taught = {corpus.texts[i] for i in rows.text[rows.rows("train")]}
    return float(np.mean([corpus.texts[i] in taught for i in rows.text[rows.rows("test")]]))


def tell(done: float, step: str) -> None:
    print(f"\r{done:4.0%} {step:60}", end="", file=sys.stderr, flush=True)


def timed(work):
    began = time.perf_counter()
    return work(), round(time.perf_counter() - began, 1)


def compare(corpus: Corpus, chosen: Recipe, folder: Path) -> dict:
    """Every rival's metrics on the test rows, with seconds, and the paired differences of `joint` to each."""
    corpus = with_masked_words(corpus, chosen)
    prepared, reading = timed(lambda: prepare(corpus, chosen, folder, tell))
    base = base_folder(chosen, folder / BASE)
    rows = corpus.text_rows[TASK]
    told = {name: timed(fitted) for name, fitted in texts.classifiers(corpus, rows, prepared.frozen).items()}
    alone, singly = timed(lambda: train_alone(corpus, TASK, prepared.features, chosen, folder / "alone", tell, base=base))
    checkpoint = Checkpoint(folder, chosen.asdict())
    made, jointly = timed(lambda: train(corpus, prepared.model, prepared.features, chosen, tell, lambda **point: None, checkpoint))
    joint = measure(made.model, corpus, made.pooled, "test")[TASK]
    rivals = {name: texts.classified(rows, found) for name, (found, _) in told.items() if found is not None} | {"single_task": alone}
    fitting = {name: seconds for name, (_, seconds) in told.items()}
    return {
        "metrics": joint,
        "rivals": rivals,
        "differences": differences(joint, rivals),
        "seconds": {"reading": reading, "joint": jointly, "single_task": singly, **fitting},
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--reviews", nargs="+", type=Path, required=True)
    asked.add_argument("--recipe", default="laptop")
    asked.add_argument("--labelled", type=int)
    asked.add_argument("--seed", type=int)
    asked.add_argument("--json", action="store_true", help="the only form there is: one JSON document on stdout")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home.find(folder).make()
        chosen = recipe(home, given.recipe)
        chosen = chosen if given.seed is None else replace(chosen, seed=given.seed)
        corpus = read(given.reviews, home, chosen)
        if TASK not in corpus.text_rows:
            sys.exit(f"Sentiment cannot be learned from these files: {corpus.left_out.get(TASK)}")
        if given.labelled:
            label_only(corpus, given.labelled)
        rows = corpus.text_rows[TASK]
        found = compare(corpus, chosen, Path(folder))
    splits = ("train", "validation", "test")
    counts = {split: np.bincount(rows.target[rows.rows(split)], minlength=len(rows.labels)).tolist() for split in splits}
    about = {"recipe": chosen.name, "seed": chosen.seed, "labels": rows.labels, "rows": counts, "test_texts_taught": also_taught(corpus)}
    print(json.dumps({**about, **found}, indent=2))


if __name__ == "__main__":
    try:
        main()
    except WorkbenchError as error:
        sys.exit(f"{error.problem} {error.fix}")
