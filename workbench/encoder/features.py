"""Texts as the encoder reads them: what the frozen layers say is kept on disk while there is room, and computed anew beyond.

Memory does not grow with the shop's tokens: token ids take 4 bytes each, the frozen layers' output lies in a file.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.encoder.backbone import Backbone, Texts
from workbench.encoder.cores import cores_for, on_each_core
from workbench.encoder.fast import FastLayers, check_int8, measure_ranges, reading
from workbench.encoder.fast_layer import Ranges
from workbench.encoder.readings import Readings, keep, key_of_layers
from workbench.encoder.tokens import Tokens, parts

FILE = "features.f16"
TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 65536}  # what a core's cache holds; what outlasts the launch of a GPU's kernels
MOST_BYTES = 8 * 1024**3
MOST_OF_FREE_DISK = 0.5
IN_MEMORY_BYTES = 128 * 1024**2
TEXTS_FOR_RANGES = 64
TEXTS_FOR_AGREEMENT = 200
Report = Callable[[float], None]


def batches_by_length(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Row indices in batches of texts of like length, the longest first, each of at most `tokens` padded tokens.

    A batch of half as many is not padded for the sake of a longer text.
    """
    made: list[np.ndarray] = []
    order, start = np.argsort(-lengths, kind="stable"), 0
    for stop in range(1, len(order) + 1):
        longest = lengths[order[start]]
        shorter = stop < len(order) and lengths[order[stop]] < longest and 2 * (stop - start) * longest >= tokens
        if stop == len(order) or shorter or (stop + 1 - start) * longest > tokens:
            made.append(order[start:stop])
            start = stop
    return made


def ranges_of(backbone: Backbone, texts: Sequence[str]) -> list[Ranges]:
    """What int8 has to know beforehand, from a sample of the texts; WorkbenchError where int8 is of no use."""
    check_int8(next(backbone.parameters()).device)
    chosen = np.random.default_rng(0).permutation(len(texts))[:TEXTS_FOR_RANGES]
    return measure_ranges(backbone, backbone.tokenise([texts[i] for i in chosen]))


def read_all(backbone: Backbone, texts: Sequence[str], layers: FastLayers, reader: str) -> Iterator[np.ndarray]:
    """Pooled vectors of texts of one kind, read once from end to end, in parts of (texts of the part, width), in the texts' order."""
    with reading(backbone, layers):
        device = next(backbone.parameters()).device
        for tokens in parts(backbone, texts):
            made = torch.zeros((len(tokens), backbone.width), device=device)  # brought over once for the part: each time is a wait

            def read(rows: np.ndarray, tokens: Tokens = tokens, made: Tensor = made) -> None:
                texts = backbone.pad(tokens.rows(rows), [reader] * len(rows))
                made[torch.from_numpy(rows).to(device)] = _pooled(backbone, texts, fresh=True)

            _each_batch(backbone, tokens.lengths, read)
            yield made.cpu().numpy()


def _each_batch(backbone: Backbone, lengths: np.ndarray, work: Callable[[np.ndarray], None]) -> None:
    """Call `work` with the rows of each batch of texts of these lengths, some batches at a time."""
    device = next(backbone.parameters()).device
    cores = 1 if backbone.adapters else cores_for(device)  # adapters are told beside the batch what its texts are
    tokens = min(TOKENS_PER_BATCH[device.type], -(-int(lengths.sum()) // cores))
    on_each_core(work, batches_by_length(lengths, tokens), cores)


def _pooled(backbone: Backbone, texts: Texts, *, fresh: bool) -> Tensor:
    texts = texts.to(next(backbone.parameters()).device)
    found: Tensor = backbone(backbone.lower(texts) if fresh and backbone.cached else texts)
    return found.float()


def longer(backbone: Backbone, texts: Sequence[str]) -> int:
    """How many of these texts have more tokens than the backbone reads of one."""
    wider = copy(backbone)
    wider.max_length += 1
    if backbone.pieces is not None:
        wider.pieces = copy(backbone.pieces)
        wider.pieces.max_length += 1
    return sum(int((tokens.lengths > backbone.max_length).sum()) for tokens in parts(wider, texts))


class Features:
    """The texts of a training. Those in `first` (indices) find room before the others; `kept` says which found it.

    Where nothing is frozen it holds the token ids alone. `readers` are the kinds of the texts, for adapters. What `earlier`, a
    folder, keeps of an earlier training is taken from there.
    """

    def __init__(
        self,
        backbone: Backbone,
        texts: Sequence[str],
        file: Path,
        report: Report = lambda done: None,
        *,
        readers: Sequence[str] = (),
        first: np.ndarray | None = None,
        precision: str = "bf16",
        most_bytes: int = MOST_BYTES,
        earlier: Path | None = None,
    ) -> None:
        precision = precision if len(texts) else "fp32"
        self.backbone, self.file, self.precision, self.readers = backbone, file, precision, readers
        self._texts, self.ranges = texts, ranges_of(backbone, texts) if precision == "int8" else []
        order = _first_then_others(len(texts), first)
        self._place = np.argsort(order)
        self._room = min(most_bytes, int(MOST_OF_FREE_DISK * shutil.disk_usage(file.parent).free)) if backbone.cached else 0
        self._frozen = FastLayers(backbone, precision, self.ranges)
        lasting = earlier is not None and backbone.cached and precision != "int8"  # int8 depends on a sample of the texts
        self._layers = key_of_layers(backbone, precision) if lasting else ""
        self._earlier = Readings.of(earlier, self._layers, backbone.width) if earlier and lasting else None
        self._read([texts[i] for i in order], report)

    def _read(self, texts: Sequence[str], report: Report) -> None:
        """Tokenise and keep what the frozen layers say, part after part."""
        row, done, read, starts = 2 * self.backbone.width, 0, [], [np.zeros(0, np.int64)]
        self.file.touch()
        with reading(self.backbone, self._frozen):
            for tokens in parts(self.backbone, texts):
                lengths = self._kept_lengths(tokens)
                ends = done + np.cumsum(lengths)
                fit = int(np.searchsorted(ends * row, self._room, side="right"))
                starts.append(np.where(np.arange(len(lengths)) < fit, ends - lengths, -1))
                if fit:
                    self._keep(tokens, lengths[:fit], done)
                    done = int(ends[fit - 1])
                self._room = self._room if fit == len(lengths) else 0
                read.append(tokens)
                report(sum(len(t) for t in read) / len(texts))
        self._tokens, self._starts = Tokens.joined(read), np.concatenate(starts)
        self._values = np.memmap(self.file, np.float16, "r", shape=(done, self.backbone.width)) if done else None
        lengths = self._kept_lengths(self._tokens)
        self.lengths, self.kept = lengths[self._place], (self._starts >= 0)[self._place]
        full = np.flatnonzero(self._tokens.lengths >= self.backbone.max_length)
        self.truncated = longer(self.backbone, [texts[i] for i in full.tolist()])

    def _kept_lengths(self, tokens: Tokens) -> np.ndarray:
        return np.ones(len(tokens), np.int64) if self.backbone.pools_early else tokens.lengths

    def _keep(self, tokens: Tokens, lengths: np.ndarray, done: int) -> None:
        """Append the frozen layers' output of the first texts of a part to the file."""
        width, total, device = self.backbone.width, int(lengths.sum()), next(self.backbone.parameters()).device
        with self.file.open("r+b") as file:
            file.truncate((done + total) * 2 * width)
        values = np.memmap(self.file, np.float16, "r+", offset=done * 2 * width, shape=(total, width))
        starts = np.cumsum(lengths) - lengths
        known = self._earlier.starts_of(tokens)[: len(lengths)] if self._earlier else np.full(len(lengths), -1)
        for at in np.flatnonzero(known >= 0):
            assert self._earlier is not None
            values[starts[at] : starts[at] + lengths[at]] = self._earlier.values[known[at] : known[at] + lengths[at]]
        new = np.flatnonzero(known < 0)

        def read(batch: np.ndarray) -> None:
            rows = new[batch]
            found = self.backbone.lower(self.backbone.pad(tokens.rows(rows)).to(device))
            hidden = found.values.to(torch.float16).cpu().numpy()
            for at, row in enumerate(rows):
                values[starts[row] : starts[row] + lengths[row]] = hidden[at, : lengths[row]]

        if len(new):
            _each_batch(self.backbone, tokens.lengths[new], read)
        values.flush()

    def keep(self, folder: Path) -> str | None:
        """Let a later training take from `folder` what was read here; what to say where it is not kept.

        The file moves there, and this training still reads it.
        """
        if not self._layers or self._values is None:
            return None
        return keep(folder, self._layers, self.file, self._tokens, self._starts)

    def words(self, text: int) -> list[int]:
        """The token ids of a text."""
        return [int(i) for i in self._tokens[int(self._place[text])]]

    def _padded(self, rows: np.ndarray) -> Texts:
        """The token ids of these texts."""
        readers = [self.readers[i] for i in rows] if self.readers else []
        return self.backbone.pad(self._tokens.rows(self._place[rows]), readers)

    def over(self, backbone: Backbone) -> Features:
        """The same texts, read by another backbone with the same frozen layers."""
        other = copy(self)
        other.backbone = backbone
        return other

    def batch(self, rows: Sequence[int] | np.ndarray) -> Texts:
        """The padded batch of these texts, as the trained layers read them."""
        wanted = np.asarray(rows)
        if not self.backbone.cached:
            return self._padded(wanted)
        if not self.kept[wanted].all():
            with reading(self.backbone, self._frozen):
                found = self.backbone.lower(self._padded(wanted).to(next(self.backbone.parameters()).device))
            return Texts(found.values.float().clone(), found.mask.clone(), found.readers)
        assert self._values is not None
        longest = int(self.lengths[wanted].max())
        values = np.zeros((len(wanted), longest, self.backbone.width), np.float32)
        mask = np.zeros((len(wanted), longest), bool)
        for at, row in enumerate(wanted):
            start, n = self._starts[self._place[row]], self.lengths[row]
            values[at, :n] = self._values[start : start + n]
            mask[at, :n] = True
        readers = tuple(self.readers[i] for i in wanted) if self.readers else ()
        return Texts(torch.from_numpy(values), torch.from_numpy(mask), readers)

    def pooled(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The pooled vectors of these texts (all when None) through the top layers as they are, shape (rows, width)."""
        wanted = np.arange(len(self.kept)) if rows is None else np.asarray(rows)
        if self.precision == "int8" and self.backbone.top_layers:  # what was trained says other numbers than before
            self.ranges = ranges_of(self.backbone, self._texts)
        return self._pooled(wanted, FastLayers(self.backbone, self.precision, self.ranges), self.kept[wanted])

    def exactly(self, rows: np.ndarray) -> np.ndarray:
        """The same in full precision, all layers computed."""
        return self._pooled(rows, FastLayers(self.backbone, "fp32"), np.zeros(len(rows), bool))

    def agreement(self) -> dict[str, float | int | str]:
        """What the precision costs: cosines of pooled vectors to those read in fp32, over a sample of the texts."""
        sample = np.random.default_rng(1).permutation(len(self.kept))[:TEXTS_FOR_AGREEMENT]
        exact, found = self.exactly(sample), self.pooled(sample)
        cosine = (found * exact).sum(1) / (np.linalg.norm(found, axis=1) * np.linalg.norm(exact, axis=1)).clip(min=1e-9)
        told: dict[str, float | int | str] = {"precision": self.precision, "texts": len(sample)}
        return told | ({"mean_cosine": float(cosine.mean()), "cosine_p1": float(np.percentile(cosine, 1))} if len(sample) else {})

    def _pooled(self, wanted: np.ndarray, layers: FastLayers, kept: np.ndarray) -> np.ndarray:
        made = self._room_for(len(wanted))
        with reading(self.backbone, layers):
            for fresh in (False, True):
                part = np.flatnonzero(kept != fresh)
                lengths = self._tokens.lengths[self._place[wanted[part]]] if fresh else self.lengths[wanted[part]]

                def read(at: np.ndarray, part: np.ndarray = part, fresh: bool = fresh) -> None:
                    chosen = wanted[part[at]]
                    texts = self._padded(chosen) if fresh else self.batch(chosen)
                    made[part[at]] = _pooled(self.backbone, texts, fresh=fresh).cpu().numpy()

                _each_batch(self.backbone, lengths, read)
        return made

    def _room_for(self, rows: int) -> np.ndarray:
        """Zeros of shape (rows, width): in memory, or in a file without a name where that would take much of it."""
        shape = (rows, self.backbone.width)
        if 4 * rows * self.backbone.width <= IN_MEMORY_BYTES:
            return np.zeros(shape, np.float32)
        with tempfile.TemporaryFile(dir=self.file.parent) as file:
            return np.memmap(file, np.float32, "w+", shape=shape)

    def notes(self) -> list[str]:
        """What to say where texts are cut, or not all found room."""
        made, texts, longest = [], len(self.kept), self.backbone.max_length
        if self.truncated:
            made.append(
                f"Of {self.truncated:,} of {texts:,} texts only the beginning is read, the first {longest} tokens (words and parts of "
                "words); max_length in the recipe sets how many."
            )
        if lacking := int((~self.kept).sum()) if self.backbone.cached else 0:
            made.append(f"{lacking:,} of {texts:,} texts found no room on disk; the frozen layers read them anew each time.")
        return made


def _first_then_others(count: int, first: np.ndarray | None) -> np.ndarray:
    chosen = np.zeros(count, bool)
    chosen[np.zeros(0, np.int64) if first is None else first] = True
    return np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
