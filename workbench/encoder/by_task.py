"""A module for each task: `nn.ModuleDict` for names that people give, which may be those of a module's own attributes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn


class ByTask(nn.Module):
    """Modules by their task's name, which is also their name among the weights, as in a `ModuleDict`.

    That one refuses a task that is called "type" or "train", because it makes each module an attribute too.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._modules.update(modules)

    def __getitem__(self, task: str) -> nn.Module:
        module = self._modules[task]
        assert module is not None
        return module

    def train(self, mode: bool = True) -> ByTask:
        self.__dict__["training"] = mode  # as an attribute it could be a task's
        for module in self.children():
            module.train(mode)
        return self
