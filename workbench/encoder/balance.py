"""How the tasks' losses become one step: a plain sum, learned weights, or gradients that are kept from undoing one another.

`sum`: the sum of the losses. `normalised`: each in units of what guessing costs (`guessing`).
`uncertainty`: each weighted by a learned precision (Kendall, Gal and Cipolla 2018). `famo`: weights
under which all losses fall at a like rate (Liu, Feng, Stone and Liu 2023). `upgrad`: each task's
gradient is turned until no other task suffers from it (Quinton and Rey 2024). `pcgrad`: what conflicts
is taken out pair by pair (Yu et al. 2020). The last four are torchjd's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torchjd.aggregation import PCGradWeighting, UPGradWeighting
from torchjd.linalg import DualConeProjector, PSDMatrix
from torchjd.scalarization import FAMO, UW

from workbench.encoder.by_task import ByTask

Losses = dict[str, Tensor]
RIDGE = 1e-4


class Balance(nn.Module):
    """The plain sum, and what all balances have in common: they add gradients to the weights' `.grad`."""

    def backward(self, losses: Losses, weights: Sequence[nn.Parameter], share: float) -> None:
        """Add `share` of the balanced gradients; a task that has no rows in this step has no loss in it."""
        (share * self.total(losses)).backward()  # type: ignore[no-untyped-call]

    def total(self, losses: Losses) -> Tensor:
        return torch.stack(list(losses.values())).sum()

    def learned(self) -> list[nn.Parameter]:
        """What the optimiser moves beside the model."""
        return []

    def begin(self) -> None:
        """An epoch begins."""

    def moved(self, again: Callable[[], Losses]) -> None:
        """The weights have moved; `again` gives the losses of the same rows anew."""


class Normalised(Balance):
    """The sum of the losses, each by what guessing costs: no task moves what all share more because it has more answers."""

    def __init__(self, costs: Mapping[str, float]) -> None:
        super().__init__()
        self.costs = costs

    def total(self, losses: Losses) -> Tensor:
        return torch.stack([loss / self.costs.get(name, 1.0) for name, loss in losses.items()]).sum()


class Uncertain(Balance):
    """The sum over the tasks of (exp(-s) loss + s) / 2, with an s to learn for each."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.of = ByTask({name: UW(1) for name in tasks})

    def total(self, losses: Losses) -> Tensor:
        return torch.stack([self.of[name](loss[None]) for name, loss in losses.items()]).sum()

    def learned(self) -> list[nn.Parameter]:
        return list(self.parameters())


class Famo(Balance):
    """FAMO asks for every task's loss: one that has no rows in a step counts with its last, which moves nothing."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks, self.inner = list(tasks), FAMO(len(tasks))
        self.last: Losses = {}

    def begin(self) -> None:
        """The moments of FAMO's own small optimiser begin anew, so that a resumed run is as the unbroken one."""
        fresh = FAMO(len(self.tasks)).to(self.inner.min_losses.device)
        fresh.load_state_dict(self.inner.state_dict())
        self.inner, self.last = fresh, {}

    def total(self, losses: Losses) -> Tensor:
        total: Tensor = self.inner(self._all(losses)) * len(self.tasks)
        return total

    def moved(self, again: Callable[[], Losses]) -> None:
        with torch.no_grad():
            self.inner.update(self._all(again()))

    def _all(self, losses: Losses) -> Tensor:
        one = next(iter(losses.values())).new_ones(())
        found = [losses.get(name, self.last.get(name, one)) for name in self.tasks]
        self.last |= {name: loss.detach() for name, loss in losses.items()}
        return torch.stack(found)


class Gradients(Balance):
    """Each task's gradient by itself; where two or more tasks reach a weight, theirs are weighed against one another.

    Memory: one gradient of the shared weights for each task.
    """

    def __init__(self, weighting: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weighting = weighting

    def backward(self, losses: Losses, weights: Sequence[nn.Parameter], share: float) -> None:
        found = [torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True) for loss in losses.values()]
        by_weight = list(zip(*found, strict=True))
        shared = [sum(g is not None for g in gradients) > 1 for gradients in by_weight]
        weight = self.weighting(_gramian([gradients for gradients, s in zip(by_weight, shared, strict=True) if s], len(losses)))
        for parameter, gradients, s in zip(weights, by_weight, shared, strict=True):
            for task, gradient in enumerate(gradients):
                if gradient is not None:
                    part = gradient * (share * weight[task] if s else share)
                    parameter.grad = part if parameter.grad is None else parameter.grad + part


def _gramian(by_weight: Sequence[tuple[Tensor | None, ...]], tasks: int) -> Tensor:
    """Inner products of the tasks' gradients over all these weights, (tasks, tasks)."""
    made = torch.zeros(tasks, tasks)
    for gradients in by_weight:
        known = [task for task, gradient in enumerate(gradients) if gradient is not None]
        rows = torch.stack([gradients[task].flatten() for task in known])  # type: ignore[union-attr]
        made[np.ix_(known, known)] += (rows @ rows.T).cpu()
    return made


class LeastSquaresProjector(DualConeProjector):
    """torchjd's projection onto the dual cone by scipy's non-negative least squares.

    The v >= u with the least v'Gv is u + x with the x >= 0 of the least |L'(u + x)|, where G = LL'.
    """

    def __call__(self, U: Tensor, G: PSDMatrix) -> Tensor:
        from scipy.optimize import nnls

        gramian = G.double().numpy()
        scaled = gramian / max(float(gramian.trace()), 1e-12) + RIDGE * np.eye(len(gramian))
        root = np.linalg.cholesky(scaled).T
        made = [u + nnls(root, -root @ u)[0] for u in U.double().numpy()]
        return torch.as_tensor(np.array(made), dtype=G.dtype)


def upgrad(gramian: Tensor) -> Tensor:
    """Weights that are all 1 where no task stands against another, (tasks,)."""
    found: Tensor = UPGradWeighting(torch.ones(len(gramian)), projector=LeastSquaresProjector())(gramian)
    return found


def pcgrad(gramian: Tensor) -> Tensor:
    found: Tensor = PCGradWeighting()(gramian)
    return found


def balance(name: str, tasks: Sequence[str], costs: Mapping[str, float]) -> Balance:
    """The balance that a recipe names; `costs` is what guessing costs in each task, 1 where it is not given."""
    if name == "normalised":
        return Normalised(costs)
    if name == "uncertainty":
        return Uncertain(tasks)
    if name == "famo":
        return Famo(tasks)
    weightings = {"upgrad": upgrad, "pcgrad": pcgrad}
    return Gradients(weightings[name]) if name in weightings else Balance()
