"""The one training loop, for a laptop and a GPU alike: `Accelerator` alone knows the difference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor

from workbench.encoder.backbone import Backbone
from workbench.encoder.batches import Epochs
from workbench.encoder.checkpoint import Checkpoint, Standing
from workbench.encoder.corpus import Corpus, rows_of
from workbench.encoder.evaluate import measure
from workbench.encoder.features import Features
from workbench.encoder.objectives import JointLoss, Read
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder
from workbench.errors import WorkbenchError

WARM_UP = 0.1
CLIP = 1.0
Report = Callable[[float, str], None]
Point = Callable[..., None]


@dataclass
class Trained:
    """The model with its best weights, its last read of all texts and its curve."""

    model: JointEncoder
    features: Features
    pooled: np.ndarray
    curve: list[dict[str, float | str]]


def engine() -> Accelerator:
    """The device and precision of this machine: a GPU in bf16, else the CPU."""
    gpu = torch.cuda.is_available()
    return Accelerator(cpu=not gpu, mixed_precision="bf16" if gpu and torch.cuda.is_bf16_supported() else "no")


def build(corpus: Corpus, recipe: Recipe, backbone: Backbone) -> JointEncoder:
    """An untrained model for a corpus, its products' own parts initialised from what is bought together."""
    labels = {name: 1 if name in corpus.user_rows else len(found) for name, found in corpus.labels.items()}
    return JointEncoder(recipe, backbone, corpus.counts(), labels, own=co_occurrence_factors(corpus, recipe.dim))


def co_occurrence_factors(corpus: Corpus, dim: int) -> np.ndarray:
    """Truncated SVD of the logarithm of damped co-occurrence counts in the training histories, (products, <= dim).

    Rows have mean length 1; all zero for products never bought with another (after Levy and Goldberg 2014).
    """
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import TruncatedSVD

    n = len(corpus.product_ids)
    pairs = [(row, p) for row, u in enumerate(corpus.users) for p in np.unique(u.product[: u.train_end][u.target[: u.train_end]])]
    if n < 4 or not pairs or not corpus.next_item:
        return np.zeros((0, 0))
    rows, columns = np.array(pairs).T
    bought = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(corpus.users), n))
    together = (bought.T @ bought).tocsr()
    together.setdiag(0)
    together.eliminate_zeros()
    share = np.asarray(bought.sum(0)).ravel() + 1
    coo = together.tocoo()
    coo.data = np.log1p(10 * coo.data / np.sqrt(share[coo.row] * share[coo.col]))
    if not coo.nnz:
        return np.zeros((0, 0))
    svd = TruncatedSVD(min(dim, n - 1), algorithm="randomized", n_iter=7, random_state=0)
    found = svd.fit_transform(coo.tocsr()) / np.sqrt(np.maximum(svd.singular_values_, 1e-9))
    return np.asarray(found / np.linalg.norm(found, axis=1).mean())


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
) -> Trained:
    """Train until the validation metrics stop getting better; the best weights are kept.

    The measure is the geometric mean of the tasks' own validation metrics, so that a task whose
    numbers are small by nature counts as much as any other. With `keep_start` the weights given count
    as a first result that later epochs have to beat. Goes on from `checkpoint` where it holds something,
    and writes it after each epoch. Raises WorkbenchError when a loss is not finite.
    """
    accelerator = engine()
    epochs = Epochs(corpus, features, recipe)
    loss, optimiser = accelerator.prepare(JointLoss(model, corpus), _optimiser(model, recipe))
    kept = checkpoint.load()
    if kept:
        kept.restore(model, optimiser)
    standing = kept.standing if kept else Standing()
    schedule = _schedule(optimiser, recipe.epochs * epochs.steps, standing.epoch * epochs.steps)

    def note(**values: float | str) -> None:
        standing.curve.append(values)
        point(**values)

    def validate() -> float:
        found = {task: next(iter(m.values()))["value"] for task, m in measure(model, corpus, pooled, "validation", intervals=False).items()}
        for name, value in found.items():
            note(epoch=standing.epoch, step=standing.epoch * epochs.steps, task=name, metric=corpus_metric(corpus, name), value=value)
        return geometric_mean(list(found.values()))

    pooled = features.pooled()
    if keep_start and not kept:
        standing.best = validate()
    best_weights = kept.best_weights if kept else copy_of(model.trained())
    while standing.epoch < recipe.epochs and standing.waited < recipe.patience:
        set_seed(recipe.seed + standing.epoch)
        read = _read(corpus, pooled, accelerator.device)
        model.train()
        for at, step in enumerate(epochs(standing.epoch)):
            losses = loss(step, read)
            _check(losses, standing.epoch, at)
            accelerator.backward(torch.stack(list(losses.values())).sum())
            accelerator.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            if at % max(1, epochs.steps // 20) == 0:
                report((standing.epoch + at / epochs.steps) / recipe.epochs, f"epoch {standing.epoch + 1} of at most {recipe.epochs}")
                for name, value in losses.items():
                    note(step=standing.epoch * epochs.steps + at, epoch=standing.epoch, task=name, loss=float(value.detach()))
        pooled = features.pooled()
        standing.epoch += 1
        score = validate()
        standing.waited += 1
        if score > standing.best:
            standing.best, standing.waited, best_weights = score, 0, copy_of(model.trained())
        checkpoint.save(standing, model.trained(), best_weights, optimiser)
    model.load_state_dict(best_weights, strict=False)
    model.eval()
    return Trained(model, features, features.pooled(), standing.curve)


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
    """Of metrics in 0..1; a task that cannot be measured (nan) is left out."""
    known = [math.log(max(v, 1e-4)) for v in values if not math.isnan(v)]
    return math.exp(sum(known) / len(known)) if known else 0.0


def _optimiser(model: JointEncoder, recipe: Recipe) -> torch.optim.Optimizer:
    inside = {id(p) for p in model.backbone.parameters()}
    backbone = [p for p in model.backbone.parameters() if p.requires_grad]
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in inside]
    rates = [(rest, recipe.learning_rate), (backbone, recipe.backbone_learning_rate)]
    groups = [{"params": params, "lr": rate, "initial_lr": rate} for params, rate in rates if params]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def _schedule(optimiser: torch.optim.Optimizer, total: int, done: int) -> torch.optim.lr_scheduler.LambdaLR:
    """The learning rates of `total` steps, of which `done` were taken before."""
    return torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, total), last_epoch=done - 1)


def _rate(step: int, total: int) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    warm = max(1, int(WARM_UP * total))
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm))))


def _read(corpus: Corpus, pooled: np.ndarray, device: torch.device) -> Read:
    return Read(*(torch.from_numpy(rows_of(pooled, index)).to(device) for index in (corpus.product_text, corpus.review_text)))


def _check(losses: dict[str, Tensor], epoch: int, step: int) -> None:
    for name, value in losses.items():
        if not torch.isfinite(value):
            raise WorkbenchError(
                f"The loss of {name} became {float(value.detach())} in epoch {epoch + 1}, step {step + 1}.",
                "Nothing was published. Lower learning_rate in the recipe and train again.",
            )
