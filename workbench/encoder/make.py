"""From a snapshot to a model version: read, train, measure, embed, publish. Nothing is left behind by a failure."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.utils import set_seed

from workbench.encoder import softmax
from workbench.encoder.backbone import Backbone, base_folder
from workbench.encoder.baselines import baselines
from workbench.encoder.baselines.ranking import left_out_notes
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.embed import write_vectors
from workbench.encoder.evaluate import Metrics, Reader, as_json, measure
from workbench.encoder.features import FILE as FEATURES
from workbench.encoder.features import Features, cost_in_words
from workbench.encoder.follower import Follower
from workbench.encoder.groups import add_groups, compare_groups, read_groups
from workbench.encoder.legibility import Legibility, legibility
from workbench.encoder.masked import NAME as MASKED_WORDS
from workbench.encoder.masked_reading import measure_masked, with_masked_words
from workbench.encoder.recipe import SCRATCH, Recipe
from workbench.encoder.scope import save_scopes, scopes
from workbench.encoder.scratch import make_base
from workbench.encoder.towers import JointEncoder
from workbench.encoder.track import engine, peak_memory
from workbench.encoder.train import Trained, build, train
from workbench.encoder.weights import BASE, Loaded, load, save, warm_start
from workbench.errors import WorkbenchError
from workbench.files import write_json
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.run import Run
from workbench.shop.store import Store

STRUCTURE = (
    *("split", "base", "vocabulary", "own_layers", "own_width", "max_length", "top_layers", "pooling", "adapters", "adapter_rank"),
    *("dim", "user_layers", "user_width", "history_length", "return_days"),
)
TRAIN_CHOICES = ("head", "top", "all")
LEAST_SHARE_OF_UPLOAD = 0.25
Report = Callable[[float, str], None]


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
        sampled = softmax.note(len(self.corpus.product_ids)) if self.corpus.next_item else None
        return [note for note in (self.legibility.warning(), self.features.note(), sampled) if note]


def prepare(corpus: Corpus, recipe: Recipe, folder: Path, report: Report, parent: Path | None = None) -> Prepared:
    """Load the base and pass all texts through its frozen layers; the first weights depend on the seed alone.

    A base from scratch is the one of the version in `parent`, or is made in `folder`.
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
    )
    return Prepared(corpus, model, features, features.pooled(), legibility(backbone, corpus.texts))


def train_version(home: Home, run: Run, *, snapshot: Path, recipe: Recipe, only: list[str] | None) -> dict[str, Any]:
    """Train a new version; returns the result that `workbench train` prints."""
    began = time.monotonic()
    with Store.open_snapshot(home, snapshot) as store:
        corpus = with_masked_words(read_corpus(store, only, split=recipe.split, return_days=recipe.return_days), recipe, only)
        data_version = store.data_version
    prepared = prepare(corpus, recipe, run.folder, _part(run, 0.0, 0.25))
    kept = _checkpoint(run, recipe)
    trained = train(corpus, prepared.model, prepared.features, recipe, _part(run, 0.25, 0.8), run.point, kept)
    return _publish(home, run, prepared, trained, recipe, began, {"kind": "train", "parent": None, "data_version": data_version}, None)


def finetune_version(
    home: Home, run: Run, *, snapshot: Path, recipe: Recipe, parent: str | None, task: str, choice: str, upload: str
) -> dict[str, Any]:
    """Learn from the labelled rows of an upload on top of `parent` (the bare base when None)."""
    if choice not in TRAIN_CHOICES:
        raise WorkbenchError(f"Cannot train {choice!r}; allowed are: {', '.join(TRAIN_CHOICES)}.", "Choose one of these.")
    began = time.monotonic()
    before_version = load(Registry(home).get(parent)) if parent else None
    if before_version:
        recipe = replace(recipe, **{name: getattr(before_version.recipe, name) for name in STRUCTURE})
    with Store.open_snapshot(home, snapshot) as store:
        corpus = with_masked_words(read_corpus(store, split=recipe.split, return_days=recipe.return_days), recipe)
        data_version = store.data_version
        told = {key for (key,) in store.rows("SELECT text FROM labels WHERE task = ? AND upload = ?", [task, upload])}
    if task in corpus.left_out:
        raise WorkbenchError(f"The task {task!r} cannot be learned: {corpus.left_out[task]}.", "Upload more labelled rows.")
    folder = Registry(home).get(parent).folder if parent else None
    prepared = prepare(corpus, recipe, run.folder, _part(run, 0.0, 0.3), folder)
    before = _start_from(prepared, before_version, task)
    _repeat_upload(corpus, task, told)
    limits = _limit(prepared, task, choice, before_version is not None)
    kept, warm = _checkpoint(run, recipe), before_version is not None
    trained = train(limits, prepared.model, prepared.features, recipe, _part(run, 0.3, 0.8), run.point, kept, keep_start=warm)
    info = {"kind": "finetune", "parent": parent, "data_version": data_version, "task": task, "upload": upload, "train": choice}
    return _publish(home, run, prepared, trained, recipe, began, info, before)


def _checkpoint(run: Run, recipe: Recipe) -> Checkpoint:
    """What the run kept of an earlier try; its live curve is cut to what is kept."""
    checkpoint = Checkpoint(run.folder, recipe.asdict())
    kept = checkpoint.load()
    run.draw(kept.standing.curve if kept else [])
    return checkpoint


def _start_from(prepared: Prepared, parent: Loaded | None, task: str) -> Metrics:
    """Warm-start from the parent and measure it on the test rows of this corpus; {} without a parent."""
    if parent is None:
        return {}
    warm_start(prepared.model, prepared.corpus, parent)
    found = measure(prepared.model, prepared.corpus, prepared.features.pooled(), "test")
    return {name: values for name, values in found.items() if name in parent.labels or name not in prepared.corpus.labels}


def _repeat_upload(corpus: Corpus, task: str, told: set[str]) -> None:
    """Let the uploaded rows be at least a quarter of what the task reads in an epoch."""
    rows = corpus.text_rows[task]
    train = rows.rows("train")
    uploaded = [int(rows.text[i]) for i in train if rows.keys[i].startswith("label:") and rows.keys[i][6:] in told]
    if uploaded:
        times = int(LEAST_SHARE_OF_UPLOAD * len(train) / len(uploaded))
        corpus.repeat = {text: max(1, times) for text in uploaded}


def _limit(prepared: Prepared, task: str, choice: str, warm: bool) -> Corpus:
    """The corpus to train on; freezes what `choice` leaves alone."""
    corpus, model = prepared.corpus, prepared.model
    if not warm or choice == "all":
        return corpus
    for name, parameter in model.named_parameters():
        if choice == "head":
            parameter.requires_grad_(name.startswith(f"heads.{task}."))
        elif name.startswith(("own.", "bias", "review_bias", "user.", "user_scale")):
            parameter.requires_grad_(False)
    if choice == "head":
        return replace(corpus, text_rows={task: corpus.text_rows[task]}, user_rows={}, next_item=None, masked=None)
    return corpus


def _publish(
    home: Home, run: Run, prepared: Prepared, trained: Trained, recipe: Recipe, began: float, info: dict[str, Any], before: Metrics | None
) -> dict[str, Any]:
    if isinstance(run, Follower):
        return {}
    corpus = prepared.corpus
    report = _part(run, 0.8, 1.0)
    report(0.0, "measuring on the test rows")
    found = measure(trained.model, corpus, trained.pooled, "test")
    simple = baselines(corpus, prepared.frozen, lambda done: report(0.1 + 0.6 * done, "measuring the baselines"))
    if corpus.masked:
        found[MASKED_WORDS], simple[MASKED_WORDS] = measure_masked(trained.model, corpus, trained.features, recipe.seed)
    report(0.75, "writing the joint space")
    tasks = as_json(found, simple, before)
    with Store.open_snapshot(home, Path(run.spec["snapshot"])) as store:
        add_groups(tasks, compare_groups(found, read_groups(store, corpus)))
    registry = Registry(home)
    version, folder = registry.new_folder()
    reader = Reader(trained.model, corpus, trained.pooled)
    try:
        save(trained.model, corpus, recipe, folder, prepared.features.ranges)
        save_scopes(scopes(corpus, trained.pooled, recipe.seed), folder)
        write_vectors(reader, folder / "vectors.duckdb", lambda done, step: report(0.75 + 0.2 * done, step))
        cost = prepared.features.agreement()
        notes = prepared.notes + left_out_notes(corpus) + ([words] if (words := cost_in_words(cost)) else [])
        reading = {"legibility": prepared.legibility.asdict(), "notes": notes, "reading": cost}
        write_json(folder / "metrics.json", {"version": version, "tasks": tasks, "left_out": corpus.left_out, **reading})
        write_json(folder / "curve.json", trained.curve)
        seconds = round(time.monotonic() - began, 1)
        made: ModelVersion = registry.publish(
            version, {**info, "recipe": recipe.name, "seconds": seconds, "seed": recipe.seed, "memory_mb": peak_memory()}
        )
    except BaseException:
        registry.discard(version)
        raise
    Checkpoint(run.folder, {}).forget()
    shutil.rmtree(run.folder / BASE, ignore_errors=True)
    result = {"version": made.id, "parent": info["parent"], "seconds": seconds, "tasks": tasks, "left_out": corpus.left_out}
    result |= {"truncated": prepared.features.truncated, **reading}
    return result if before is None else {**result, "before": as_json(before, simple)}


def _part(run: Run, low: float, high: float) -> Report:
    return lambda done, step: run.report(low + (high - low) * done, step)
