"""From a snapshot to a model version: read, train, measure, embed, publish. Nothing is left behind by a failure."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.utils import set_seed

from workbench.encoder import softmax
from workbench.encoder.backbone import Backbone, base_folder
from workbench.encoder.baselines import baselines, ranking
from workbench.encoder.build import begin_at_what_was_said, build
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.embed import write_vectors
from workbench.encoder.evaluate import Metrics, Reader, as_json, measure
from workbench.encoder.features import FILE as FEATURES
from workbench.encoder.features import Features
from workbench.encoder.follower import Follower
from workbench.encoder.groups import add_groups, compare_groups, read_groups
from workbench.encoder.legibility import Legibility, legibility
from workbench.encoder.masked import NAME as MASKED_WORDS
from workbench.encoder.masked_reading import measure_masked, with_masked_words
from workbench.encoder.metrics import Metric
from workbench.encoder.reading_cost import cost_in_words, cost_of_reading
from workbench.encoder.recipe import SCRATCH, Recipe
from workbench.encoder.scope import save_scopes, scopes
from workbench.encoder.scratch import make_base
from workbench.encoder.towers import JointEncoder
from workbench.encoder.track import engine, peak_memory
from workbench.encoder.train import Trained, fresh, train
from workbench.encoder.weights import BASE, save
from workbench.files import write_json
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.run import Run
from workbench.shop.store import Store
from workbench.shop.text_sums import text_sums

WHOLE = "whole"  # where a fine-tuning of few rows keeps the checkpoint of its second training
Report = Callable[[float, str], None]


@dataclass
class Made:
    """What a training made: the model, the baselines of its tasks, and figures that stand for those of the published weights.

    `measured` is of weights that had not learned the test rows yet; `parent`: where figures of what nobody taught come from.
    """

    trained: Trained
    baselines: dict[str, dict[str, dict[str, Metric]]]
    measured: Metrics = field(default_factory=dict)
    parent: ModelVersion | None = None


@dataclass
class Prepared:
    """A corpus with a model over it, what the frozen layers say of its texts, the untrained base's reading and how well it reads."""

    corpus: Corpus
    model: JointEncoder
    features: Features
    frozen: np.ndarray
    legibility: Legibility

    @property
    def notes(self) -> list[str]:
        """What people should know about this training."""
        corpus, products = self.corpus, len(self.corpus.product_ids)
        told_apart = corpus.next_item or any(rows.task.objective == "contrast" for rows in corpus.text_rows.values())
        large = [softmax.note(products) if told_apart else None, ranking.note(products) if corpus.next_item else None]
        return [note for note in (self.legibility.warning(), *self.features.notes(), *large) if note]


def prepare(
    corpus: Corpus,
    recipe: Recipe,
    folder: Path,
    report: Report,
    *,
    earlier: Path | None = None,
    parent: Path | None = None,
    probed: np.ndarray | None = None,
) -> Prepared:
    """Load the base and pass all texts through its frozen layers; the first weights depend on the seed alone.

    A base from scratch is the one of the version in `parent`, or is made in `folder`. Of the untrained base's reading only the
    texts `probed` (indices) are asked for where they are given. `earlier` is where readings of an earlier training may lie.
    """
    own = parent / BASE if parent else folder / BASE
    if recipe.base == SCRATCH and not own.exists():
        report(0.0, "learning the words of the shop's texts")
        make_base([corpus.texts[i] for i in corpus.open_texts], recipe, own)
    set_seed(recipe.seed)
    backbone = Backbone.of(recipe, base_folder(recipe, own))
    model = build(corpus, recipe, backbone)
    model.to(engine().device)
    count = f"{len(corpus.texts):,} texts"
    features = Features(
        backbone,
        corpus.texts,
        folder / FEATURES,
        lambda done: report(0.9 * done, f"reading {count}"),
        readers=corpus.readers,
        first=corpus.learned_texts(),
        precision=recipe.reading,
        earlier=earlier,
    )
    frozen = features.pooled() if probed is None else fresh(features, probed)
    if parent is None:
        begin_at_what_was_said(model, corpus, features.pooled if probed is not None else lambda texts: frozen[texts])
    return Prepared(corpus, model, features, frozen, legibility(backbone, corpus.texts))


def train_version(home: Home, run: Run, *, snapshot: Path, recipe: Recipe, only: list[str] | None) -> dict[str, Any]:
    """Train a new version; returns the result that `workbench train` prints."""
    began = time.monotonic()
    with Store.open_snapshot(home, snapshot) as store:
        corpus = with_masked_words(read_corpus(store, only, split=recipe.split, return_days=recipe.return_days), recipe, only)
        data_version = store.data_version
    prepared = prepare(corpus, recipe, run.folder, part_of(run, 0.0, 0.25), earlier=home.readings)
    kept = checkpoint_of(run, run.folder, recipe)
    trained = train(corpus, prepared.model, prepared.features, recipe, part_of(run, 0.25, 0.8), run.point, kept)
    report = part_of(run, 0.8, 0.94)
    following = isinstance(run, Follower)
    simple = {} if following else baselines(corpus, prepared.frozen, lambda done: report(done, "measuring the baselines"))
    info = {"kind": "train", "parent": None, "data_version": data_version}
    return publish(home, run, prepared, Made(trained, simple), recipe, began, info, None)


def checkpoint_of(run: Run, folder: Path, recipe: Recipe) -> Checkpoint:
    """What the run kept in `folder` of an earlier try; its live curve is cut to what is kept."""
    checkpoint = Checkpoint(folder, recipe.asdict())
    kept = checkpoint.load()
    run.draw(kept.standing.curve if kept else [])
    return checkpoint


def publish(
    home: Home, run: Run, prepared: Prepared, made: Made, recipe: Recipe, began: float, info: dict[str, Any], before: Metrics | None
) -> dict[str, Any]:
    """Measure on the test rows, embed everything and complete the version; `before` is what its parent reaches."""
    if isinstance(run, Follower):
        return {}
    corpus, trained, simple = prepared.corpus, made.trained, dict(made.baselines)
    report = part_of(run, 0.94, 1.0)
    report(0.0, "measuring on the test rows")
    found = {**measure(trained.model, corpus, trained.pooled, "test"), **made.measured}
    if corpus.masked:
        found[MASKED_WORDS], simple[MASKED_WORDS] = measure_masked(trained.model, corpus, trained.features, recipe.seed)
    report(0.2, "writing the joint space")
    tasks = with_baselines_of(made.parent, as_json(found, simple, before))
    with Store.open_snapshot(home, Path(run.spec["snapshot"])) as store:
        add_groups(tasks, compare_groups(found, read_groups(store, corpus), before, labels=corpus.labels))
        sums = text_sums(store)
    registry = Registry(home)
    version, folder = registry.new_folder()
    reader = Reader(trained.model, corpus, trained.pooled)
    try:
        save(trained.model, corpus, recipe, folder, prepared.features.ranges)
        save_scopes(scopes(corpus, trained.pooled, recipe.seed), folder)
        write_vectors(reader, folder / "vectors.duckdb", lambda done, step: report(0.2 + 0.7 * done, step), sums)
        cost = cost_of_reading(trained.model, corpus, prepared.features, trained.pooled, found)
        said = (cost_in_words(cost, corpus), prepared.features.keep(home.readings))
        notes = prepared.notes + [words for words in said if words]
        reading = {"legibility": prepared.legibility.asdict(), "notes": notes, "reading": cost}
        write_json(folder / "metrics.json", {"version": version, "tasks": tasks, "left_out": corpus.left_out, **reading})
        write_json(folder / "curve.json", trained.curve)
        seconds = round(time.monotonic() - began, 1)
        published: ModelVersion = registry.publish(
            version, {**info, "recipe": recipe.name, "seconds": seconds, "seed": recipe.seed, "memory_mb": peak_memory()}
        )
    except BaseException:
        registry.discard(version)
        raise
    Checkpoint(run.folder, {}).forget()
    for left in (BASE, WHOLE):
        shutil.rmtree(run.folder / left, ignore_errors=True)
    result = {"version": published.id, "parent": info["parent"], "seconds": seconds, "tasks": tasks, "left_out": corpus.left_out}
    result |= {"truncated": prepared.features.truncated, **reading}
    return result if before is None else {**result, "before": as_json(before, simple)}


def with_baselines_of(parent: ModelVersion | None, tasks: dict[str, Any]) -> dict[str, Any]:
    """The tasks with the parent's baselines where none were measured and the parent's test rows were as many."""
    for name, found in tasks.items():
        known = parent.metrics.get("tasks", {}).get(name, {}) if parent else {}
        same = {metric: its["n"] for metric, its in known.get("metrics", {}).items()}
        if not found["baselines"] and same and all(same.get(m, its["n"]) == its["n"] for m, its in found["metrics"].items()):
            found["baselines"] = known.get("baselines", {})
    return tasks


def part_of(run: Run, low: float, high: float) -> Report:
    """What reports on a part of the whole, from `low` to `high`."""
    return lambda done, step: run.report(low + (high - low) * done, step)
