"""What the frozen layers say of every text, computed once, and texts in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import torch

from workbench.encoder.backbone import Backbone, Texts, fast_dtype

TOKENS_PER_BATCH = 4096
Report = Callable[[float], None]


def batches_by_length(lengths: np.ndarray, tokens: int = TOKENS_PER_BATCH) -> list[np.ndarray]:
    """Row indices in batches of texts of like length, each of at most `tokens` padded tokens."""
    made: list[np.ndarray] = []
    order, start = np.argsort(lengths, kind="stable"), 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop + 1 - start) * lengths[order[stop]] > tokens:
            made.append(order[start:stop])
            start = stop
    return made


class Features:
    """What the frozen layers say of every text, computed once, ragged, in float16 in a file.

    Where nothing is frozen it holds the token ids alone. `readers` are the kinds of the texts, for adapters.
    """

    def __init__(
        self, backbone: Backbone, texts: Sequence[str], file: Path, report: Report = lambda done: None, *, readers: Sequence[str] = ()
    ) -> None:
        self.backbone, self.readers = backbone, readers
        self.tokens = backbone.tokenise(texts)
        self.lengths = np.array([1 if backbone.pools_early else len(t) for t in self.tokens], np.int64)
        self.truncated = sum(len(t) >= backbone.max_length for t in self.tokens)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self._values: np.ndarray | None = None
        if backbone.cached and len(texts):
            self._values = np.lib.format.open_memmap(file, "w+", np.float16, (int(self._starts[-1]), backbone.width))
            self._compute(report)

    def _compute(self, report: Report) -> None:
        assert self._values is not None
        device = next(self.backbone.parameters()).device
        lengths = np.array([len(t) for t in self.tokens])
        parts = batches_by_length(lengths)
        done, total = 0, int(lengths.sum())
        dtype = fast_dtype(device)
        with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            for rows in reversed(parts):
                found = self.backbone.lower(self.backbone.pad([self.tokens[i] for i in rows]).to(device))
                hidden = found.values.to(torch.float16).cpu().numpy()
                for at, row in enumerate(rows):
                    self._values[self._starts[row] : self._starts[row + 1]] = hidden[at, : self.lengths[row]]
                done += int(lengths[rows].sum())
                report(done / total)

    def over(self, backbone: Backbone) -> Features:
        """The same texts, read by another backbone with the same frozen layers."""
        other = copy(self)
        other.backbone = backbone
        return other

    def batch(self, rows: Sequence[int] | np.ndarray) -> Texts:
        """The padded batch of these texts."""
        readers = tuple(self.readers[i] for i in rows) if self.readers else ()
        if self._values is None:
            return self.backbone.pad([self.tokens[i] for i in rows], readers)
        longest = int(self.lengths[rows].max())
        values = np.zeros((len(rows), longest, self.backbone.width), np.float32)
        mask = np.zeros((len(rows), longest), bool)
        for at, row in enumerate(rows):
            n = self.lengths[row]
            values[at, :n] = self._values[self._starts[row] : self._starts[row + 1]]
            mask[at, :n] = True
        return Texts(torch.from_numpy(values), torch.from_numpy(mask), readers)

    def pooled(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The pooled vectors of these texts (all when None) through the top layers as they are, shape (rows, width)."""
        wanted = np.arange(len(self.tokens)) if rows is None else rows
        made = np.zeros((len(wanted), self.backbone.width), np.float32)
        if not len(wanted):
            return made
        device = next(self.backbone.parameters()).device
        training = self.backbone.training
        self.backbone.eval()
        dtype = fast_dtype(device)
        with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            for part in batches_by_length(self.lengths[wanted]):
                made[part] = self.backbone(self.batch(wanted[part]).to(device)).float().cpu().numpy()
        self.backbone.train(training)
        return made
