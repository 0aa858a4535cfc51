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
Score = Callable[[np.ndarray], np.ndarray]  # rows to scores of all products, (rows, products)
STRENGTHS = (0.1, 1.0, 10.0)
TEXT_WEIGHTS, POPULAR_WEIGHTS = (0.0, 1.0, 5.0), (0.0, 0.03, 0.1, 0.3)
PART = 1000


def classify(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
    """The metrics of each of the `classifiers` on the test rows."""
    made = {name: told() for name, told in classifiers(corpus, rows, frozen).items()}
    return {name: classified(rows, told) for name, told in made.items() if told is not None}


def classified(rows: TextRows, told: np.ndarray) -> dict[str, Metric]:
    """The metrics of probabilities, (rows, labels), of the test rows."""
    return metrics.classification(rows.target[rows.rows("test")], told.argmax(1), len(rows.labels), told)


def classifiers(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> dict[str, Callable[[], np.ndarray | None]]:
    """What fits each simple method and gives its probabilities of the test rows, (rows, labels): the majority, TF-IDF with
    logistic regression (None where there is no word) and the frozen base with the same."""
    train, test = rows.rows("train"), rows.rows("test")
    shares = np.bincount(rows.target[train], minlength=len(rows.labels)) / max(1, len(train))
    made: dict[str, Callable[[], np.ndarray | None]] = {"majority": lambda: np.tile(shares, (len(test), 1))}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        made["tfidf_logistic"] = lambda: _counted(corpus, rows)
        made["frozen_probe"] = lambda: _logistic(rows, lambda at: frozen[rows.text[at]] * 5)
    return made


def _counted(corpus: Corpus, rows: TextRows) -> np.ndarray | None:
    """Test probabilities of a regression on counted words; None where there is none."""
    words = _words([corpus.texts[i] for i in rows.text[rows.rows("train")]])
    return _logistic(rows, lambda at: words([corpus.texts[i] for i in rows.text[at]])) if words else None


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
    """Popularity, the nearest text as the untrained base reads it, and the nearest centroids, on the test rows."""
    train, test = rows.rows("train"), rows.rows("test")
    popular = np.bincount(rows.target[train], minlength=len(corpus.product_ids)).astype(np.float32)
    said = [corpus.texts[i] for i in rows.text[train]]
    words = _words(said) if said else None

    def counted(texts: np.ndarray) -> Any:
        assert words is not None
        return words([corpus.texts[i] if i >= 0 else "" for i in texts])

    near = _unit(rows_of(frozen, corpus.product_text)).T
    scorers: dict[str, Score] = {
        "popularity": lambda at: np.tile(popular, (len(at), 1)),
        "frozen_nearest": lambda at: _unit(frozen[rows.text[at]]) @ near,
    }
    if words:
        scorers["tfidf_centroids"] = _centroids(corpus, rows, counted, popular)
    if len(train):
        scorers["frozen_centroids"] = _centroids(corpus, rows, lambda texts: rows_of(frozen, texts), popular)
    return {name: metrics.recall(_ranked(corpus, rows, test, score)) for name, score in scorers.items()}


def _centroids(corpus: Corpus, rows: TextRows, read: Callable[[np.ndarray], Any], popular: np.ndarray) -> Score:
    """The likeness of a review to what was said of each product in training: the centroid of its reviews and its own text.

    `read` gives vectors for texts by their places. How much the product's own text and its popularity count is chosen on the
    validation rows.
    """
    from scipy.sparse import csr_matrix
    from sklearn.preprocessing import normalize

    train, validation = rows.rows("train"), rows.rows("validation")
    of_product = csr_matrix((np.ones(len(train)), (rows.target[train], np.arange(len(train)))), shape=(len(popular), len(train)))
    said, own = of_product @ normalize(read(rows.text[train])), normalize(read(corpus.product_text))
    often, best = np.log1p(popular) / max(1.0, float(np.log1p(popular).max())), -1.0

    def likeness(at: np.ndarray, centroids: Any) -> np.ndarray:
        found = normalize(read(rows.text[at])) @ centroids.T
        made: np.ndarray = found.toarray() if hasattr(found, "toarray") else found
        return made

    place = tie_places(corpus.product_ids)
    for text in TEXT_WEIGHTS:
        centroids, hits = normalize(said + text * own), np.zeros(len(POPULAR_WEIGHTS))
        for part in _parts(validation):
            near = likeness(part, centroids)
            hits += [(ranks(near + weight * often, rows.target[part], place) < 10).sum() for weight in POPULAR_WEIGHTS]
        if hits.max() > best:
            best, chosen = float(hits.max()), (centroids, POPULAR_WEIGHTS[int(hits.argmax())])
    centroids, weight = chosen
    return lambda at: likeness(at, centroids) + weight * often


def _parts(at: np.ndarray) -> list[np.ndarray]:
    """These rows in parts whose scores of all products fit the memory."""
    return [at[i : i + PART] for i in range(0, len(at), PART)]


def _ranked(corpus: Corpus, rows: TextRows, at: np.ndarray, score: Score) -> np.ndarray:
    """The 0-based rank of the right product for these rows."""
    place = tie_places(corpus.product_ids)
    found: np.ndarray = np.concatenate([np.zeros(0, np.int64), *(ranks(score(part), rows.target[part], place) for part in _parts(at))])
    return found


def _unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9))
