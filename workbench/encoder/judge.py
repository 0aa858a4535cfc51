"""What takes too long for every training, measured later on the same rows: rivals, noise, another shop, another version.

The result is kept in the version's folder `derived/`, where each measurement is added to those before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workbench.encoder.backbone import Backbone
from workbench.encoder.baselines.sasrec import sasrec_ranks
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.earlier import comparable, on_these_rows
from workbench.encoder.evaluate import Metrics, differences, measure
from workbench.encoder.features import Features
from workbench.encoder.groups import compare_groups, read_groups
from workbench.encoder.learned_whole import Pairs, Taught, keep_learned, learned_whole, measured_before, taught_texts
from workbench.encoder.ranking import figures
from workbench.encoder.robustness import on_another_shop, opened, under_noise
from workbench.encoder.scratch import untrained_base
from workbench.encoder.singly import train_alone
from workbench.encoder.weights import BASE, Loaded, load
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.run import Run
from workbench.shop.store import Store

SEEDS = (7,)
Report = Callable[[float, str], None]


@dataclass
class Case:
    """A version with the data it was made from, read again: its figures on the test rows are those it was published with.

    A task whose test rows the version learned after it was measured on them has its published figures alone: `found` lacks it.
    """

    version: ModelVersion
    loaded: Loaded
    corpus: Corpus
    taught: Taught
    features: Features
    pooled: np.ndarray
    found: Metrics
    folder: Path

    def measurable(self) -> Corpus:
        """The corpus with the tasks alone that can be measured again."""
        return replace(self.corpus, text_rows={name: rows for name, rows in self.corpus.text_rows.items() if name in self.found})

    def read(self, texts: Sequence[str], readers: Sequence[str], *, trained: bool = True) -> np.ndarray:
        """Pooled vectors of other texts, each of its kind, by the version's backbone or by the untrained one."""
        backbone = self.loaded.model.backbone if trained else self.untrained()
        file, precision = self.folder / "other_features.f16", self.loaded.recipe.reading
        return Features(backbone, texts, file, readers=readers, precision=precision).pooled()

    def base(self) -> Path:
        """The base as it was before training."""
        return untrained_base(self.loaded.recipe, self.version.folder / BASE, self.folder / BASE)

    def untrained(self) -> Backbone:
        """The backbone as it was before training."""
        return Backbone.of(self.loaded.recipe, self.base())


@dataclass(frozen=True)
class Asked:
    """What to measure: rivals by name ("all": those that can be), noise, the reviews of another shop, another version."""

    rivals: tuple[str, ...] = ()
    robustness: bool = False
    other: str | None = None
    against: str | None = None


def evaluate_version(home: Home, run: Run, version: str, asked: Asked) -> dict[str, Any]:
    """Measure what was asked for and keep it; the result is everything known of the version, as `workbench evaluate` prints it."""
    began = time.monotonic()
    registry = Registry(home)
    found, against = registry.get(version), registry.get(asked.against) if asked.against else None
    if against:
        comparable(found, against)
    rivals = wanted(found, asked.rivals)
    parts = _parts(run, 1 + len(rivals) + sum(map(bool, (asked.robustness, asked.other, against))))
    case, groups = open_case(home, run.folder, found, next(parts))
    for task in sorted(measured_before(registry, found)):
        _note(found, f"{task}: {version} learned its test rows after it was measured on them; nothing more is measured of this task.")
    found.keep_evaluation({"tasks": {task: {"groups": by} for task, by in groups.items()}})
    if against:
        _against(case, against, learned_whole(registry, against), next(parts))
    for name in rivals:
        RIVALS[name](case, next(parts))
    if asked.robustness:
        noise = under_noise(case.loaded.model, case.measurable(), case.pooled, case.read, case.found, next(parts))
        found.keep_evaluation({"tasks": {task: {"noise": by} for task, by in noise.items()}})
    if asked.other:
        _elsewhere(case, Path(asked.other), next(parts))
    found.keep_evaluation({"seconds": round(time.monotonic() - began, 1)})
    return {"version": version, **found.measured}


def wanted(version: ModelVersion, rivals: Sequence[str]) -> list[str]:
    """The rivals to measure, "all" spelled out; WorkbenchError where one cannot be measured for this version."""
    if list(rivals) == ["all"]:
        return [name for name in RIVALS if not _hindrance(version, name)]
    unknown = [name for name in rivals if name not in RIVALS]
    if unknown:
        raise WorkbenchError(f"There is no rival {', '.join(unknown)} that is measured later.", f"These are: {', '.join(RIVALS)}, or all.")
    for name in rivals:
        if hindrance := _hindrance(version, name):
            raise WorkbenchError(f"{name} cannot be measured for version {version.id}: {hindrance}.", "Leave it out of the rivals.")
    return list(rivals)


def _hindrance(version: ModelVersion, rival: str) -> str | None:
    """Why a rival is none for this version."""
    tasks = version.metrics["tasks"]
    if rival == "sasrec":
        return None if "next_item" in tasks else "it did not learn the next item"
    if version.info.get("kind") == "finetune":
        return "it was fine-tuned on another version, and one task alone from the base is no match for it"
    return None if len(tasks) > 1 else "it learned one task alone"


def open_case(home: Home, folder: Path, version: ModelVersion, report: Report) -> tuple[Case, dict[str, Any]]:
    """(the version on its own snapshot, its figures by group)."""
    loaded, registry = load(version), Registry(home)
    loaded.model.to(loaded.device())
    with Store.open_snapshot(home, snapshot_of(home, version)) as store:
        recipe, taught = loaded.recipe, taught_texts(store)
        corpus = read_corpus(store, list(version.metrics["tasks"]), split=recipe.split, return_days=recipe.return_days)
        corpus = keep_learned(corpus, taught, learned_whole(registry, version))
        groups = read_groups(store, corpus)
    told = partial(_reading, report, len(corpus.texts))
    file, before = folder / "features.f16", home.readings
    features = Features(loaded.model.backbone, corpus.texts, file, told, readers=corpus.readers, precision=recipe.reading, earlier=before)
    report(0.8, "measuring on the test rows")
    pooled, gone = features.pooled(), measured_before(registry, version)
    found = {task: its for task, its in measure(loaded.model, corpus, pooled, "test").items() if task not in gone}
    groups = {task: ways for task, ways in groups.items() if task in found}
    return Case(version, loaded, corpus, taught, features, pooled, found, folder), compare_groups(found, groups, labels=corpus.labels)


def _reading(report: Report, texts: int, done: float) -> None:
    report(0.8 * done, f"reading {texts:,} texts")


def snapshot_of(home: Home, version: ModelVersion) -> Path:
    """The snapshot that a version was made from; WorkbenchError where it was deleted."""
    path = home.snapshots / f"{version.info['data_version']:08d}.duckdb"
    if not path.exists():
        raise WorkbenchError(
            f"The data that version {version.id} was made from are gone: there is no {path.name} in {home.snapshots}.",
            "Train a new version and measure that one.",
        )
    return path


def _singly(case: Case, report: Report) -> None:
    """Train every task alone; each is kept as soon as it is measured."""
    tasks = list(case.found)
    for at, task in enumerate(tasks):

        def told(done: float, step: str, at: int = at, task: str = task) -> None:
            report((at + done) / len(tasks), f"{task.replace('_', ' ')} alone, {step}")

        alone = train_alone(case.corpus, task, case.features, case.loaded.recipe, case.folder / f"alone_{task}", told, base=case.base())
        _keep_rival(case, task, "single_task", alone)


def _sasrec(case: Case, report: Report) -> None:
    """SASRec, its settings chosen on the validation products."""
    measured = sasrec_ranks(case.corpus, "test", SEEDS, report)
    _keep_rival(case, "next_item", "sasrec", figures(measured.ranked, case.corpus.counts()))


RIVALS: dict[str, Callable[[Case, Report], None]] = {"single_task": _singly, "sasrec": _sasrec}


def _against(case: Case, other: ModelVersion, whole: Pairs, report: Report) -> None:
    """Another version on the same rows; those that it learned (`whole`) are left out for both."""
    every = case.measurable()
    corpus = keep_learned(every, case.taught, whole)
    fewer = {name: rows for name, rows in corpus.text_rows.items() if rows is not every.text_rows[name]}
    ours = measure(case.loaded.model, replace(corpus, text_rows=fewer, user_rows={}, next_item=None), case.pooled, "test")
    for name, rows in fewer.items():
        learned = len(every.text_rows[name].rows("test")) - len(rows.rows("test"))
        _note(case.version, f"{name}: {learned:,} test rows that {other.id} learned are left out where the two are compared.")
    found = on_these_rows(corpus, other, case.folder, lambda done: report(done, f"reading as {other.id} does"))
    for task, its in found.items():
        if next(iter(its.values()))["n"]:
            _keep_rival(case, task, other.id, its, ours.get(task))


def _keep_rival(case: Case, task: str, name: str, figures: dict[str, Any], ours: dict[str, Any] | None = None) -> None:
    """Keep a rival's figures and the differences to them, of `ours` where they are not of all test rows."""
    to = differences(ours or case.found[task], {name: figures})
    case.version.keep_evaluation({"tasks": {task: {"baselines": {name: figures}, "differences": to}}})


def _note(version: ModelVersion, said: str) -> None:
    """Keep what people should know of a measurement, once."""
    known = version.measured.get("notes", [])
    if said not in known:
        version.keep_evaluation({"notes": [*known, said]})


def _elsewhere(case: Case, path: Path, report: Report) -> None:
    """Measure on the reviews of another shop."""
    report(0.0, f"reading {path.name}")
    frozen = case.features.over(case.untrained()).pooled()
    with opened(path) as store:
        found = on_another_shop(case.loaded.model, case.corpus, case.pooled, frozen, case.read, store)
    if not found:
        raise WorkbenchError(
            f"{path.name} has no reviews with labels that version {case.version.id} learned.", "Name a shop whose reviews have stars."
        )
    case.version.keep_evaluation({"tasks": {task: {"elsewhere": {path.stem: its}} for task, its in found.items()}})


def _parts(run: Run, count: int) -> Iterator[Report]:
    """A report for each of `count` equal parts of the run."""
    for at in range(count):

        def report(done: float, step: str, at: int = at) -> None:
            run.report((at + done) / count, step)

        yield report
