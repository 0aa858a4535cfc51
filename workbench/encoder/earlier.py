"""Another version on the test rows of this one, so that the two can be compared row by row."""

from __future__ import annotations

from pathlib import Path

from workbench.encoder.backbone import Backbone, base_folder
from workbench.encoder.build import build
from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import Metrics, measure
from workbench.encoder.features import Features, Report
from workbench.encoder.recipe import Recipe
from workbench.encoder.weights import BASE, load, warm_start, without_popularity
from workbench.errors import WorkbenchError
from workbench.registry import ModelVersion


def comparable(version: ModelVersion, other: ModelVersion) -> None:
    """Raise WorkbenchError where `other` may have learned from the test rows of `version`."""
    if other.id == version.id:
        raise WorkbenchError(f"{version.id} cannot be compared with itself.", "Name another version.")
    if other.info.get("data_version", 0) > version.info.get("data_version", 0):
        raise WorkbenchError(
            f"{other.id} learned from later data than {version.id}: what it was taught may be among the test rows.",
            f"Turn it round: measure {other.id} against {version.id}.",
        )
    if Recipe.of_version(other.recipe).split != Recipe.of_version(version.recipe).split:
        raise WorkbenchError(
            f"{other.id} and {version.id} keep other rows for the test: their recipes differ in split.", "Name another version."
        )


def on_these_rows(corpus: Corpus, other: ModelVersion, folder: Path, report: Report) -> Metrics:
    """What `other` reaches on the test rows of a corpus, in the tasks that it learned.

    Products and labels are matched by name; a product that it has never seen stands on its text.
    """
    loaded = load(other)
    backbone = Backbone.of(loaded.recipe, base_folder(loaded.recipe, other.folder / BASE))
    model = build(corpus, loaded.recipe, backbone).to(loaded.device())
    warm_start(model, corpus, loaded)
    without_popularity(model, corpus, loaded)
    file, precision = folder / "earlier_features.f16", loaded.recipe.reading
    features = Features(backbone, corpus.texts, file, report, readers=corpus.readers, precision=precision)
    found = measure(model, corpus, features.pooled(), "test")
    return {task: figures for task, figures in found.items() if task in other.metrics["tasks"]}
