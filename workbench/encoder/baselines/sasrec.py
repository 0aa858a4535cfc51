"""SASRec with cross-entropy over the whole catalogue: the strong rival that reads the order of products alone.

A causal transformer over product embeddings, which also score (Kang and McAuley 2018), trained by
cross-entropy over all products instead of sampled ones (Klenitskiy and Vasilev 2023, "Turning dross
into gold loss"). It is too slow to be a part of every training: benchmarks and evaluations ask for it.
"""

from __future__ import annotations

import copy
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import repeat

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.baselines.ranking import Histories, Known, Measured, of_known, training_histories
from workbench.encoder.corpus import Corpus
from workbench.encoder.ranking import Ranked, Scorer, ndcg, rank_products
from workbench.encoder.track import engine

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Settings:
    """Of one training; `patience` counts epochs without a better validation NDCG@10."""

    dim: int = 64
    dropout: float = 0.5
    learning_rate: float = 1e-3
    layers: int = 2
    length: int = 50
    batch: int = 128
    epochs: int = 200
    patience: int = 15
    weight_decay: float = 0.01


GRID = (
    Settings(dim=64, dropout=0.3),
    Settings(dim=64, dropout=0.6),
    Settings(dim=128, dropout=0.6),
)


class SasRec(nn.Module):
    """Histories to scores of the next product."""

    def __init__(self, products: int, settings: Settings) -> None:
        super().__init__()
        d = settings.dim
        self.length = settings.length
        self.product = nn.Embedding(products + 1, d, padding_idx=products)
        self.place = nn.Embedding(settings.length, d)
        for table in (self.product, self.place):
            nn.init.normal_(table.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(d, 1, d, settings.dropout, activation="gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, settings.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, steps: Tensor) -> Tensor:
        """States after each step, (rows, length, dim); `steps` (rows, length) are padded behind, where no state is read."""
        entered = self.product(steps) * self.product.embedding_dim**0.5 + self.place.weight[: steps.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(steps.shape[1], device=steps.device)
        states: Tensor = self.norm(self.layers(self.dropout(entered), mask=mask, is_causal=True))
        return states

    def scores(self, states: Tensor) -> Tensor:
        """Of all products, (rows, products)."""
        return states @ self.product.weight[:-1].T

    def pad(self, histories: Known, length: int) -> Tensor:
        """The last `length` products of each history, padded behind, (rows, longest)."""
        cut = [torch.from_numpy(h[-length:]) for h in histories]
        return nn.utils.rnn.pad_sequence(cut, batch_first=True, padding_value=self.product.padding_idx or 0)

    @torch.no_grad()
    def score(self, known: Known) -> np.ndarray:
        """Scores of what follows these histories, (rows, products)."""
        steps = self.pad(known, self.length).to(self.product.weight.device)
        last = torch.tensor([min(len(k), self.length) - 1 for k in known], device=steps.device)
        states = self(steps)[torch.arange(len(known), device=steps.device), last]
        return np.asarray(self.scores(states).float().cpu().numpy())


def sasrec_ranks(
    corpus: Corpus,
    split: str = "test",
    seeds: Sequence[int] = (7,),
    report: Report = lambda done, step: None,
    grid: Sequence[Settings] = GRID,
    jobs: int = 1,
) -> Measured:
    """The rankings of a split, one for each seed; the settings of `grid` are chosen on the validation products with the first seed.

    `jobs` trainings run at once, each in a process of its own, which pays where there are many cores beside a GPU.
    """
    began, total = time.monotonic(), len(grid) + len(seeds) - 1
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) if jobs > 1 else nullcontext() as pool:

        def every(settings: Sequence[Settings], seeds: Sequence[int], at: int) -> list[tuple[float, Ranked]]:
            if pool:  # tasks on users hold functions, which no process can be sent, and are not read here
                return list(pool.map(_ranked, repeat(replace(corpus, user_rows={})), repeat(split), settings, seeds))
            parts = [_part(report, at + i, total, used) for i, used in enumerate(settings)]
            return list(map(_ranked, repeat(corpus), repeat(split), settings, seeds, parts))

        tried = every(grid, [seeds[0]] * len(grid), 0)
        best = max(range(len(grid)), key=lambda i: tried[i][0])
        report(len(grid) / total, f"sasrec dim {grid[best].dim}, dropout {grid[best].dropout}: validation NDCG@10 {tried[best][0]:.4f}")
        others = every([grid[best]] * (len(seeds) - 1), seeds[1:], len(grid))
    return Measured([ranked for _, ranked in (tried[best], *others)], asdict(grid[best]), time.monotonic() - began)


def _part(report: Report, at: int, total: int, settings: Settings) -> Report:
    name = f"sasrec dim {settings.dim}, dropout {settings.dropout}, learning rate {settings.learning_rate}"
    return lambda done, step: report((at + done) / total, f"{name}, {step}")


def _ranked(corpus: Corpus, split: str, settings: Settings, seed: int, report: Report = lambda done, step: None) -> tuple[float, Ranked]:
    """The best validation NDCG@10 of one training, and the ranking of a split by that epoch."""
    value, scorer = _train(corpus, training_histories(corpus), settings, seed, report)
    return value, rank_products(corpus, split, scorer)


def _train(corpus: Corpus, histories: Histories, settings: Settings, seed: int, report: Report) -> tuple[float, Scorer]:
    """The best validation NDCG@10 and the scorer of that epoch."""
    device = engine().device
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SasRec(histories.products, settings).to(device)
        optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        taken = [t for t in histories.taken if len(t) > 1]
        best, waited, kept = -1.0, 0, copy.deepcopy(model)
        for epoch in range(settings.epochs):
            _epoch(model.train(), optimiser, taken, settings.batch)
            value = float(ndcg(rank_products(corpus, "validation", of_known(model.eval().score), best=0).rank).mean())
            report((epoch + 1) / settings.epochs, f"epoch {epoch + 1}, validation NDCG@10 {value:.4f}")
            waited += 1
            if value > best:
                best, waited, kept = value, 0, copy.deepcopy(model)
            if waited == settings.patience:
                break
    return best, of_known(kept.eval().score)


def _epoch(model: SasRec, optimiser: torch.optim.Optimizer, taken: list[np.ndarray], batch: int) -> None:
    """One pass over all histories: at each step the loss of the product that follows."""
    for rows in torch.split(torch.randperm(len(taken)), batch):
        steps = model.pad([taken[i] for i in rows], model.length + 1).to(model.product.weight.device)
        target = steps[:, 1:]
        real = target != model.product.padding_idx
        loss = F.cross_entropy(model.scores(model(steps[:, :-1])[real]), target[real])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
