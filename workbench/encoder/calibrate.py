"""Probabilities that mean what they say: fitted on the validation rows after each epoch, kept in the heads.

What was read and what the wide part says are scaled together (`scaling`); for next item the share of companions is
chosen. The label that is shown is the best after an offset for each label, chosen for macro F1: with rare labels the
likeliest one is hardly ever a rare one. The offsets leave the probabilities alone.
"""

from __future__ import annotations

import numpy as np
import torch

from workbench.encoder.companions import choose_share
from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import Reader, space_scorer
from workbench.encoder.scaling import label_scaling, platt
from workbench.encoder.towers import JointEncoder

LEAST_ROWS = 20
LEAST_PER_LABEL = 3
STEPS = np.array(sorted(np.linspace(-3.0, 3.0, 49), key=abs))
ROUNDS = 3


def calibrate(model: JointEncoder, corpus: Corpus, pooled: np.ndarray) -> None:
    """Set the calibration of every head and the share of companions from the validation rows.

    `pooled` (texts, width) are the texts as the model reads them now.
    """
    reader = Reader(model, corpus, pooled)
    calibrate_labels(model, corpus, reader)
    for name, asked in corpus.user_rows.items():
        wanted = asked.rows("validation")
        if len(wanted) >= LEAST_ROWS:
            user_head = model.user_head(name)
            slope, shift = platt(reader.logits(asked, wanted), asked.target[wanted])
            user_head.slope.copy_(torch.from_numpy(slope))
            user_head.shift.fill_(shift)
    if corpus.next_item:
        choose_share(model.companions, corpus, space_scorer(reader))


def calibrate_labels(model: JointEncoder, corpus: Corpus, reader: Reader) -> None:
    """Set the calibration of the heads on texts."""
    for name, rows in corpus.text_rows.items():
        wanted = rows.rows("validation")
        if rows.task.objective == "classify" and len(wanted) >= LEAST_ROWS:
            head = model.text_head(name)
            told, words = reader.label_logits(name, rows.text[wanted]), reader.word_logits(name, rows.text[wanted])
            by_label = len(wanted) >= LEAST_PER_LABEL * len(rows.labels)
            found = label_scaling(told, words, rows.target[wanted], by_label=by_label)
            head.temperature.fill_(found.temperature)
            head.share.fill_(found.share)
            head.bias.copy_(torch.from_numpy(found.bias))
            head.offset.copy_(torch.from_numpy(offsets(found.probabilities(told, words)) if by_label else np.zeros(len(rows.labels))))


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
