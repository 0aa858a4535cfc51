"""Texts as token ids, laid end to end, tokenised a part ahead of whoever reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from workbench.encoder.backbone import Backbone

TEXTS_PER_PART = 8192


@dataclass
class Tokens:
    """Token ids of many texts end to end, 4 bytes each; text i is `ids[starts[i]:starts[i + 1]]`."""

    ids: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, found: Sequence[Sequence[int]]) -> Tokens:
        lengths = np.array([len(t) for t in found], np.int64)
        ids = np.fromiter((i for t in found for i in t), np.int32, int(lengths.sum()))
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
    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(_tokenise, backbone, texts[:size])
        for at in range(size, len(texts) + size, size):
            ready = ahead.result()
            ahead = thread.submit(_tokenise, backbone, texts[at : at + size])
            yield ready


def _tokenise(backbone: Backbone, texts: Sequence[str]) -> Tokens:
    return Tokens.of(backbone.tokenise(texts))
