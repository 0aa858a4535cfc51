"""The one training loop, for a laptop and a GPU alike: `Accelerator` alone knows the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate.utils import broadcast_object_list, gather_object, set_seed
from torch import Tensor

from workbench.encoder.batches import Epochs
from workbench.encoder.calibrate import calibrate, calibrate_labels
from workbench.encoder.checkpoint import Checkpoint, Standing
from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import Reader, measure
from workbench.encoder.features import Features
from workbench.encoder.learner import Learner
from workbench.encoder.metrics import Metric
from workbench.encoder.objectives import Read
from workbench.encoder.recipe import Recipe
from workbench.encoder.rows import Rows
from workbench.encoder.towers import JointEncoder
from workbench.encoder.track import engine, track
from workbench.encoder.wide import fit_answered, fit_wide

Report = Callable[[float, str], None]
Point = Callable[..., None]
Watch = Callable[[int, float], None]
TIE = 0.002


@dataclass
class Trained:
    """The model with its best weights, its last read of all texts, its curve and its best validation score."""

    model: JointEncoder
    features: Features
    pooled: np.ndarray
    curve: list[dict[str, float | str]]
    best: float


def train(
    corpus: Corpus,
    model: JointEncoder,
    features: Features,
    recipe: Recipe,
    report: Report,
    point: Point,
    checkpoint: Checkpoint,
    *,
    keep_start: bool = False,
    keep_last: bool = False,
    words: Collection[str] | None = None,
    watch: Watch = lambda epoch, score: None,
) -> Trained:
    """Train until the validation metrics stop getting better; the best weights are kept.

    Their measure is `geometric_mean`. A score at most the share `TIE` below the best is no worse by what validation rows can
    tell, and the later epoch is kept: its averaged weights have seen more, at a lower rate. With `keep_start` the weights
    given count as a first result that later epochs have to beat; with `keep_last` the last epoch's weights are kept, for
    who has too few validation rows to go by. `words`: the tasks whose words are counted anew, all where not given. Goes on
    from `checkpoint` where it holds something, and writes it after each epoch; `watch` then hears the
    score. Raises WorkbenchError when a loss is not finite.
    """
    training = _Training(corpus, model, features, recipe, report, point, checkpoint, words)
    fit_wide(model, corpus, recipe.seed, words)
    training.start()
    if keep_start and not training.resumed:
        training.keep_start()
    while training.standing.epoch < recipe.epochs and (training.standing.waited < recipe.patience or keep_last):
        training.learn()
        score = training.judge(keep_last, ties=not keep_start)
        training.save()
        watch(training.standing.epoch, score)
    return training.end()


class _Training:
    """One training under way: what learns, what was reached, the best weights so far."""

    def __init__(
        self,
        corpus: Corpus,
        model: JointEncoder,
        features: Features,
        recipe: Recipe,
        report: Report,
        point: Point,
        checkpoint: Checkpoint,
        words: Collection[str] | None,
    ) -> None:
        """Goes on from `checkpoint` where all processes kept the same epoch."""
        self.corpus, self.model, self.features, self.recipe = corpus, model, features, recipe
        self.report, self.point, self.checkpoint, self.words = report, point, checkpoint, words
        self.counted: dict[str, dict[str, Tensor]] = {}
        self.accelerator = engine(recipe.trackers, checkpoint.folder)
        self.epochs = Epochs(corpus, features, recipe, rank=self.accelerator.process_index, of=self.accelerator.num_processes)
        self.learner = Learner(model, corpus, recipe, self.accelerator)
        kept = checkpoint.load()
        if len(set(gather_object([kept.standing.epoch if kept else 0]))) > 1:
            kept = None
        self.resumed, self.standing = kept is not None, kept.standing if kept else Standing()
        updates = -(-self.epochs.steps // recipe.accumulate)
        if kept:
            self.learner.restore(kept, self.standing.epoch * updates)
        self.learner.mover.plan(recipe.epochs * updates, self.standing.epoch * updates)
        self.best = kept.parts["best"] if kept else copy_of(model.trained())

    def start(self) -> None:
        """Read all that learning looks up, as it was read after the epoch before; keep the words that labels alone taught."""
        for name in self.learner.loss.own.mostly if self.learner.loss.own else []:
            if self.words is None or name in self.words:
                self.counted[name] = copy_of(self.model.text_head(name).words.state_dict())
        with self.learner.mover.average.within():
            self.read()
            if self.standing.epoch:
                self.answer()

    def keep_start(self) -> None:
        """The weights as they are, with their words counted anew and calibrated, are the best so far."""
        self.standing.best, self.best = self.validate(), copy_of(self.model.trained())

    def read(self) -> None:
        """Read the texts that learning and validation look up with the weights as they are."""
        own, judged = self.learner.loss.own, self.corpus.judged_texts()
        self.pooled = fresh(self.features, np.union1d(judged, own.needed()) if own else judged)

    def answer(self) -> None:
        """Answer for the texts without a label, as the model reads them now and the labels' own words count."""
        own = self.learner.loss.own
        if own and own.texts:
            for name, words in self.counted.items():
                self.model.text_head(name).words.load_state_dict(words)
            reader = Reader(self.model, self.corpus, self.pooled)
            calibrate_labels(self.model, self.corpus, reader)
            own.answer(reader)

    def teach_words(self) -> None:
        """Where most texts have no label for a task, let its words learn the answers; these do not come back into the answers."""
        if self.learner.loss.own:
            fit_answered(self.model, self.corpus, self.learner.loss.own, self.counted, self.recipe.seed)

    def learn(self) -> None:
        """All steps of the next epoch."""
        epoch, steps = self.standing.epoch, self.epochs.steps
        set_seed(self.recipe.seed + epoch)
        read = read_last(self.corpus, self.pooled, self.accelerator.device)
        self.model.train()
        self.learner.balance.begin()
        for at, step in enumerate(self.epochs(epoch)):
            due = (at + 1) % self.recipe.accumulate == 0 or at + 1 == steps
            losses = self.learner.learn(step, read, update=due, where=f"epoch {epoch + 1}, step {at + 1}, {step.in_words()}")
            if at % max(1, steps // 20) == 0:
                self.report((epoch + at / steps) / self.recipe.epochs, f"epoch {epoch + 1} of at most {self.recipe.epochs}")
                for name, value in losses.items():
                    self._note(step=epoch * steps + at, epoch=epoch, task=name, loss=float(value.detach()))
        self.standing.epoch += 1

    def judge(self, keep_last: bool, *, ties: bool) -> float:
        """The score of the averaged weights, which are kept if it is the best so far, with `ties` also if it is as good as
        that, or always with `keep_last`."""
        with self.learner.mover.average.within():
            self.read()
            self.answer()
            self.teach_words()
            score = self.validate()
            better, as_good = score > self.standing.best, ties and score >= (1 - TIE) * self.standing.best
            if better or as_good or keep_last:
                self.best = copy_of(self.model.trained())
            self.standing.waited = 0 if better or keep_last else self.standing.waited + (not as_good)
            self.standing.best = score if keep_last else max(score, self.standing.best)
        return score

    def validate(self) -> float:
        """Calibrate, and score the validation rows as they were read last."""
        calibrate(self.model, self.corpus, self.pooled)
        found = measure(self.model, self.corpus, self.pooled, "validation", intervals=False)
        values = {task: next(iter(metrics.values()))["value"] for task, metrics in found.items()}
        for name, value in values.items():
            epoch, metric = self.standing.epoch, corpus_metric(self.corpus, name)
            self._note(epoch=epoch, step=epoch * self.epochs.steps, task=name, metric=metric, value=value)
        score: float = broadcast_object_list([geometric_mean([next(iter(metrics.values())) for metrics in found.values()])])[0]
        return score

    def save(self) -> None:
        """Keep what the next epoch depends on."""
        self.checkpoint.save(self.standing, {**self.learner.parts(), "best": self.best}, self.learner.mover.optimiser)

    def end(self) -> Trained:
        """The model with its best weights."""
        self.accelerator.end_training()
        self.model.load_state_dict(self.best, strict=False)
        self.model.eval()
        return Trained(self.model, self.features, self.features.pooled(), self.standing.curve, self.standing.best)

    def _note(self, **values: float | str) -> None:
        self.standing.curve.append(values)
        self.point(**values)
        track(self.accelerator, values)


def fresh(features: Features, rows: np.ndarray) -> np.ndarray:
    """The pooled vectors of these texts as the model reads them now, zeros for all others, (texts, width)."""
    if len(rows) == len(features.lengths):
        return features.pooled()
    made = np.zeros((len(features.lengths), features.backbone.width), np.float32)
    made[rows] = features.pooled(rows)
    return made


def copy_of(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights that later steps leave alone."""
    return {name: value.detach().clone() for name, value in weights.items()}


def corpus_metric(corpus: Corpus, name: str) -> str:
    """The name of the metric that speaks for a task."""
    if name in corpus.text_rows:
        return corpus.text_rows[name].task.metric
    if name in corpus.user_rows:
        return corpus.user_rows[name].task.metric
    assert corpus.next_item is not None
    return corpus.next_item.metric


def geometric_mean(found: Sequence[Metric]) -> float:
    """Of the tasks' own metrics in 0..1, by which training stops early; a task that cannot be measured (nan) is left out.

    It is a mean of normalised metrics that needs no norm: whatever each metric is divided by (its best, its
    baseline's) changes no comparison, so that a task whose numbers are small by nature counts as any other. A row's worth
    is added to each: of a few rows none is right by chance, and a bare 0 would decide alone.
    """
    known = [math.log(one["value"] + 1 / one["n"]) for one in found if not math.isnan(one["value"])]
    return math.exp(sum(known) / len(known)) if known else 0.0


def read_last(corpus: Corpus, pooled: np.ndarray, device: torch.device) -> Read:
    """The texts of products and reviews as `pooled` (texts, width) has them."""
    return Read(Rows(pooled, corpus.product_text, device), Rows(pooled, corpus.review_text, device))
