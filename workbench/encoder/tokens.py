"""Texts as token ids, laid end to end, tokenised a part ahead of whoever reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from workbench.encoder.ahead import ahead
from workbench.encoder.backbone import Backbone
from workbench.encoder.pieces import end_to_end, read_words

TEXTS_PER_PART = 8192
TEXTS_FOR_PROCESSES, MOST_PROCESSES = 100_000, 8


@dataclass
class Tokens:
    """Token ids of many texts end to end, 4 bytes each; text i is `ids[starts[i]:starts[i + 1]]`."""

    ids: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, found: Sequence[Sequence[int]]) -> Tokens:
        return cls.end_to_end(*end_to_end(found))

    @classmethod
    def end_to_end(cls, ids: np.ndarray, lengths: np.ndarray) -> Tokens:
        """Of ids end to end and the count of each text."""
        return cls(ids, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))

    @classmethod
    def joined(cls, parts: Sequence[Tokens]) -> Tokens:
        lengths = [np.zeros(1, np.int64), *(part.lengths for part in parts)]
        return cls(np.concatenate([np.zeros(0, np.int32), *(part.ids for part in parts)]), np.cumsum(np.concatenate(lengths)))

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        found: np.ndarray = self.ids[self.starts[row] : self.starts[row + 1]]
        return found

    def rows(self, rows: Sequence[int] | np.ndarray) -> list[np.ndarray]:
        return [self[int(row)] for row in rows]


def parts(backbone: Backbone, texts: Sequence[str], size: int = TEXTS_PER_PART) -> Iterator[Tokens]:
    """The tokens of the texts in parts of `size`, the next part tokenised while this one is used."""
    cut = (texts[at : at + size] for at in range(0, len(texts), size))
    processes = processes_for(backbone, len(texts))
    if processes == 1:
        yield from ahead(Tokens.of(backbone.tokenise(part)) for part in cut)
        return
    assert backbone.pieces is not None
    told = backbone.pieces.backend.to_str()
    work = (delayed(read_words)(told, backbone.max_length, part) for part in cut)
    for ids, lengths in Parallel(processes, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)(work):
        yield Tokens.end_to_end(ids, lengths)


def processes_for(backbone: Backbone, texts: int) -> int:
    """How many processes tokenise: several where a GPU would wait for them and the texts are worth their start, else none but this."""
    if backbone.pieces is None or texts < TEXTS_FOR_PROCESSES or next(backbone.parameters()).device.type == "cpu":
        return 1
    return max(1, min(MOST_PROCESSES, (os.cpu_count() or 1) - 1))
