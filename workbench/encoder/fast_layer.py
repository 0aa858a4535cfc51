"""One layer of a base laid out for reading alone: no gradients, weights cast and packed once, query, key and value in one product."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS_WHEN_PACKED = 2048  # the rows of a typical product; oneDNN orders the weights for it
LANES = 16  # numbers that a processor's vector holds: softmax computes what lies beyond the last whole one number by number
FEW_LEFT = 4  # fewer than these cost no more so than to fill up the vector
Ranges = dict[str, Tensor]


def filled_up(tokens: int) -> int:
    """How many keys so many tokens are to have on a processor: as many, or more where whole vectors are faster."""
    left = tokens % LANES
    return tokens if left < FEW_LEFT else tokens - left + LANES


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
    """One layer; hidden states are (rows * tokens, width), `shape` is (rows, tokens), `bias` (rows, 1, 1, keys) hides keys.

    Where there are more keys than tokens, those beyond are hidden and stand for nothing.
    """

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
        parts = together.view(rows, tokens, 3, self.heads, -1)
        query, others = parts[:, :, 0], parts[:, :, 1:]
        if bias is not None and bias.shape[-1] > tokens:
            others = F.pad(others, (0, 0, 0, 0, 0, 0, 0, bias.shape[-1] - tokens))
        key, value = others.permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query.transpose(1, 2), key, value, attn_mask=bias)
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
            found = self.layer(hidden, None if bias is None else bias[..., : shape[1]])
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
