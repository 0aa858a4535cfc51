"""A shop's tasks learned jointly, beside each learned alone with the same steps: the mean of several trainings of both.

python tests/benchmarks/joint.py --home DIR [--tasks A,B] [--recipe laptop] [--seeds 3] [--until-cut] --json

All tasks are learned jointly; `--tasks` says which are learned alone too. With `--until-cut` return is learned jointly once more
with nothing that happened after the cut in time at which its test rows are asked: leave-one-out lets next item learn from
what customers took after it. One training is better or worse by chance of its
seed: each figure is the mean over the seeds, each interval that of the test rows, and a difference is paired by row. `by_seed`
holds the figures that went into the mean.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from accelerate.utils import set_seed

from workbench.encoder.backbone import Backbone, base_folder
from workbench.encoder.build import begin_at_what_was_said, build
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.evaluate import differences, measure
from workbench.encoder.features import Features
from workbench.encoder.make import prepare
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.metrics import Metric
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.singly import train_alone
from workbench.encoder.track import engine
from workbench.encoder.train import train
from workbench.encoder.weights import BASE
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop.store import open_for_reading

Figures = dict[str, Metric]


def tell(done: float, step: str) -> None:
    print(f"\r{done:4.0%} {step:60}", end="", file=sys.stderr, flush=True)


def jointly(corpus: Corpus, features: Features, chosen: Recipe, folder: Path, base: Path) -> dict[str, Figures]:
    """The test metrics of every task of one joint training."""
    set_seed(chosen.seed)
    backbone = Backbone.of(chosen, base)
    model = build(corpus, chosen, backbone).to(engine().device)
    read = features.over(backbone)
    begin_at_what_was_said(model, corpus, read.pooled)
    made = train(corpus, model, read, chosen, tell, lambda **point: None, Checkpoint(folder, chosen.asdict()))
    return measure(made.model, corpus, made.pooled, "test")


def until_cut(corpus: Corpus) -> Corpus:
    """The corpus of which no step and no review after the cut of return's test rows is learned from."""
    asked = corpus.user_rows["return"]
    cut = asked.now[asked.rows("test")].max()
    ends = [int(np.searchsorted(user.days, cut, side="left")) for user in corpus.users]
    late = np.unique(np.concatenate([user.review[end:] for user, end in zip(corpus.users, ends, strict=True)]))
    texts = corpus.review_text[late[late >= 0]]
    users = [replace(user, train_end=min(user.train_end, end)) for user, end in zip(corpus.users, ends, strict=True)]
    rows = {
        name: replace(its, split=np.where((its.split == "train") & np.isin(its.text, texts), "late", its.split))
        for name, its in corpus.text_rows.items()
    }
    return replace(corpus, users=users, text_rows=rows)


def over_seeds(found: Sequence[Figures]) -> Figures:
    """The mean of each metric over trainings that were measured on the same rows."""

    def average(name: str) -> Metric:
        each = [figures[name] for figures in found]
        draws = np.mean([one.draws for one in each], axis=0)
        return Metric(lambda rows: float(np.mean([one.statistic(rows) for one in each])), each[0]["n"], float(np.mean(values(each))), draws)

    return {name: average(name) for name in found[0]}


def values(found: Sequence[Metric]) -> list[float]:
    return [one["value"] for one in found]


def compare(
    corpus: Corpus, chosen: Recipe, tasks: Sequence[str], seeds: Sequence[int], folder: Path, earlier: Path, *, cut: bool = False
) -> dict[str, dict]:
    """For each of the tasks the mean figures of both, their paired differences, and the first metric of each training."""
    prepared = prepare(corpus, chosen, folder, tell, earlier=earlier)
    base, joint, alone, until = base_folder(chosen, folder / BASE), [], [], []
    for seed in seeds:
        of_seed = replace(chosen, seed=seed, trackers="none")
        places = {name: Path(tempfile.mkdtemp(dir=folder)) for name in ("joint", "until_cut", *tasks)}
        joint.append(jointly(corpus, prepared.features, of_seed, places["joint"], base))
        alone.append({task: train_alone(corpus, task, prepared.features, of_seed, places[task], tell, base=base) for task in tasks})
        if cut:
            until.append(jointly(until_cut(corpus), prepared.features, of_seed, places["until_cut"], base))
    made = {}
    for task in tasks:
        each = {"joint": [figures[task] for figures in joint], "alone": [figures[task] for figures in alone]}
        if cut and task == "return":
            each["until_cut"] = [figures[task] for figures in until]
        means = {name: over_seeds(found) for name, found in each.items()}
        first = next(iter(means["joint"]))
        by_seed = {name: [figures[first]["value"] for figures in found] for name, found in each.items()}
        others = {name: found for name, found in means.items() if name != "joint"}
        made[task] = {**means, "differences": differences(means["joint"], others), "by_seed": {first: by_seed}}
    return made


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--home", type=Path, required=True)
    asked.add_argument("--tasks", help="those that are learned alone too, with commas between them; all where not given")
    asked.add_argument("--recipe", default="laptop")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--until-cut", action="store_true", help="return is learned once more with nothing after its test's cut")
    asked.add_argument("--json", action="store_true", help="the only form there is: one JSON document on stdout")
    given = asked.parse_args()
    home = Home.find(given.home)
    chosen, began = recipe(home, given.recipe), time.perf_counter()
    store, _ = open_for_reading(home)
    with store:
        corpus = with_masked_words(read_corpus(store, split=chosen.split, return_days=chosen.return_days), chosen)
    known = [*corpus.text_rows, *corpus.user_rows, *([corpus.next_item.name] if corpus.next_item else [])]
    tasks = given.tasks.split(",") if given.tasks else known
    if unknown := sorted(set(tasks) - set(known)):
        raise WorkbenchError(f"This shop does not learn {', '.join(unknown)}; it learns {', '.join(known)}.", "Name tasks of this list.")
    if given.until_cut and "return" not in tasks:
        raise WorkbenchError("--until-cut is about return, which is not among the tasks.", "Name return among --tasks, or leave it out.")
    seeds = [chosen.seed + i for i in range(given.seeds)]
    with tempfile.TemporaryDirectory() as folder:
        found = compare(corpus, chosen, tasks, seeds, Path(folder), home.readings, cut=given.until_cut)
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"recipe": chosen.name, "seeds": seeds, "jointly": known, "tasks": found, "seconds": seconds}, indent=2))


if __name__ == "__main__":
    try:
        main()
    except WorkbenchError as error:
        sys.exit(f"{error.problem} {error.fix}")
