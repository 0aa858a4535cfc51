"""The rival that joint training has to match: the same backbone and recipe trained for one task alone, with the same steps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from accelerate.utils import set_seed

from workbench.encoder.backbone import Backbone
from workbench.encoder.batches import Epochs
from workbench.encoder.build import begin_at_what_was_said, build
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import measure
from workbench.encoder.features import Features
from workbench.encoder.metrics import Metric
from workbench.encoder.recipe import Recipe
from workbench.encoder.track import engine
from workbench.encoder.train import train
from workbench.encoder.weights import BASE


def only(corpus: Corpus, task: str, steps: int = 0) -> Corpus:
    """The corpus with one task left to learn, in `steps` an epoch (0: as many as its rows ask for)."""
    return replace(
        corpus,
        text_rows={name: rows for name, rows in corpus.text_rows.items() if name == task},
        user_rows={name: rows for name, rows in corpus.user_rows.items() if name == task},
        next_item=corpus.next_item if corpus.next_item and corpus.next_item.name == task else None,
        masked=None,
        steps=steps,
    )


def train_alone(
    corpus: Corpus, task: str, features: Features, recipe: Recipe, folder: Path, report: Callable[[float, str], None], *, base: Path
) -> dict[str, Metric]:
    """The test metrics of a model trained for `task` alone.

    An epoch has the steps of the joint one, each with as many rows of this task as the joint one reads; recipe, seed,
    number of epochs, the untrained `base` and the rule for stopping early are the same. An interrupted training goes on
    from `folder`.
    """
    alone = only(corpus, task, Epochs(corpus, features, recipe).batches)
    set_seed(recipe.seed)
    backbone = Backbone.of(recipe, base)
    model = build(alone, recipe, backbone).to(engine().device)
    folder.mkdir(exist_ok=True)
    checkpoint = Checkpoint(folder, {**recipe.asdict(), "alone": task})
    read = features.over(backbone)
    begin_at_what_was_said(model, alone, read.pooled)
    trained = train(alone, model, read, recipe, report, _unseen, checkpoint)
    return measure(trained.model, alone, trained.pooled, "test")[task]


def forget(folder: Path) -> None:
    """Remove what trainings alone kept in `folder` to go on from, and the untrained base they began with."""
    for left in (folder / BASE, *folder.glob("alone_*")):
        shutil.rmtree(left, ignore_errors=True)


def _unseen(**values: float | str) -> None:
    """The curve of a rival is not kept."""
