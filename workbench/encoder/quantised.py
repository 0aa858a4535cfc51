"""Layers that multiply 8-bit integers, four times as many at once as 32-bit floats.

Weights have one scale for each output. Activations have one fixed scale for each product, measured on some of
the texts to be read; channels that reach far are made smaller beforehand, and their weights larger (Xiao et al.
2023, SmoothQuant, with its migration strength of one half).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from workbench.encoder.fast_layer import ROWS_WHEN_PACKED, FastLayer, Ranges, query_key_value

MIDDLE = 128
LOWEST_GELU = 0.17  # gelu never falls below -0.17
LEAST = 1e-5


class Int8Linear:
    """The product of unsigned 8-bit activations with signed 8-bit weights, in bfloat16 or rounded to 8 bits again."""

    def __init__(self, weight: Tensor, bias: Tensor, scale: float, zero: int, *, gelu: tuple[float, int] | None = None) -> None:
        self.scale, self.zero, self.gelu = scale, zero, gelu
        self.scales = weight.abs().amax(1).clamp(min=LEAST) / 127
        whole = (weight / self.scales[:, None]).round().clamp(-127, 127).to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(whole, [ROWS_WHEN_PACKED, weight.shape[1]])
        self.zeros = torch.zeros(len(self.scales), dtype=torch.int32)
        self.bias = bias.detach().float()

    def __call__(self, x: Tensor) -> Tensor:
        scale, zero = self.gelu or (1.0, 0)
        kind, after, algorithm = (torch.uint8, "gelu", "none") if self.gelu else (torch.bfloat16, "none", "")
        made: Tensor = torch.ops.onednn.qlinear_pointwise.default(
            x, self.scale, self.zero, self.packed, self.scales, self.zeros, self.bias, scale, zero, kind, after, [], algorithm
        )
        return made


class Rounded:
    """Activations to 8 bits, then a product; `largest` (channels,) is how far each channel reaches."""

    def __init__(self, weight: Tensor, bias: Tensor, largest: Tensor, *, gelu: tuple[float, int] | None = None) -> None:
        weight = weight.detach().float()
        reach, grip = largest.clamp(min=LEAST), weight.abs().amax(0).clamp(min=LEAST)
        smooth = (reach / grip).sqrt()
        scale = float((reach / smooth).max() / 127)
        self.factor, self.middle = 1 / (smooth * scale), torch.tensor([MIDDLE + 0.5])
        self.product = Int8Linear(weight * smooth, bias, scale, MIDDLE, gelu=gelu)

    def __call__(self, x: Tensor) -> Tensor:
        return self.product(torch.addcmul(self.middle, x.float(), self.factor).clamp_(0, 255).to(torch.uint8))


class Int8Layer(FastLayer):
    """One layer whose four products are of 8-bit integers; attention and normalisation stay in floats."""

    def __init__(self, layer: Any, dtype: torch.dtype, ranges: Ranges) -> None:
        super().__init__(layer, dtype)
        step = float(ranges["down"].clamp(min=LEAST) + LOWEST_GELU) / 255
        inner = (step, round(LOWEST_GELU / step))
        attended, up, down = layer.attention.output.dense, layer.intermediate.dense, layer.output.dense
        self.together8 = Rounded(*query_key_value(layer), ranges["together"])
        self.out8 = Rounded(attended.weight, attended.bias, ranges["out"])
        self.up8 = Rounded(up.weight, up.bias, ranges["up"], gelu=inner)
        self.down8 = Int8Linear(down.weight.detach().float(), down.bias, *inner)

    def __call__(self, x: Tensor, shape: tuple[int, int], bias: Tensor | None) -> Tensor:
        seen = self.attend(self.together8(x).to(x.dtype), shape, bias)
        between = self.after_attention(self.out8(seen).to(x.dtype).add_(x))
        return self.after_all(self.down8(self.up8(between)).to(x.dtype).add_(between))
