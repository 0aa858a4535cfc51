"""The simple methods on texts: the majority, counted words, the frozen base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus, TextRows, rows_of
from workbench.encoder.metrics import Metric

Found = dict[str, dict[str, Metric]]
STRENGTHS = (0.1, 1.0, 10.0)


def classify(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
    """Majority, TF-IDF with logistic regression and the frozen base with the same, on the test rows."""
    train, test = rows.rows("train"), rows.rows("test")
    truth, k = rows.target[test], len(rows.labels)
    majority = np.full(len(test), np.bincount(rows.target[train], minlength=k).argmax()) if len(train) else truth * 0
    made = {"majority": metrics.classification(truth, majority, k)}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        words = _words([corpus.texts[i] for i in rows.text[train]])
        made["tfidf_logistic"] = metrics.classification(
            truth, _logistic(rows, lambda at: words([corpus.texts[i] for i in rows.text[at]])), k
        )
        made["frozen_probe"] = metrics.classification(truth, _logistic(rows, lambda at: frozen[rows.text[at]] * 5), k)
    return made


def _words(texts: list[str]) -> Callable[[list[str]], Any]:
    """A TF-IDF of the words (characters where a language writes none apart) fitted to `texts`."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    pattern = r"[\u4e00-\u9fff]|\w\w+"
    made = TfidfVectorizer(ngram_range=(1, 2), min_df=2 if len(texts) > 200 else 1, sublinear_tf=True, token_pattern=pattern)
    made.fit(texts)
    return lambda wanted: made.transform(wanted)


def _logistic(rows: TextRows, read: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Test guesses of balanced logistic regression, its strength chosen on the validation rows."""
    from sklearn.linear_model import LogisticRegression

    train, validation, test = rows.rows("train"), rows.rows("validation"), rows.rows("test")
    x, best, guess = read(train), -1.0, np.zeros(0, np.int64)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300).fit(x, rows.target[train])
        score = metrics.macro_f1(rows.target[validation], model.predict(read(validation)), len(rows.labels)) if len(validation) else 0.0
        if score > best:
            best, guess = score, model.predict(read(test))
    return np.asarray(guess)


def contrast(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
    """Popularity and the frozen base's own likeness, on the test rows."""
    train, test = rows.rows("train"), rows.rows("test")
    popular = np.bincount(rows.target[train], minlength=len(corpus.product_ids)).astype(float)
    products = _unit(rows_of(frozen, corpus.product_text))
    said = _unit(frozen[rows.text[test]])
    found = {"popularity": np.tile(popular, (len(test), 1)), "frozen_probe": said @ products.T}
    return {
        name: {"recall_at_10": metrics.mean((metrics.ranks(scores, rows.target[test]) < 10).astype(float))}
        for name, scores in found.items()
    }


def _unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9))
