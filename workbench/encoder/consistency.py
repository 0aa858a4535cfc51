"""R-drop: a step is read twice under different dropout, and the two answers are drawn together (Liang et al. 2021)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """Half the sum of both Kullback-Leibler divergences, mean over rows; logits (rows, labels), or (rows,) of a yes."""
    if first.ndim == 1:
        first, second = (F.logsigmoid(_both(logits)) for logits in (first, second))
    else:
        first, second = first.log_softmax(-1), second.log_softmax(-1)
    return 0.5 * ((first.exp() - second.exp()) * (first - second)).sum(-1).mean()


def _both(logits: Tensor) -> Tensor:
    """Logits of yes and of no, (rows, 2)."""
    return logits[:, None] * logits.new_tensor([1.0, -1.0])


def drawn_together(once: dict[str, Tensor], twice: dict[str, Tensor], said: list[dict[str, Tensor]], weight: float) -> dict[str, Tensor]:
    """The mean loss of two readings plus `weight` times their disagreement, for each task; `said` holds both readings' logits."""
    made = {name: (loss + twice[name]) / 2 for name, loss in once.items()}
    for name in said[0].keys() & said[1].keys():
        made[name] = made[name] + weight * disagreement(said[0][name], said[1][name])
    return made
