"""The simple methods on texts: the majority, counted words, the frozen base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus, TextRows, rows_of
from workbench.encoder.metrics import Metric
from workbench.encoder.ranking import ranks, tie_places

Found = dict[str, dict[str, Metric]]
STRENGTHS = (0.1, 1.0, 10.0)


def classify(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
    """Majority, TF-IDF with logistic regression and the frozen base with the same, on the test rows; no TF-IDF where there is no word."""
    train, test = rows.rows("train"), rows.rows("test")
    truth, k = rows.target[test], len(rows.labels)
    shares = np.bincount(rows.target[train], minlength=k) / max(1, len(train))
    told = {"majority": np.tile(shares, (len(test), 1))}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        words = _words([corpus.texts[i] for i in rows.text[train]])
        if words:
            told["tfidf_logistic"] = _logistic(rows, lambda at: words([corpus.texts[i] for i in rows.text[at]]))
        told["frozen_probe"] = _logistic(rows, lambda at: frozen[rows.text[at]] * 5)
    return {name: metrics.classification(truth, found.argmax(1), k, found) for name, found in told.items()}


def _words(texts: list[str]) -> Callable[[list[str]], Any] | None:
    """A TF-IDF of the words (characters where a language writes none apart) fitted to `texts`; None where they hold none that counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    pattern = r"[\u4e00-\u9fff]|\w\w+"
    made = TfidfVectorizer(ngram_range=(1, 2), min_df=2 if len(texts) > 200 else 1, sublinear_tf=True, token_pattern=pattern)
    try:
        made.fit(texts)
    except ValueError:  # an empty vocabulary
        return None
    return lambda wanted: made.transform(wanted)


def _logistic(rows: TextRows, read: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Test probabilities (rows, labels) of balanced logistic regression, its strength chosen on the validation rows."""
    from sklearn.linear_model import LogisticRegression

    train, validation, test = rows.rows("train"), rows.rows("validation"), rows.rows("test")
    chosen: Any = None
    x, best = read(train), -1.0
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300).fit(x, rows.target[train])
        score = metrics.macro_f1(rows.target[validation], model.predict(read(validation)), len(rows.labels)) if len(validation) else 0.0
        if score > best:
            best, chosen = score, model
    made = np.zeros((len(test), len(rows.labels)))
    made[:, chosen.classes_] = chosen.predict_proba(read(test))
    return made


def contrast(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
    """Popularity and the frozen base's own likeness, on the test rows."""
    train, test = rows.rows("train"), rows.rows("test")
    popular = np.bincount(rows.target[train], minlength=len(corpus.product_ids)).astype(float)
    products = _unit(rows_of(frozen, corpus.product_text))
    said = _unit(frozen[rows.text[test]])
    place = tie_places(corpus.product_ids)
    found = {"popularity": np.tile(popular, (len(test), 1)), "frozen_probe": said @ products.T}
    return {name: metrics.recall(ranks(scores, rows.target[test], place)) for name, scores in found.items()}


def _unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9))
