"""From labelled rows to a version: on top of a parent, whose tasks are rehearsed and to whose reading it keeps close, or of the bare base.

Where a label has few rows none of them can be spared for long: what was held out is measured, then learned too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.encoder.baselines import baselines
from workbench.encoder.corpus import Corpus, TextRows, read_corpus
from workbench.encoder.evaluate import Metrics, measure
from workbench.encoder.label_names import learn_names
from workbench.encoder.learned_whole import keep_learned, learned_whole, taught_texts
from workbench.encoder.make import WHOLE, Made, Prepared, checkpoint_of, part_of, prepare, publish
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.probe import begin_head
from workbench.encoder.recipe import SCRATCH, Recipe
from workbench.encoder.train import Trained, copy_of, train
from workbench.encoder.weights import Loaded, load, warm_start, without_popularity
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.run import Run
from workbench.shop.store import Store
from workbench.tasks.labelled import none_to_spare
from workbench.tasks.labelled_rows import text_of

STRUCTURE = (
    *("split", "base", "vocabulary", "own_layers", "own_width", "max_length", "top_layers", "pooling", "adapters", "adapter_rank"),
    *("dim", "user_layers", "user_width", "history_length", "return_days"),
)
CHOICES = ("head", "adapters", "top", "all")
ADAPTED_LAYERS = 3
LEAST_UPDATES, MOST_EPOCHS = 200, 20
LEAST_REHEARSED = 300
OF_USERS = ("own.", "bias", "review_bias", "user.", "user_scale")


@dataclass(frozen=True)
class Lesson:
    """What is taught: the tasks, the texts of the upload, what may change, the parent (None: the bare base)."""

    tasks: tuple[str, ...]
    told: set[str]
    choice: str
    parent: ModelVersion | None

    @property
    def reaches_users(self) -> bool:
        """Whether what is of users learns too."""
        return self.choice == "all" or (self.choice != "head" and self.parent is None)

    def rows(self, corpus: Corpus, task: str) -> np.ndarray:
        """The upload's own rows of a task."""
        keys = corpus.text_rows[task].keys
        return np.array([i for i, key in enumerate(keys) if text_of(key) in self.told], np.int64)

    def of(self, corpus: Corpus) -> dict[str, TextRows]:
        """The rows of the tasks that are taught."""
        return {name: corpus.text_rows[name] for name in self.tasks}


def finetune_version(
    home: Home,
    run: Run,
    *,
    snapshot: Path,
    recipe: Recipe,
    parent: str | None,
    task: str,
    choice: str,
    upload: str,
    tasks: Sequence[str] = (),
) -> dict[str, Any]:
    """Learn from the labelled rows of an upload on top of `parent` (the bare base when None).

    `tasks` are those of a label set called `task` of which a row may carry several; the task itself where not given.
    """
    began, registry = time.monotonic(), Registry(home)
    found = registry.get(parent) if parent else None
    loaded = load(found) if found else None
    recipe = shaped(recipe, loaded.recipe if loaded else None, choice)
    with Store.open_snapshot(home, snapshot) as store:
        corpus = with_masked_words(read_corpus(store, split=recipe.split, return_days=recipe.return_days), recipe)
        data_version, taught = store.data_version, taught_texts(store)
    named = tuple(tasks or (task,))
    for name in named:
        if name in corpus.left_out:
            raise WorkbenchError(f"The task {name!r} cannot be learned: {corpus.left_out[name]}.", "Upload more labelled rows.")
    lesson = Lesson(named, set().union(*(taught.get((name, upload), set()) for name in named)), choice, found)
    whole = learned_whole(registry, found)
    corpus = learnable(keep_learned(corpus, taught, whole), lesson)
    recipe = paced(recipe, corpus, lesson)
    learn_names(corpus, [name for name, rows in lesson.of(corpus).items() if is_few(rows)])
    probed = np.unique(np.concatenate([rows.text for rows in lesson.of(corpus).values()]))
    report, folder = part_of(run, 0.0, 0.3), found.folder if found else None
    prepared = prepare(corpus, recipe, run.folder, report, earlier=home.readings, parent=folder, probed=probed)
    before = _start_from(prepared, loaded)
    made = _learn(run, prepared, lesson, recipe, loaded)
    info: dict[str, Any] = {
        "kind": "finetune",
        "parent": parent,
        "data_version": data_version,
        "task": task,
        "upload": upload,
        "train": choice,
    }
    info |= {"tasks": list(tasks)} if tasks else {}
    whole |= {(name, upload) for name in named} if made.measured else set()
    info |= {"learned_whole": sorted(whole)} if whole else {}
    return publish(home, run, prepared, made, recipe, began, info, before)


# -- what is learned, and how long -------------------------------------------------------------


def shaped(recipe: Recipe, parent: Recipe | None, choice: str) -> Recipe:
    """The recipe with the parent's structure, or over the bare base with as many trained layers as the choice says.

    Raises WorkbenchError for a choice that there is not, or that this parent has not.
    """
    if choice not in CHOICES:
        raise WorkbenchError(f"Cannot train {choice!r}; allowed are: {', '.join(CHOICES)}.", "Choose one of these.")
    if parent:
        if choice == "adapters" and not parent.adapters:
            raise WorkbenchError(
                "The active version has no adapters that could learn.", "Choose head, top or all, or train a version with recipe adapters."
            )
        return replace(recipe, **{name: getattr(parent, name) for name in STRUCTURE})
    if recipe.base == SCRATCH:
        return recipe
    if choice == "adapters":
        return replace(recipe, top_layers=ADAPTED_LAYERS, adapters=recipe.adapters or "lora")
    layers = {"head": 0, "top": max(1, recipe.top_layers), "all": -1}[choice]
    return replace(recipe, top_layers=layers, adapters="", adapter_rank=Recipe.adapter_rank)


def learnable(corpus: Corpus, lesson: Lesson) -> Corpus:
    """The corpus without the tasks that the parent does not know and the choice does not let learn: their heads would stay random."""
    every = [*corpus.text_rows, *corpus.user_rows, *([corpus.next_item.name] if corpus.next_item else [])]
    learned = {*lesson.tasks} if lesson.choice == "head" else {*every} if lesson.reaches_users else {*corpus.text_rows}
    known = learned | (lesson.parent.metrics.get("tasks", {}).keys() if lesson.parent else set())
    why = "these layers do not teach it and no parent knows it; a training does"
    return replace(
        corpus,
        text_rows={name: rows for name, rows in corpus.text_rows.items() if name in known},
        user_rows={name: rows for name, rows in corpus.user_rows.items() if name in known},
        next_item=corpus.next_item if corpus.next_item and corpus.next_item.name in known else None,
        left_out={**corpus.left_out, **{name: why for name in every if name not in known}},
    )


def is_few(rows: TextRows) -> bool:
    """Whether the task's labels have so few rows that none can be spared."""
    return none_to_spare(np.bincount(rows.target, minlength=len(rows.labels)).tolist())


def paced(recipe: Recipe, corpus: Corpus, lesson: Lesson) -> Recipe:
    """The recipe with as many epochs as few rows need to move anything."""
    if not any(is_few(rows) for rows in lesson.of(corpus).values()):
        return recipe
    rows = max(1, *(len(lesson.rows(corpus, name)) for name in lesson.tasks))
    needed = min(MOST_EPOCHS, -(-LEAST_UPDATES * recipe.batch_texts // rows))
    return replace(recipe, epochs=max(recipe.epochs, needed))


def rehearse(corpus: Corpus, lesson: Lesson, recipe: Recipe) -> None:
    """Let an epoch read every row of the upload, and of each of the parent's tasks `replay` times as many rows, drawn anew."""
    own = {int(i) for name, rows in lesson.of(corpus).items() for i in rows.text[lesson.rows(corpus, name)]}
    wanted = max(LEAST_REHEARSED, recipe.replay * len(own))
    share: dict[int, float] = {}
    for rows in corpus.text_rows.values():
        train = [int(i) for i in rows.text[rows.rows("train")] if int(i) not in own]
        for text in train:
            share[text] = max(share.get(text, 0.0), min(1.0, wanted / len(train)))
    corpus.repeat = share


def limited(prepared: Prepared, lesson: Lesson) -> Corpus:
    """The corpus to train on; freezes what the choice leaves alone."""
    corpus, model = prepared.corpus, prepared.model
    for name, parameter in model.named_parameters():
        if lesson.choice == "head":
            parameter.requires_grad_(name.startswith(tuple(f"heads.{task}." for task in lesson.tasks)))
        elif not lesson.reaches_users and name.startswith(OF_USERS):
            parameter.requires_grad_(False)
    if lesson.choice == "head":
        own = lesson.of(corpus)
        return replace(corpus, text_rows=own, user_rows={}, next_item=None, masked=None, anchor=None)
    if not lesson.reaches_users:
        # users read texts that are kept close to what they were: they need not be rehearsed
        return replace(corpus, user_rows={}, next_item=None, masked=None)
    return corpus


# -- the training ------------------------------------------------------------------------------


def _start_from(prepared: Prepared, parent: Loaded | None) -> Metrics:
    """Warm-start from the parent and measure it on the test rows of this corpus; {} without a parent.

    What is not of the upload is kept close to what the parent reads.
    """
    if parent is None:
        return {}
    warm_start(prepared.model, prepared.corpus, parent)
    prepared.corpus.anchor = prepared.features.pooled()
    begun = copy_of(prepared.model.trained())
    without_popularity(prepared.model, prepared.corpus, parent)
    found = measure(prepared.model, prepared.corpus, prepared.corpus.anchor, "test")
    prepared.model.load_state_dict(begun, strict=False)
    return {name: values for name, values in found.items() if name in parent.labels or name not in prepared.corpus.labels}


def _learn(run: Run, prepared: Prepared, lesson: Lesson, recipe: Recipe, parent: Loaded | None) -> Made:
    """Train; where rows are few measure first, then train again on all of them with the calibration that was found."""
    corpus, few = prepared.corpus, any(is_few(rows) for rows in lesson.of(prepared.corpus).values())
    begun = copy_of(prepared.model.trained())
    middle = 0.55 if few else 0.8
    trained = _train(run, prepared, lesson, recipe, parent, run.folder, (0.3, middle), few)
    simple = baselines(replace(corpus, text_rows=lesson.of(corpus), user_rows={}, next_item=None), prepared.frozen)
    if not few:
        return Made(trained, simple, {}, lesson.parent)
    measured = measure(trained.model, replace(corpus, text_rows=lesson.of(corpus), user_rows={}, next_item=None), trained.pooled, "test")
    scaling = {name: value for name, value in copy_of(trained.model.trained()).items() if _is_scaling(name, lesson.tasks)}
    prepared.model.load_state_dict({**begun, **scaling}, strict=False)
    whole = replace(prepared, corpus=_whole(corpus, lesson))
    folder = run.folder / WHOLE
    folder.mkdir(exist_ok=True)
    return Made(_train(run, whole, lesson, recipe, parent, folder, (middle, 0.8), few), simple, measured, lesson.parent)


def _train(
    run: Run,
    prepared: Prepared,
    lesson: Lesson,
    recipe: Recipe,
    parent: Loaded | None,
    folder: Path,
    part: tuple[float, float],
    few: bool,
) -> Trained:
    known = [parent is not None and parent.outputs.get(name) == rows.outputs for name, rows in lesson.of(prepared.corpus).items()]
    pooled = prepared.corpus.anchor if parent else prepared.frozen
    assert pooled is not None
    for (name, rows), is_known in zip(lesson.of(prepared.corpus).items(), known, strict=True):
        if not is_known and rows.outputs.names == rows.labels:
            learned = rows.rows("train")
            begin_head(prepared.model.text_head(name), pooled[rows.text[learned]], rows.target[learned])
    rehearse(prepared.corpus, lesson, recipe)
    limits = limited(prepared, lesson)
    words = words_of(prepared.corpus, lesson, parent) if parent else None
    checkpoint = checkpoint_of(run, folder, recipe)
    report, start = part_of(run, *part), all(known) and not few
    model, features = prepared.model, prepared.features
    return train(limits, model, features, recipe, report, run.point, checkpoint, keep_start=start, keep_last=few, words=words)


def words_of(corpus: Corpus, lesson: Lesson, parent: Loaded) -> set[str]:
    """The tasks whose words are counted anew: those that are taught, and those that tell other things apart than the parent's."""
    return {*lesson.tasks, *(name for name, outputs in corpus.heads.items() if parent.outputs.get(name) != outputs)}


def _is_scaling(name: str, tasks: Sequence[str]) -> bool:
    """Whether a weight is what calibration found for the head of one of the tasks."""
    return name in {f"heads.{task}.{part}" for task in tasks for part in ("temperature", "share", "bias", "offset")}


def _whole(corpus: Corpus, lesson: Lesson) -> Corpus:
    """The corpus with all rows of the upload among those that are learned."""
    whole = {}
    for name, rows in lesson.of(corpus).items():
        split = rows.split.copy()
        split[lesson.rows(corpus, name)] = "train"
        whole[name] = replace(rows, split=split)
    return replace(corpus, text_rows={**corpus.text_rows, **whole})
