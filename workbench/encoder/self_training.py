"""Texts that nobody labelled, taught by the model's own answers to them (self-training: Scudder 1965; Xie et al. 2020).

Where few texts of a kind have a label, those that the other tasks read have none for this one, and whatever else is learned of
them pulls the reading away from what the few labels want. So after each epoch the averaged model, calibrated and with its
wide part, answers for them; in the next epoch the model learns these answers, whole distributions, under dropout. Where most
texts have no label, the words of the wide part learn the answers too (`wide.fit_answered`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workbench.encoder.corpus import Corpus
from workbench.encoder.evaluate import Reader

LABELLED = ("train", "validation", "test")


class OwnAnswers:
    """For each classification task the unlabelled texts that training reads, and what the model last said of them.

    `mostly`: the tasks that more of these texts have no label for than have one.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.texts = {name: found for name, found in unlabelled(corpus).items() if len(found)}
        self.mostly = [name for name, texts in self.texts.items() if len(texts) > len(corpus.text_rows[name].rows("train"))]
        self.place: dict[str, Tensor] = {}
        for name, texts in self.texts.items():
            self.place[name] = torch.full((len(corpus.texts),), -1)
            self.place[name][torch.from_numpy(texts)] = torch.arange(len(texts))
        self.told: dict[str, Tensor] = {}
        self.labels: dict[str, np.ndarray] = {}

    def needed(self) -> np.ndarray:
        """Indices of the texts that have to be read for answers, (texts,)."""
        return np.concatenate([np.zeros(0, np.int64), *self.texts.values()])

    def answer(self, reader: Reader) -> None:
        """Let the model as it is now answer for all of them."""
        for name, texts in self.texts.items():
            self.labels[name] = reader.probabilities(name, texts)
            self.told[name] = torch.from_numpy(reader.outputs(name, texts, self.labels[name]))

    def of(self, places: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """For each task the rows of a batch of texts, by their indices `places` (rows,), that have answers; and these, (rows, outputs)."""
        made = {}
        for name, told in self.told.items():
            at = self.place[name][places]
            rows = torch.nonzero(at >= 0)[:, 0]
            if len(rows):
                made[name] = (rows, told[at[rows]])
        return made


def unlabelled(corpus: Corpus) -> dict[str, np.ndarray]:
    """For each classification task the training texts of other tasks on the same kind of text that have no label for it in any split."""
    made = {}
    for name, rows in corpus.text_rows.items():
        if rows.task.objective == "classify":
            beside = [other for other in corpus.text_rows.values() if other.task.entity == rows.task.entity]
            read = np.concatenate([other.text[other.rows("train")] for other in beside])
            made[name] = np.setdiff1d(read, rows.text[np.isin(rows.split, LABELLED)])
    return made


def soft_loss(logits: Tensor, told: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of log-probabilities to distributions, (rows, outputs) each; `weight` (outputs,) says what an answer weighs."""
    own = told @ weight
    return -((told * logits).sum(1) * own).sum() / own.sum()
