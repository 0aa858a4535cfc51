"""How logits become probabilities that mean what they say: fitted to rows that nothing else was learned from.

Labels: a temperature for what was read, a share for what words say, and a bias for each label (Guo et al. 2017; the
bias after Alexandari et al. 2020, because weighted classes shift all probabilities). Yes or no: a slope for each
logit, and a shift (after Platt 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """How logits of reading and of words become probabilities: temperature of the first, share of the second, bias (labels,)."""

    temperature: float
    share: float
    bias: np.ndarray

    def probabilities(self, told: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Of the labels, (rows, labels), from logits (rows, labels) each."""
        from scipy.special import softmax

        return np.asarray(softmax(told / self.temperature + self.share * words + self.bias, axis=1))


def label_scaling(told: np.ndarray, words: np.ndarray, truth: np.ndarray, *, by_label: bool = True) -> Scaling:
    """The scaling of least log-loss on rows with logits `told` and `words` (rows, labels) and labels `truth` (rows,).

    A normal prior of variance 1 on the logarithm of the temperature, the share and the biases keeps few rows from
    moving them far; without `by_label` there are no biases, for rows that are too few to say something of each label.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    right = np.arange(len(truth)), truth

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        log = log_softmax(told * np.exp(-at[0]) + at[1] * words + at[2:], axis=1)
        wrong = np.exp(log)
        wrong[right] -= 1
        slope = [-(wrong * told).sum() * np.exp(-at[0]), (wrong * words).sum(), *wrong.sum(0)]
        return float(-log[right].sum() + 0.5 * (at @ at)), np.where(free, np.array(slope) + at, 0.0)

    free = np.array([True, True, *[by_label] * told.shape[1]])
    at = minimize(loss, np.zeros(2 + told.shape[1]), jac=True, method="L-BFGS-B").x
    return Scaling(float(np.exp(at[0])), float(at[1]), np.asarray(at[2:]))


def platt(logits: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """Slopes (readings,) and shift of least log-loss for yes (1) or no (0), from a logit of each reading, (rows, readings).

    A normal prior of variance 1 keeps all of them near those that change nothing where rows are few.
    """
    from scipy.optimize import minimize

    start = np.append(np.ones(logits.shape[1]), 0.0)

    def loss(at: np.ndarray) -> float:
        told = logits @ at[:-1] + at[-1]
        return float(np.logaddexp(0, -(2 * truth - 1) * told).sum() + 0.5 * ((at - start) ** 2).sum())

    at = minimize(loss, start, method="L-BFGS-B", bounds=[(0.0, None)] * logits.shape[1] + [(None, None)]).x
    return np.asarray(at[:-1]), float(at[-1])
