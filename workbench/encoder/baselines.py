"""The simple things people use, on the same rows as the model: each task's baselines with intervals.

`majority`, `tfidf_logistic` (1- and 2-grams of words, balanced), `frozen_probe` (the untrained base
with balanced logistic regression), `popularity`, `item_neighbours` (cosine of co-occurrence, Sarwar
et al. 2001), `rfm_boosting` (recency, frequency, monetary value; histogram gradient boosting).
Their settings are chosen on the validation split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus, TextRows, UserRows, numbers, rows_of
from workbench.encoder.evaluate import held_users
from workbench.encoder.metrics import Metric

Found = dict[str, dict[str, Metric]]
STRENGTHS = (0.1, 1.0, 10.0)


def baselines(corpus: Corpus, frozen: np.ndarray, report: Callable[[float], None] = lambda done: None) -> dict[str, Found]:
    """Baselines of every task on its test rows; `frozen` (texts, width) is the untrained base's reading."""
    made: dict[str, Found] = {}
    total = len(corpus.text_rows) + len(corpus.user_rows) + 1
    for name, rows in corpus.text_rows.items():
        report(len(made) / total)
        made[name] = _contrast(corpus, rows, frozen) if rows.task.objective == "contrast" else _classify(corpus, rows, frozen)
    for name, found in corpus.user_rows.items():
        report(len(made) / total)
        made[name] = _binary(corpus, found)
    if corpus.next_item:
        made[corpus.next_item.name] = {name: metrics.ranking(rank) for name, rank in next_item_ranks(corpus).items()}
    return made


# -- texts -----------------------------------------------------------------------------------


def _classify(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
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


def _contrast(corpus: Corpus, rows: TextRows, frozen: np.ndarray) -> Found:
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


# -- users -----------------------------------------------------------------------------------


def _binary(corpus: Corpus, rows: UserRows) -> Found:
    from sklearn.ensemble import HistGradientBoostingClassifier

    train, test = rows.rows("train"), rows.rows("test")
    truth = rows.target[test]
    made = {"majority": {"auc": metrics.area(truth, np.zeros(len(test)))}}
    if len(np.unique(rows.target[train])) > 1 and len(test):
        told = np.stack([numbers(corpus.users[u], int(e), float(n)) for u, e, n in zip(rows.user, rows.end, rows.now, strict=True)])
        model = HistGradientBoostingClassifier(max_iter=60, max_depth=3, random_state=0).fit(told[train], rows.target[train])
        made["rfm_boosting"] = {"auc": metrics.area(truth, model.predict_proba(told[test])[:, 1])}
    return made


def next_item_ranks(corpus: Corpus, split: str = "test") -> dict[str, np.ndarray]:
    """Ranks of the held-out products by popularity and by item neighbours, (users,) each."""
    from scipy.sparse import csr_matrix

    users, ends, target = held_users(corpus, split)
    n = len(corpus.product_ids)

    def matrix(taken: list[np.ndarray]) -> Any:
        rows = np.repeat(np.arange(len(taken)), [len(t) for t in taken])
        return csr_matrix((np.ones(len(rows)), (rows, np.concatenate([*taken, np.zeros(0, np.int64)]))), shape=(len(taken), n))

    bought = matrix([np.unique(u.product[: u.train_end][u.target[: u.train_end]]) for u in corpus.users])
    known = [corpus.taken(u, end) for u, end in zip(users, ends, strict=True)]
    popular = np.asarray(bought.sum(0)).ravel()
    length = np.sqrt(np.maximum(popular, 1))
    alike = (bought.T @ bought).tocsr()
    alike.setdiag(0)
    alike = alike.multiply(1 / length[:, None]).multiply(1 / length[None]).tocsr()
    ranks: dict[str, list[np.ndarray]] = {"popularity": [], "item_neighbours": []}
    for at in range(0, len(users), 256):
        part = slice(at, at + 256)
        seen = [k.tolist() for k in known[part]]
        near = (matrix(known[part]) @ alike).toarray()
        ranks["popularity"].append(metrics.ranks(np.tile(popular, (len(seen), 1)), target[part], seen))
        ranks["item_neighbours"].append(metrics.ranks(near, target[part], seen))
    return {name: np.concatenate([np.zeros(0, np.int64), *found]) for name, found in ranks.items()}
