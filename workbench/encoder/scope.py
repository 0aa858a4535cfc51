"""What a task on texts has learned from, so that it can say of a text that it is like none of it.

A text is as familiar as the nearest of the training texts that are kept, by the cosine of their pooled vectors
(k-nearest-neighbour out-of-distribution detection: Sun et al. 2022, k = 1). Below what all but one in
`MOST_LOST` of the validation rows reach, the task abstains. No text is kept, only vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from workbench.encoder.corpus import Corpus, TextRows

FILE = "scope.safetensors"
MOST_KEPT = 2000
MOST_LOST = 20
LEAST_ROWS = 20
UNSEEN_SLACK = 0.9  # without validation rows: training rows are nearer to one another than new ones are to them


@dataclass(frozen=True)
class Scope:
    """`seen` (texts, width): unit vectors of training texts; `least`: the cosine below which a text is like none of them."""

    seen: np.ndarray
    least: float

    def outside(self, pooled: np.ndarray) -> np.ndarray:
        """Whether each text, pooled (rows, width), is unlike all that was learned, (rows,)."""
        return nearest(self.seen, pooled) < self.least


def nearest(seen: np.ndarray, pooled: np.ndarray, *, themselves: bool = False) -> np.ndarray:
    """The cosine of each text to the nearest that was seen, (rows,); with `themselves` the rows are the seen ones and count not."""
    cosine = _unit(pooled) @ seen.T
    if themselves:
        np.fill_diagonal(cosine, -1.0)
    return np.asarray(cosine.max(1, initial=-1.0))


def _unit(pooled: np.ndarray) -> np.ndarray:
    return np.asarray(pooled / np.linalg.norm(pooled, axis=1, keepdims=True).clip(min=1e-9), np.float32)


def scopes(corpus: Corpus, pooled: np.ndarray, seed: int) -> dict[str, Scope]:
    """The scope of every classification task on texts; `pooled` (texts, width) as the trained model reads them."""
    wanted = {name: rows for name, rows in corpus.text_rows.items() if rows.task.objective == "classify"}
    return {name: _scope(rows, pooled, seed) for name, rows in wanted.items()}


def _scope(rows: TextRows, pooled: np.ndarray, seed: int) -> Scope:
    train = np.unique(rows.text[rows.rows("train")])
    kept = np.sort(np.random.default_rng(seed).permutation(train)[:MOST_KEPT])
    seen, held = _unit(pooled[kept]), np.unique(rows.text[rows.rows("validation")])
    if len(held) >= LEAST_ROWS:
        return Scope(seen, float(np.quantile(nearest(seen, pooled[held]), 1 / MOST_LOST)))
    likeness = nearest(seen, pooled[kept], themselves=True)
    return Scope(seen, UNSEEN_SLACK * float(np.quantile(likeness, 1 / MOST_LOST)) if len(likeness) > 1 else -1.0)


def save_scopes(found: dict[str, Scope], folder: Path) -> None:
    """Write them into a version's folder."""
    tensors = {f"{name}.seen": torch.from_numpy(scope.seen).half() for name, scope in found.items()}
    save_file(tensors | {f"{name}.least": torch.tensor(scope.least) for name, scope in found.items()}, folder / FILE)


def load_scopes(folder: Path) -> dict[str, Scope]:
    """Those of a version; {} for one that was made before there were any."""
    if not (folder / FILE).exists():
        return {}
    tensors = load_file(folder / FILE)
    names = [name.removesuffix(".least") for name in tensors if name.endswith(".least")]
    return {name: Scope(tensors[f"{name}.seen"].float().numpy(), float(tensors[f"{name}.least"])) for name in names}
