"""What the frozen layers said of texts, kept in the home from one training to the next: a text that was read is not read again.

A text is told by its token ids, the layers by their weights and what they compute in, so that nothing else can be taken for them.
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from workbench.encoder.backbone import Backbone
from workbench.encoder.tokens import Tokens

VALUES, INDEX = "values.f16", "index.safetensors"
GB = 1024**3
MOST_KEPT_BYTES = 2 * GB
MOST_OF_FREE_DISK = 0.1
KEY_BYTES = 16
CHUNK = 1 << 24
NOT_KEPT = "The next training or fine-tuning reads all texts with the frozen layers again, what they said is not kept"


def key_of_layers(backbone: Backbone, precision: str) -> str:
    """What tells these frozen layers from others, None of whose output may be taken for theirs."""
    told = hashlib.sha256(f"{precision} {backbone.lower_layers} {backbone.pools_early} {backbone.pool.kind}".encode())
    for parameter in backbone.frozen():
        told.update(str(parameter.device.type).encode())
        told.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return told.hexdigest()


def key_of(ids: np.ndarray) -> bytes:
    """What tells a text, from its token ids."""
    return hashlib.blake2b(np.ascontiguousarray(ids, np.int32).tobytes(), digest_size=KEY_BYTES).digest()


@dataclass
class Readings:
    """Rows of `values`, shape (tokens, width), of each text that was read, from `starts`."""

    values: np.ndarray
    starts: dict[bytes, int]

    @classmethod
    def of(cls, folder: Path, layers: str, width: int) -> Readings | None:
        """What is kept in the folder of these layers; None where nothing is, or it is not whole."""
        try:
            with safe_open(folder / INDEX, "np") as index:
                told = index.metadata() or {}
                keys, starts = index.get_tensor("keys"), index.get_tensor("starts")
        except (OSError, SafetensorError):
            return None
        file = folder / VALUES
        if told.get("layers") != layers or not file.exists() or told.get("check") != _check(file):
            return None
        values = np.memmap(file, np.float16, "r").reshape(-1, width)
        return cls(values, dict(zip(map(bytes, keys), starts.tolist(), strict=True)))

    def starts_of(self, tokens: Tokens) -> np.ndarray:
        """Where the rows of each text begin, -1 for one that was not read yet."""
        return np.array([self.starts.get(key_of(tokens[i]), -1) for i in range(len(tokens))], np.int64)


def keep(folder: Path, layers: str, file: Path, tokens: Tokens, starts: np.ndarray) -> str | None:
    """Move the file of a training there, in the place of the one before; what to say where nothing new is kept.

    `starts` are the texts' first rows, -1 for a text that found no room.
    """
    size, most = file.stat().st_size, min(MOST_KEPT_BYTES, int(MOST_OF_FREE_DISK * shutil.disk_usage(folder.parent).free))
    if size > most:
        return f"{NOT_KEPT}: it takes {size / GB:.1f} GB; at most {most / GB:.1f} GB are kept here (2 GB, a tenth of the free disk)."
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)  # without it the values are nobody's: so after a kill
    file.replace(folder / VALUES)
    has = np.flatnonzero(starts >= 0)
    keys = np.frombuffer(b"".join(key_of(tokens[int(i)]) for i in has), np.uint8).reshape(-1, KEY_BYTES)
    beside = folder / f".{INDEX}"
    try:
        save_file({"keys": keys, "starts": starts[has]}, beside, {"layers": layers, "check": _check(folder / VALUES)})
    except (OSError, SafetensorError):
        shutil.rmtree(folder)
        return f"{NOT_KEPT}: the disk is full."
    beside.replace(folder / INDEX)
    return None


def _check(file: Path) -> str:
    """Size and check sum of a file."""
    found = 0
    with file.open("rb") as opened:
        while part := opened.read(CHUNK):
            found = zlib.crc32(part, found)
    return f"{file.stat().st_size} {found}"
