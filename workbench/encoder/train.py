"""The one training loop, for a laptop and a GPU alike: `Accelerator` alone knows the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from accelerate.utils import broadcast_object_list, gather_object, set_seed
from torch import Tensor

from workbench.encoder.backbone import Backbone
from workbench.encoder.baselines.ranking import training_histories
from workbench.encoder.batches import Epochs
from workbench.encoder.calibrate import calibrate
from workbench.encoder.checkpoint import Checkpoint, Kept, Standing
from workbench.encoder.corpus import Corpus, rows_of
from workbench.encoder.evaluate import measure
from workbench.encoder.features import Features
from workbench.encoder.learner import Learner
from workbench.encoder.objectives import Read
from workbench.encoder.recipe import Recipe
from workbench.encoder.rows import Rows
from workbench.encoder.towers import JointEncoder
from workbench.encoder.track import engine, track
from workbench.encoder.wide import fit_wide

Report = Callable[[float, str], None]
Point = Callable[..., None]
Watch = Callable[[int, float], None]
RIDGE = 200.0


@dataclass
class Trained:
    """The model with its best weights, its last read of all texts, its curve and its best validation score."""

    model: JointEncoder
    features: Features
    pooled: np.ndarray
    curve: list[dict[str, float | str]]
    best: float


def build(corpus: Corpus, recipe: Recipe, backbone: Backbone) -> JointEncoder:
    """An untrained model for a corpus, its products' own parts initialised from what is taken together."""
    own = ridge_factors(corpus, recipe.dim)
    model = JointEncoder(recipe, backbone, corpus.counts(), corpus.heads, own=own, masked=corpus.masked is not None)
    model.user.set_moments(np.concatenate([np.zeros(0), *(u.days[: u.train_end] for u in corpus.users)]))
    for rows in corpus.text_rows.values():
        if rows.task.objective == "contrast":
            counts = np.bincount(rows.target[rows.rows("train")], minlength=len(corpus.product_ids))
            model.review_bias.data.copy_(torch.log1p(torch.from_numpy(counts)))
    return model


def ridge_factors(corpus: Corpus, dim: int) -> np.ndarray:
    """Factors F of the ridge regression of each product on a user's others, (products, <= dim): F F' is its truncated hat matrix.

    With the training histories X = U S V' (truncated SVD) F = V sqrt(S^2 / (S^2 + RIDGE)); its diagonal apart this
    is what EASE (Steck 2019) solves. Rows have mean length 1; empty where there is nothing to factor.
    """
    from sklearn.decomposition import TruncatedSVD

    taken = training_histories(corpus).matrix.astype(np.float64)
    users, n = taken.shape
    if min(users, n) < 4 or not taken.nnz or not corpus.next_item:
        return np.zeros((0, 0))
    svd = TruncatedSVD(min(dim, n - 1, users - 1), algorithm="randomized", n_iter=5, random_state=0).fit(taken)
    shrunk = svd.singular_values_**2 / (svd.singular_values_**2 + RIDGE)
    found = svd.components_.T * np.sqrt(shrunk)
    return np.asarray(found / max(np.linalg.norm(found, axis=1).mean(), 1e-9))


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

    Their measure is `geometric_mean`. With `keep_start` the weights given count as a first result that
    later epochs have to beat; with `keep_last` the last epoch's weights are kept, for who has too few
    validation rows to go by. `words`: the tasks whose words are counted anew, all where not given. Goes on
    from `checkpoint` where it holds something, and writes it after
    each epoch; `watch` then hears the score. Raises WorkbenchError when a loss is not finite.
    """
    accelerator = engine(recipe.trackers, checkpoint.folder)
    epochs = Epochs(corpus, features, recipe, rank=accelerator.process_index, of=accelerator.num_processes)
    learner = Learner(model, corpus, recipe, accelerator)
    updates = -(-epochs.steps // recipe.accumulate)
    kept = agreed(checkpoint.load())
    standing = kept.standing if kept else Standing()
    if kept:
        learner.restore(kept, standing.epoch * updates)
    learner.mover.plan(recipe.epochs * updates, standing.epoch * updates)

    def note(**values: float | str) -> None:
        standing.curve.append(values)
        point(**values)
        track(accelerator, values)

    def validate() -> float:
        calibrate(model, corpus, pooled)
        found = {task: next(iter(m.values()))["value"] for task, m in measure(model, corpus, pooled, "validation", intervals=False).items()}
        for name, value in found.items():
            note(epoch=standing.epoch, step=standing.epoch * epochs.steps, task=name, metric=corpus_metric(corpus, name), value=value)
        score: float = broadcast_object_list([geometric_mean(list(found.values()))])[0]
        return score

    fit_wide(model, corpus, recipe.seed, words)
    judged = corpus.judged_texts()
    pooled = fresh(features, judged)
    if keep_start and not kept:
        standing.best = validate()
    best_weights = kept.parts["best"] if kept else copy_of(model.trained())
    while standing.epoch < recipe.epochs and (standing.waited < recipe.patience or keep_last):
        set_seed(recipe.seed + standing.epoch)
        read = _read(corpus, pooled, accelerator.device)
        model.train()
        learner.balance.begin()
        for at, step in enumerate(epochs(standing.epoch)):
            due = (at + 1) % recipe.accumulate == 0 or at + 1 == epochs.steps
            losses = learner.learn(step, read, update=due, where=f"epoch {standing.epoch + 1}, step {at + 1}")
            if at % max(1, epochs.steps // 20) == 0:
                report((standing.epoch + at / epochs.steps) / recipe.epochs, f"epoch {standing.epoch + 1} of at most {recipe.epochs}")
                for name, value in losses.items():
                    note(step=standing.epoch * epochs.steps + at, epoch=standing.epoch, task=name, loss=float(value.detach()))
        standing.epoch += 1
        with learner.mover.average.within():
            pooled = fresh(features, judged)
            score = validate()
            standing.waited += 1
            if score > standing.best or keep_last:
                standing.best, standing.waited, best_weights = score, 0, copy_of(model.trained())
        checkpoint.save(standing, {**learner.parts(), "best": best_weights}, learner.mover.optimiser)
        watch(standing.epoch, score)
    accelerator.end_training()
    model.load_state_dict(best_weights, strict=False)
    model.eval()
    return Trained(model, features, features.pooled(), standing.curve, standing.best)


def fresh(features: Features, rows: np.ndarray) -> np.ndarray:
    """The pooled vectors of these texts as the model reads them now, zeros for all others, (texts, width)."""
    if len(rows) == len(features.lengths):
        return features.pooled()
    made = np.zeros((len(features.lengths), features.backbone.width), np.float32)
    made[rows] = features.pooled(rows)
    return made


def agreed(kept: Kept | None) -> Kept | None:
    """What was kept, where all processes kept the same epoch; else none goes on from it."""
    return kept if len(set(gather_object([kept.standing.epoch if kept else 0]))) == 1 else None


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


def geometric_mean(values: list[float]) -> float:
    """Of the tasks' own metrics in 0..1, by which training stops early; a task that cannot be measured (nan) is left out.

    It is a mean of normalised metrics that needs no norm: whatever each metric is divided by (its best, its
    baseline's) changes no comparison, so that a task whose numbers are small by nature counts as any other.
    """
    known = [math.log(max(v, 1e-4)) for v in values if not math.isnan(v)]
    return math.exp(sum(known) / len(known)) if known else 0.0


def _read(corpus: Corpus, pooled: np.ndarray, device: torch.device) -> Read:
    products = torch.from_numpy(rows_of(pooled, corpus.product_text)).to(device)
    return Read(products, Rows(pooled, corpus.review_text, device))
