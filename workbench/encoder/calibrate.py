"""Probabilities that mean what they say: fitted on the validation rows after each epoch, kept in the heads.

Classification: one temperature, a share for what words say, and a bias for each label (Guo et al. 2017;
the bias after Alexandari et al. 2020, because weighted classes shift all probabilities). Yes or no: a slope for
each of the head's two logits, and a shift (after Platt 1999). The label that is shown is the best after an offset
for each label, chosen for macro F1: with rare labels the likeliest one is hardly ever a rare one. The offsets
leave the probabilities alone. Next item: what companions count for beside the space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from workbench.encoder.companions import choose_share
from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import Reader, space_scorer
from workbench.encoder.towers import JointEncoder

LEAST_ROWS = 20
STEPS = np.array(sorted(np.linspace(-3.0, 3.0, 49), key=abs))
ROUNDS = 3


def calibrate(model: JointEncoder, corpus: Corpus, pooled: np.ndarray) -> None:
    """Set the calibration of every head and the share of companions from the validation rows.

    `pooled` (texts, width) are the texts as the model reads them now.
    """
    reader = Reader(model, corpus, pooled)
    for name, rows in corpus.text_rows.items():
        wanted = rows.rows("validation")
        if rows.task.objective == "classify" and len(wanted) >= LEAST_ROWS:
            head = model.text_head(name)
            told, words = reader.label_logits(name, rows.text[wanted]), reader.word_logits(name, rows.text[wanted])
            found = label_scaling(told, words, rows.target[wanted])
            head.temperature.fill_(found.temperature)
            head.share.fill_(found.share)
            head.bias.copy_(torch.from_numpy(found.bias))
            head.offset.copy_(torch.from_numpy(offsets(found.probabilities(told, words))))
    for name, asked in corpus.user_rows.items():
        wanted = asked.rows("validation")
        if len(wanted) >= LEAST_ROWS:
            user_head = model.user_head(name)
            slope, shift = platt(reader.logits(asked, wanted), asked.target[wanted])
            user_head.slope.copy_(torch.from_numpy(slope))
            user_head.shift.fill_(shift)
    if corpus.next_item:
        choose_share(model.companions, corpus, space_scorer(reader))


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


def label_scaling(told: np.ndarray, words: np.ndarray, truth: np.ndarray) -> Scaling:
    """The scaling of least log-loss on rows with logits `told` and `words` (rows, labels) and labels `truth` (rows,).

    A normal prior of variance 1 on the logarithm of the temperature, the share and the biases keeps few rows from
    moving them far.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    right = np.arange(len(truth)), truth

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        log = log_softmax(told * np.exp(-at[0]) + at[1] * words + at[2:], axis=1)
        wrong = np.exp(log)
        wrong[right] -= 1
        slope = [-(wrong * told).sum() * np.exp(-at[0]), (wrong * words).sum(), *wrong.sum(0)]
        return float(-log[right].sum() + 0.5 * (at @ at)), np.array(slope) + at

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


def offsets(probabilities: np.ndarray) -> np.ndarray:
    """For each label what is added to its log-probability before the best is shown, (labels,): coordinate ascent.

    The macro F1 that is to be expected if the probabilities (rows, labels) are right: it is steadier than
    that of the rows' own labels, of which the rare ones are few (after Dembczyński et al. 2013, plug-in).
    Of equal values the smallest offset counts, so that a label is moved only for a gain.
    """
    logs, labels = np.log(np.maximum(probabilities, 1e-12)), probabilities.shape[1]
    found = np.zeros(labels)
    for _ in range(ROUNDS):
        before = found.copy()
        for label in range(labels):
            others = logs + found
            others[:, label] = -np.inf
            rival = others.argmax(1)
            margin = logs[:, label] - others.max(1)
            guesses = [np.where(margin + step > 0, label, rival) for step in STEPS]
            found[label] = STEPS[int(np.argmax([expected_macro_f1(probabilities, guess) for guess in guesses]))]
        if np.array_equal(before, found):
            break
    return found


def expected_macro_f1(probabilities: np.ndarray, guess: np.ndarray) -> float:
    """Mean over labels of the F1 of `guess` (rows,) if each row has a label with its probability, (rows, labels)."""
    labels, rows = probabilities.shape[1], np.arange(len(guess))
    right = np.bincount(guess, probabilities[rows, guess], labels)
    return float((2 * right / np.maximum(probabilities.sum(0) + np.bincount(guess, minlength=labels), 1e-12)).mean())
