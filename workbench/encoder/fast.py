"""A base's layers laid out for reading alone: no gradients, weights cast and packed once, query, key and value in one product.

`reading` puts them in the place of the layers as they are trained. What a layer has that is not part of the
base (an adapter) keeps that layer from being laid out anew: it is read as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.backbone import Backbone, fast_dtype
from workbench.encoder.recipe import READINGS
from workbench.errors import WorkbenchError

ROWS_WHEN_PACKED = 2048  # the rows of a typical product; oneDNN orders the weights for it
Ranges = dict[str, Tensor]


class Linear:
    """x @ weight.T + bias, then gelu or a sum with `other`, as one kernel where there is one."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype, activation: str = "none") -> None:
        self.weight, self.bias = weight.detach().to(dtype), bias.detach().to(dtype)
        self.activation = activation
        self.packed: Tensor | None = None
        if weight.device.type == "cpu" and dtype == torch.bfloat16:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, ROWS_WHEN_PACKED)

    def __call__(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        made: Tensor
        if self.packed is None:
            made = F.linear(x, self.weight, self.bias)
            made = F.gelu(made) if self.activation == "gelu" else made
            return made if other is None else made + other
        if other is None:
            made = torch.ops.mkldnn._linear_pointwise.default(x, self.packed, self.bias, self.activation, [], "none")
        else:
            made = torch.ops.mkldnn._linear_pointwise.binary(x, other, self.packed, self.bias, "add")
        return made


class Norm:
    """Layer normalisation over the last axis."""

    def __init__(self, norm: nn.LayerNorm, dtype: torch.dtype) -> None:
        self.weight, self.bias, self.eps = norm.weight.detach().to(dtype), norm.bias.detach().to(dtype), norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)


def query_key_value(layer: Any) -> tuple[Tensor, Tensor]:
    """The weights and biases of a layer's query, key and value as those of one product."""
    parts = (layer.attention.self.query, layer.attention.self.key, layer.attention.self.value)
    return torch.cat([part.weight.detach() for part in parts]), torch.cat([part.bias.detach() for part in parts])


class FastLayer:
    """One layer; hidden states are (rows * tokens, width), `shape` is (rows, tokens)."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        self.heads = int(layer.attention.self.num_attention_heads)
        self.after_attention = Norm(layer.attention.output.LayerNorm, dtype)
        self.after_all = Norm(layer.output.LayerNorm, dtype)
        self.together = Linear(*query_key_value(layer), dtype)
        self.out = Linear(layer.attention.output.dense.weight, layer.attention.output.dense.bias, dtype)
        self.up = Linear(layer.intermediate.dense.weight, layer.intermediate.dense.bias, dtype, "gelu")
        self.down = Linear(layer.output.dense.weight, layer.output.dense.bias, dtype)

    def attend(self, together: Tensor, shape: tuple[int, int], bias: Tensor | None) -> Tensor:
        rows, tokens = shape
        query, key, value = together.view(rows, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return found.transpose(1, 2).reshape(rows * tokens, -1)

    def __call__(self, x: Tensor, shape: tuple[int, int], bias: Tensor | None) -> Tensor:
        seen = self.attend(self.together(x), shape, bias)
        between = self.after_attention(self.out(seen, x))
        return self.after_all(self.down(self.up(between), between))

    def ranges(self, x: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Ranges]:
        """The output, and the largest absolute value of each channel that enters a product."""
        seen = self.attend(self.together(x), shape, None)
        between = self.after_attention(self.out(seen, x))
        inner = self.up(between)
        largest = {"together": x.abs().amax(0), "out": seen.abs().amax(0), "up": between.abs().amax(0), "down": inner.amax()[None]}
        return self.after_all(self.down(inner, between)), largest


class PlainLayer:
    """A layer that is read as it is."""

    def __init__(self, layer: nn.Module, dtype: torch.dtype) -> None:
        self.layer, self.dtype = layer, dtype

    def __call__(self, x: Tensor, shape: tuple[int, int], bias: Tensor | None) -> Tensor:
        hidden = x.view(*shape, -1)
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            found = self.layer(hidden, bias)
        hidden = found[0] if isinstance(found, tuple) else found
        made: Tensor = hidden.reshape(x.shape).to(x.dtype)
        return made


def can_be_laid_out(layer: Any) -> bool:
    """Whether a layer is the base's own and nothing more."""
    attention = layer.attention
    parts = (
        attention.self.query,
        attention.self.key,
        attention.self.value,
        attention.output.dense,
        layer.intermediate.dense,
        layer.output.dense,
    )
    own = all(type(part) is nn.Linear and part.bias is not None for part in parts)
    return own and type(layer.intermediate.intermediate_act_fn).__name__ == "GELUActivation"


class FastLayers:
    """All layers of a base in one precision, as they are now; "int8" needs the `ranges` of each layer (see `quantised.py`)."""

    def __init__(self, backbone: Backbone, precision: str, ranges: Sequence[Ranges] = ()) -> None:
        assert precision in READINGS
        device = next(backbone.parameters()).device
        self.dtype = torch.float32 if precision == "fp32" else fast_dtype(device)
        self.layers = [self._layer(layer, precision, ranges, at) for at, layer in enumerate(backbone.model.encoder.layer)]

    def _layer(self, layer: nn.Module, precision: str, ranges: Sequence[Ranges], at: int) -> FastLayer | PlainLayer:
        if not can_be_laid_out(layer):
            return PlainLayer(layer, self.dtype)
        if precision != "int8":
            return FastLayer(layer, self.dtype)
        from workbench.encoder.quantised import Int8Layer

        return Int8Layer(layer, self.dtype, ranges[at])

    def __call__(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """Hidden states (rows, tokens, width) in float32 through the layers from `first` to before `last`; `mask` (rows, tokens)."""
        rows, tokens = mask.shape
        x = hidden.reshape(rows * tokens, -1).to(self.dtype)
        bias: Tensor | None = None
        if x.is_cuda or not bool(mask.all()):  # to ask a GPU is to wait for all that it has to do
            bias = torch.zeros_like(mask, dtype=self.dtype).masked_fill_(~mask, torch.finfo(self.dtype).min)[:, None, None, :]
        for layer in self.layers[first:last]:
            x = layer(x, (rows, tokens), bias)
        return x.view(rows, tokens, -1).float()


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
