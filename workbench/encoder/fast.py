"""A base's layers laid out for reading alone, in one precision.

`reading` puts them in the place of the layers as they are trained. What a layer has that is not part of the
base (an adapter) keeps that layer from being laid out anew: it is read as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from workbench.encoder.backbone import Backbone, fast_dtype
from workbench.encoder.cores import cores_for, on_each_core
from workbench.encoder.fast_layer import FastLayer, PlainLayer, Ranges, can_be_laid_out, filled_up
from workbench.encoder.quantised import Int8Layer
from workbench.encoder.recipe import READINGS
from workbench.errors import WorkbenchError


class FastLayers:
    """All layers of a base in one precision, as they are now; "int8" needs the `ranges` of each layer (`measure_ranges`)."""

    def __init__(self, backbone: Backbone, precision: str, ranges: Sequence[Ranges] = ()) -> None:
        assert precision in READINGS
        device = next(backbone.parameters()).device
        self.dtype = torch.float32 if precision == "fp32" else fast_dtype(device)
        self.layers = [self._layer(layer, precision, ranges, at) for at, layer in enumerate(backbone.model.encoder.layer)]

    def _layer(self, layer: nn.Module, precision: str, ranges: Sequence[Ranges], at: int) -> FastLayer | PlainLayer:
        if not can_be_laid_out(layer):
            return PlainLayer(layer, self.dtype)
        return Int8Layer(layer, self.dtype, ranges[at]) if precision == "int8" else FastLayer(layer, self.dtype)

    def __call__(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """Hidden states (rows, tokens, width) in float32 through the layers from `first` to before `last`; `mask` (rows, tokens)."""
        rows, tokens = mask.shape
        x = hidden.reshape(rows * tokens, -1).to(self.dtype)
        bias: Tensor | None = None
        keys = tokens if x.is_cuda else filled_up(tokens)
        if x.is_cuda or keys > tokens or not bool(mask.all()):  # to ask a GPU is to wait for all that it has to do
            mask = nn.functional.pad(mask, (0, keys - tokens))
            bias = torch.zeros_like(mask, dtype=self.dtype).masked_fill_(~mask, torch.finfo(self.dtype).min)[:, None, None, :]
        for layer in self.layers[first:last]:
            x = layer(x, (rows, tokens), bias)
        return x.view(rows, tokens, -1).float()


def measure_ranges(backbone: Backbone, tokens: Sequence[Sequence[int]]) -> list[Ranges]:
    """How far activations reach in each layer, over these tokenised texts; {} for a layer that is read as it is."""
    device = next(backbone.parameters()).device
    exact = FastLayers(backbone, "fp32")
    found: list[list[Ranges]] = []

    def measure(rows: np.ndarray) -> None:
        for row in rows:
            x, each = backbone.model.embeddings(input_ids=torch.tensor([list(tokens[row])], device=device))[0], []
            for layer in exact.layers:
                x, largest = layer.ranges(x, (1, len(x))) if isinstance(layer, FastLayer) else (layer(x, (1, len(x)), None), {})
                each.append(largest)
            found.append(each)

    with reading(backbone, exact):
        on_each_core(measure, np.array_split(np.arange(len(tokens)), max(1, len(tokens))), cores_for(device))
    return [{name: torch.stack([text[name] for text in layer]).amax(0) for name in layer[0]} for layer in zip(*found, strict=True)]


@contextmanager
def reading(backbone: Backbone, layers: FastLayers) -> Iterator[None]:
    """Within the block the backbone reads through `layers`, without gradients, in evaluation mode."""
    training = backbone.training
    backbone.eval()
    backbone.fast = layers
    try:
        with torch.inference_mode():
            yield
    finally:
        backbone.fast = None
        backbone.train(training)


def check_int8(device: torch.device) -> None:
    """Raise WorkbenchError where 8-bit integers are not multiplied exactly and fast."""
    if device.type != "cpu" or not torch.cpu._is_vnni_supported():
        here = "this processor" if device.type == "cpu" else "a GPU"
        raise WorkbenchError(
            f"The recipe reads texts in int8, which {here} has no fast and exact product for (AVX-512 VNNI).",
            'Set reading = "bf16" in the recipe.',
        )
