"""Reviews as they were read, looked up where they are needed: a shop has far more of them than fit beside a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from workbench.encoder.corpus import rows_of
from workbench.encoder.towers import Steps


@dataclass
class Rows:
    """Pooled vectors of rows: `index` (rows,) are their texts' in `pooled` (texts, width), -1 where there is no text."""

    pooled: np.ndarray
    index: np.ndarray
    device: torch.device

    @cached_property
    def _all(self) -> Tensor:
        return self[np.arange(len(self.index))]

    def at(self, places: Tensor | None) -> Tensor:
        """(places, width), or all of them, which stay on the device."""
        return self._all if places is None else self[places]

    def __getitem__(self, rows: Tensor | np.ndarray) -> Tensor:
        """(rows asked for, width), zeros where there is no text."""
        return torch.from_numpy(rows_of(self.pooled, self.index[np.asarray(torch.as_tensor(rows).cpu())])).to(self.device)


def met(steps: Steps, reviews: Rows) -> tuple[Steps, Tensor]:
    """The steps with their reviews numbered among themselves, and the pooled vectors of these reviews."""
    known = steps.review >= 0
    found, place = torch.unique(steps.review[known], return_inverse=True)
    review = torch.full_like(steps.review, -1)
    review[known] = place
    return replace(steps, review=review), reviews[found]
