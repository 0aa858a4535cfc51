"""Private adapters on the shared, frozen backbone: one for each kind of text that is read.

Tasks that read the same kind of text (sentiment and review to product both read reviews) share its
adapter, so that every text is passed through the backbone once in a step, however many tasks it has.
`lora` is peft's (Hu et al. 2021), on queries and values. `bottleneck` are the two of each layer of
Houlsby et al. 2019, which peft does not offer. Both begin as nothing: the base reads as it did.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.encoder.corpus import READERS


class Adapters:
    """The adapters of some layers; `use` says which kind of text each row of the next batch is."""

    def __init__(self, layers: Sequence[nn.Module], kind: str, rank: int) -> None:
        self.readers: tuple[str, ...] = ()
        for layer in layers:
            layer.requires_grad_(False)
            if kind == "lora":
                self._add_lora(layer, rank)
            else:
                self._add_bottlenecks(layer, rank)

    def use(self, readers: tuple[str, ...], rows: int) -> None:
        """Kind of text of each row: names of READERS."""
        assert len(readers) == rows, "adapters need to know what each text is"
        self.readers = readers

    def _add_lora(self, layer: nn.Module, rank: int) -> None:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several adapters are what is wanted
            for reader in READERS:
                settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["query", "value"])
                inject_adapter_in_model(settings, layer, adapter_name=reader)
        for module in layer.modules():
            if isinstance(module, LoraLayer):
                module.register_forward_pre_hook(self._tell, with_kwargs=True)
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_("lora_" in name)

    def _tell(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "adapter_names": list(self.readers)}

    def _add_bottlenecks(self, layer: Any, rank: int) -> None:
        for part in (layer.attention.output, layer.output):
            part.dense = Bottleneck(part.dense, rank, self)


class Bottleneck(nn.Module):
    """A layer's projection followed by a small network for each kind of text, added to it."""

    def __init__(self, dense: nn.Linear, rank: int, adapters: Adapters) -> None:
        super().__init__()
        self.dense, width = dense, dense.out_features
        self.down = nn.ModuleDict({reader: nn.Linear(width, rank) for reader in READERS})
        self.up = nn.ModuleDict({reader: nn.Linear(rank, width) for reader in READERS})
        self._adapters = adapters
        for reader in READERS:
            for parameter in self.up[reader].parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.dense(x)
        readers = self._adapters.readers
        for reader in set(readers):
            rows = torch.tensor([at for at, name in enumerate(readers) if name == reader], device=x.device)
            moved = self.up[reader](nn.functional.gelu(self.down[reader](projected[rows])))
            projected = projected.index_add(0, rows, moved.to(projected.dtype))
        return projected
