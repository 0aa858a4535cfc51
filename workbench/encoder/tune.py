"""A search over recipes with Optuna: each trial is a training, judged on validation rows; test rows are never measured.

The frozen layers' output is computed once for all trials, so what changes it (base, length, trained
layers) is not searched. A trial that after an epoch stands below the median of those before is given
up (Golovin et al. 2017). Trials lie in the run's folder as JSON lines, and a resumed run goes on from them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from accelerate.utils import set_seed
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState
from torch import Tensor

from workbench.encoder.build import begin_at_what_was_said, build
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import read_corpus
from workbench.encoder.make import Prepared, prepare
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.recipe import Recipe
from workbench.encoder.recipe_file import save
from workbench.encoder.train import copy_of, train
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.run import Run
from workbench.shop.store import Store

TRIALS_FILE = "trials.jsonl"
TRIALS_BEFORE_PRUNING = 3
RANGES = {
    "learning_rate": (3e-4, 3e-3),
    "backbone_learning_rate": (2e-5, 5e-4),
    "layer_decay": (0.6, 1.0),
    "weight_decay": (1e-3, 0.3),
    "dropout": (0.1, 0.6),
    "warm_up": (0.0, 0.3),
    "word_dropout": (0.0, 0.2),
    "self_training": (0.0, 2.0),
}
BY_ORDER_OF_MAGNITUDE = ("learning_rate", "backbone_learning_rate", "weight_decay")
CHOICES: dict[str, tuple[Any, ...]] = {
    "balance": ("sum", "normalised", "uncertainty", "famo", "upgrad", "pcgrad"),
    "batch_texts": (16, 32, 64),
    "decay": ("cosine", "linear"),
    "sampling": ("proportional", "square_root", "equal"),
    "ema": (0.0, 0.98, 0.995),
    "r_drop": (0.0, 0.3),
    "adversarial": (0.0, 0.03),
}
OF_TRAINED_LAYERS = ("backbone_learning_rate", "layer_decay", "adversarial", "word_dropout")
OF_SEVERAL_LAYERS = ("layer_decay",)
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def tune_recipe(home: Home, run: Run, *, snapshot: Path, recipe: Recipe, only: list[str] | None, trials: int) -> dict[str, Any]:
    """Search from `recipe`, whose own settings are the first trial; the best is written as a recipe of the home."""
    began = time.monotonic()
    with Store.open_snapshot(home, snapshot) as store:
        corpus = read_corpus(store, only, split=recipe.split, return_days=recipe.return_days)
        corpus, data_version = with_masked_words(corpus, recipe, only), store.data_version
    prepared = prepare(corpus, recipe, run.folder, lambda done, step: run.report(0.1 * done, step), earlier=home.readings)
    search = Search(run, prepared, recipe, trials)
    best = search.go()
    name = f"tuned-{run.id.removeprefix('tune-')}"
    origin = f"{recipe.name} was {search.first:.4f}" if search.first is not None else f"{recipe.name} was given up early"
    head = [
        f"Found by `workbench tune --recipe {recipe.name} --trials {trials}` on data version {data_version}, run {run.id}.",
        f"Geometric mean of the tasks' metrics on validation rows: {best.value:.4f}; {origin}.",
        *([f"Tasks: {', '.join(only)}."] if only else []),
    ]
    save(home, name, replace(recipe, **best.params), head)
    told = [_told(trial) for trial in search.finished()]
    seconds = round(time.monotonic() - began, 1)
    return {"recipe": name, "score": best.value, "from": recipe.name, "from_score": search.first, "trials": told, "seconds": seconds}


def searched(recipe: Recipe) -> list[str]:
    """The settings that a search from this recipe tries: those that can do something."""
    idle = {0: OF_TRAINED_LAYERS, 1: OF_SEVERAL_LAYERS}.get(recipe.top_layers, ())
    return [name for name in (*RANGES, *CHOICES) if name not in idle]


def suggest(trial: Trial, recipe: Recipe) -> Recipe:
    """The trial's recipe: that of the start with other settings, whose ranges hold its own."""
    chosen: dict[str, Any] = {}
    for name in searched(recipe):
        own = getattr(recipe, name)
        if name in CHOICES:
            chosen[name] = trial.suggest_categorical(name, sorted({*CHOICES[name], own}))
        else:
            low, high = RANGES[name]
            chosen[name] = trial.suggest_float(name, min(low, own), max(high, own), log=name in BY_ORDER_OF_MAGNITUDE and own > 0)
    return replace(recipe, **chosen)


@dataclass
class Search:
    """The trials of one run."""

    run: Run
    prepared: Prepared
    recipe: Recipe
    trials: int

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = JournalStorage(JournalFileBackend(str(self.run.folder / TRIALS_FILE)))
        self.study = optuna.create_study(storage=storage, study_name=self.run.id, load_if_exists=True, direction="maximize")
        self.study.sampler = optuna.samplers.TPESampler(seed=self.recipe.seed + len(self.study.trials))
        self.study.pruner = optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING)
        self.start = self._weights(copy=True)

    def go(self) -> FrozenTrial:
        """Walk the trials that are missing; the best of all. WorkbenchError where none was walked to its end."""
        self._take_up()
        while len(self.finished()) < self.trials:
            trial = self.study.ask()
            try:
                self.study.tell(trial, self._score(trial))
            except (optuna.TrialPruned, WorkbenchError) as ended:
                self.study.tell(trial, state=TrialState.PRUNED)
                print(f"Trial {trial.number} was given up: {ended}", flush=True)
            Checkpoint(self.run.folder, {}).forget()
        if not any(trial.state == TrialState.COMPLETE for trial in self.finished()):
            raise WorkbenchError("No trial could be walked to its end.", "Read the run's log.txt, or start from another recipe.")
        return self.study.best_trial

    def finished(self) -> list[FrozenTrial]:
        return self.study.get_trials(states=FINISHED)

    @property
    def first(self) -> float | None:
        """The score of the recipe that the search began with."""
        scores = [trial.value for trial in self.finished() if _is_own(trial, self.recipe)]
        return scores[0] if scores else None

    def _take_up(self) -> None:
        """The recipe's own settings first; a trial that a killed process left goes on from its checkpoint."""
        if not self.study.trials:
            self.study.enqueue_trial({name: getattr(self.recipe, name) for name in searched(self.recipe)})
        for left in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(left.number, state=TrialState.FAIL)
            self.study.enqueue_trial(left.params)

    def _score(self, trial: Trial) -> float:
        """Train as the trial says: the best mean of the validation metrics."""
        chosen, number = replace(suggest(trial, self.recipe), trackers="none"), len(self.finished())

        def watch(epoch: int, score: float) -> None:
            self.run.point(step=epoch, epoch=epoch, task=f"trial {number + 1}", metric="geometric mean", value=score)
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"{score:.4f} after epoch {epoch} is below the median of the trials before.")

        def report(done: float, step: str) -> None:
            self.run.report(0.1 + 0.9 * (number + done) / self.trials, f"trial {number + 1} of {self.trials}, {step}")

        corpus, features = self.prepared.corpus, self.prepared.features
        checkpoint = Checkpoint(self.run.folder, chosen.asdict())
        trained = train(corpus, self._model(chosen), features, chosen, report, lambda **values: None, checkpoint, watch=watch)
        return trained.best

    def _model(self, chosen: Recipe) -> Any:
        """An untrained model over the backbone as it was loaded."""
        for name, value in self._weights().items():
            value.copy_(self.start[name])
        set_seed(chosen.seed)
        model = build(self.prepared.corpus, chosen, self.prepared.model.backbone).to(self.prepared.model.bias.device)
        begin_at_what_was_said(model, self.prepared.corpus, lambda texts: self.prepared.frozen[texts])
        return model

    def _weights(self, *, copy: bool = False) -> dict[str, Tensor]:
        found = {name: p.detach() for name, p in self.prepared.model.backbone.named_parameters() if p.requires_grad}
        return copy_of(found) if copy else found


def _is_own(trial: FrozenTrial, recipe: Recipe) -> bool:
    return trial.state == TrialState.COMPLETE and all(value == getattr(recipe, name) for name, value in trial.params.items())


def _told(trial: FrozenTrial) -> dict[str, Any]:
    """A trial for people and programs."""
    value = trial.value if trial.state == TrialState.COMPLETE else None
    return {"number": trial.number + 1, "state": trial.state.name.lower(), "score": value, "settings": trial.params}
