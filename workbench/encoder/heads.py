"""The heads of the tasks: from a pooled text or a user's state to probabilities that mean what they say.

A head on texts tells its task's outputs apart; labels are sums of outputs (stars 1 and 2 make
"negative"). What calibration finds on the validation rows is kept in the head's buffers, and so with the version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.numbers import Numbers
from workbench.encoder.wordcount import Words
from workbench.tasks.base import Outputs

STATE_DROPOUT = 0.5


def set_mask(sets: list[list[int]], outputs: int) -> Tensor:
    """0 where an output belongs to a set, minus infinity where not, (sets, outputs): added to log-probabilities."""
    mask = torch.full((len(sets), outputs), -torch.inf)
    for row, found in enumerate(sets):
        mask[row, found] = 0.0
    return mask


class TextHead(nn.Module):
    """Pooled texts (rows, width) to the log-probabilities of a task's outputs, (rows, outputs).

    The probabilities of labels come of both what was read and what words were counted: the log-probabilities
    over `temperature`, plus the words' logits times `share`, plus `bias`.
    """

    temperature: Tensor
    share: Tensor
    bias: Tensor
    offset: Tensor
    members: Tensor

    def __init__(self, width: int, outputs: Outputs) -> None:
        super().__init__()
        n, labels = len(outputs.names), max(outputs.label) + 1
        self.score = nn.Linear(width, n)
        members = [[i for i, of in enumerate(outputs.label) if of == label] for label in range(labels)]
        self.register_buffer("members", set_mask(members, n), persistent=False)
        self.words = Words(labels)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("share", torch.zeros(()))
        self.register_buffer("bias", torch.zeros(labels))
        self.register_buffer("offset", torch.zeros(labels))

    def forward(self, pooled: Tensor) -> Tensor:
        return F.log_softmax(self.score(pooled), -1)

    def labels(self, told: Tensor) -> Tensor:
        """Log-probabilities of the labels (rows, labels) from those of the outputs, as they were learned."""
        return torch.logsumexp(told[:, None, :] + self.members, -1)

    def probabilities(self, told: Tensor, texts: Sequence[str]) -> Tensor:
        """Calibrated probabilities of the labels, (rows, labels), from the log-probabilities of the outputs and the texts."""
        return torch.softmax(self.labels(told) / self.temperature + self.share * self.words(texts) + self.bias, -1)

    def outputs(self, told: Tensor, probabilities: Tensor) -> Tensor:
        """Probabilities of the outputs, (rows, outputs), whose sums over each label are its calibrated ones, (rows, labels)."""
        member = torch.isfinite(self.members).float()
        return torch.exp(told - self.labels(told) @ member) * (probabilities @ member)

    def choose(self, probabilities: np.ndarray) -> np.ndarray:
        """The label to show for each row of calibrated probabilities, (rows,): the best after each label's offset."""
        shown = np.log(np.maximum(probabilities, 1e-12)) + self.offset.cpu().numpy()
        return np.asarray(shown.argmax(1))


class UserHead(nn.Module):
    """States (rows, dim) and numbers about a history (rows, numbers) to two logits of "yes", (rows, 2), which are added.

    What the numbers say is fitted beforehand; the state learns what they leave open: many of its directions
    say nothing of the task, so most are dropped in training.
    """

    slope: Tensor
    shift: Tensor

    def __init__(self, dim: int, numbers: int) -> None:
        super().__init__()
        self.numbers = Numbers(numbers)
        self.state = nn.Sequential(nn.Dropout(STATE_DROPOUT), nn.Linear(dim, 1, bias=False))
        self.register_buffer("slope", torch.ones(2))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, states: Tensor, numbers: Tensor) -> Tensor:
        return torch.stack([self.numbers(numbers), self.state(states)[:, 0]], 1)

    def probability(self, logits: Tensor) -> Tensor:
        """Calibrated probability of "yes", (rows,)."""
        return torch.sigmoid(logits @ self.slope + self.shift)
