"""The wide part of a head on texts: what counting words says of a label, beside what reading says.

Words and pairs of words are hashed, weighed by TF-IDF and read by a logistic regression on the
training rows alone. Rare words that a small encoder has no place for count here, and a sum over words
cannot be led astray by their order. Hashes keep no word of a customer in the version.

Where few texts have a label, the words learn the model's answers to the others too (distillation: Hinton et al. 2015): so they
say something of words that no labelled text holds. Their answers do not come back to the model, which would believe itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.encoder.scaling import label_scaling

BUCKETS = 2**17
PATTERN = r"[\u4e00-\u9fff]|\w\w+"  # characters where a language writes no words apart
MOST_ROWS = 100_000
STRENGTHS = (1.0, 3.0, 10.0, 30.0)
ANSWERED_STRENGTH = 3.0
MOST_ANSWERED, LEAST_ANSWER = 20_000, 0.02
LEAST_TEXTS = 2
TEXTS_AT_ONCE = 10_000


class Words(nn.Module):
    """Texts to logits of labels, (rows, labels), by the words they hold; zeros until `fit`."""

    idf: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.register_buffer("idf", torch.zeros(BUCKETS, dtype=torch.float16))
        self.register_buffer("weight", torch.zeros(labels, BUCKETS, dtype=torch.float16))
        self.register_buffer("bias", torch.zeros(labels))

    def fit(self, train: tuple[Sequence[str], np.ndarray], validation: tuple[Sequence[str], np.ndarray], seed: int) -> None:
        """Learn from texts and labels (rows,); nothing where there is but one label, or no word.

        The strength of the regression is that of least log-loss on the validation rows, after its logits were scaled there
        as they will be.
        """
        from sklearn.linear_model import LogisticRegression

        texts, truth = _sample(*train, seed)
        if len(np.unique(truth)) < 2:
            return
        counts, best = _counts(texts), np.inf
        used = self._count(counts)
        if not len(used):  # nothing but emoji, or no word twice in many texts
            self.weight.zero_()
            self.bias.zero_()
            return
        held_texts, held_truth = _sample(*validation, seed)
        x, held = self._weighed(counts)[:, used], self._weighed(_counts(held_texts))[:, used]
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=200).fit(x, truth)
            loss = _loss(model, held, held_truth)
            if loss < best:
                best = loss
                self._keep(model, used)

    def fit_answered(self, train: tuple[Sequence[str], np.ndarray], answered: tuple[Sequence[str], np.ndarray], seed: int) -> None:
        """Learn anew from texts and labels (rows,), and from answers to other texts, probabilities (rows, labels)."""
        from sklearn.linear_model import LogisticRegression

        (texts, truth), (others, told) = _sample(*train, seed), _sample(*answered, seed, MOST_ANSWERED)
        counts = _counts([*texts, *others])
        used = self._count(counts)
        row, label = np.nonzero(told >= LEAST_ANSWER)
        rows = np.concatenate([np.arange(len(texts)), len(texts) + row])
        right, weight = np.concatenate([truth, label]), np.concatenate([np.ones(len(texts)), told[row, label]])
        if len(np.unique(right)) > 1 and len(used):
            x = self._weighed(counts)[:, used]
            self._keep(LogisticRegression(C=ANSWERED_STRENGTH, max_iter=200).fit(x[rows], right, sample_weight=weight), used)

    def _count(self, counts: Any) -> np.ndarray:
        """Set how rare each word is in texts of these counts (rows, buckets); returns the buckets that count, the others say nothing."""
        n, found = counts.shape[0], np.bincount(counts.indices, minlength=BUCKETS)
        idf = np.where(found < min(LEAST_TEXTS, n // 100), 0.0, np.log((1 + n) / (1 + found)) + 1)
        self.idf.copy_(torch.from_numpy(idf))
        return np.flatnonzero(found * idf)

    def _keep(self, model: Any, used: np.ndarray) -> None:
        """The weights of a regression fitted to the buckets `used`; a label that it has not met is as unlikely as a rare one."""
        weight, bias = np.zeros(tuple(self.weight.shape)), np.full(len(self.bias), model.intercept_.min() - 2)
        two = len(model.classes_) == 2
        fitted = np.concatenate([-model.coef_ / 2, model.coef_ / 2]) if two else model.coef_
        weight[np.ix_(model.classes_, used)] = fitted
        bias[model.classes_] = np.concatenate([-model.intercept_ / 2, model.intercept_ / 2]) if two else model.intercept_
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))

    def _weighed(self, counts: Any) -> Any:
        """TF-IDF with sublinear counts, rows of length 1, from counts (rows, buckets)."""
        counts = counts.copy()
        idf = self.idf.cpu().numpy().astype(np.float64)
        counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
        length = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
        counts.data /= np.repeat(np.maximum(length, 1e-9), np.diff(counts.indptr))
        return counts

    def forward(self, texts: Sequence[str]) -> Tensor:
        weight = self.weight.cpu().numpy().astype(np.float32).T
        parts = [self._weighed(_counts(texts[at : at + TEXTS_AT_ONCE])) @ weight for at in range(0, len(texts), TEXTS_AT_ONCE)]
        found = np.concatenate([np.zeros((0, len(self.bias)), np.float32), *parts]).astype(np.float32)
        return torch.from_numpy(found).to(self.bias.device) + self.bias


def _counts(texts: Sequence[str]) -> Any:
    """How often each hashed word and pair of words stands in each text, sparse, (rows, buckets)."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer

    if not len(texts):
        return csr_matrix((0, BUCKETS))
    made = HashingVectorizer(n_features=BUCKETS, ngram_range=(1, 2), token_pattern=PATTERN, alternate_sign=False, norm=None)
    return made.transform(texts)


def _sample(texts: Sequence[str], truth: np.ndarray, seed: int, most: int = MOST_ROWS) -> tuple[list[str], np.ndarray]:
    """At most so many of the rows: more take minutes and teach little."""
    kept = np.sort(np.random.default_rng(seed).permutation(len(texts))[:most])
    return [texts[i] for i in kept], truth[kept]


def _loss(model: Any, held: Any, truth: np.ndarray) -> float:
    """Mean log-loss after scaling on rows whose labels the model has met; 0 where there are none."""
    known = np.isin(truth, model.classes_)
    if not known.any():
        return 0.0
    told, right = model.predict_log_proba(held[known]), np.searchsorted(model.classes_, truth[known])
    scaled = label_scaling(np.zeros_like(told), told, right).probabilities(np.zeros_like(told), told)
    return float(-np.log(np.maximum(scaled[np.arange(len(right)), right], 1e-12)).mean())
