"""All of a shop in one space: vectors of products, reviews and users and every task's predictions, written once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.encoder.corpus import Corpus, UserRows
from workbench.encoder.evaluate import Reader
from workbench.shop.space import write_space


def write_vectors(reader: Reader, path: Path) -> None:
    """Write the version's `vectors.duckdb`: what pages read instead of asking a model."""
    corpus, model = reader.corpus, reader.model
    users = [u for u in corpus.users if len(u.product)]
    with write_space(path) as space:
        space.settings(scale=float(model.user_scale.detach()), review_scale=float(model.review_scale.detach()))
        space.vectors("products", corpus.product_ids, reader.products.cpu().numpy(), model.bias.detach().cpu().numpy())
        read = np.flatnonzero(corpus.review_text >= 0)
        space.vectors("reviews", [corpus.review_ids[i] for i in read], reader.reviews.cpu().numpy()[read])
        space.vectors("users", [u.user for u in users], reader.users(users, [len(u.product) for u in users])[0])
        for name, labels in corpus.labels.items():
            keys, probabilities = _predict(reader, name)
            shown = probabilities.argmax(1) if name in corpus.user_rows else model.text_head(name).choose(probabilities)
            space.predictions(name, labels, keys, probabilities, shown)


def _predict(reader: Reader, name: str) -> tuple[list[str], np.ndarray]:
    """The keys of the task's table and the probabilities of its labels for each."""
    corpus = reader.corpus
    if name in corpus.user_rows:
        return _answers_now(reader, corpus.user_rows[name])
    index = _texts_of(corpus, corpus.text_rows[name].task.predicts or "")
    return list(index), reader.probabilities(name, np.array(list(index.values()), np.int64))


def _texts_of(corpus: Corpus, table: str) -> dict[str, int]:
    if table == "products":
        found = dict(zip(corpus.product_ids, corpus.product_text.tolist(), strict=True))
    elif table == "reviews":
        found = dict(zip(corpus.review_ids, corpus.review_text.tolist(), strict=True))
    else:
        found = corpus.tickets
    return {key: index for key, index in found.items() if index >= 0}


def _answers_now(reader: Reader, rows: UserRows) -> tuple[list[str], np.ndarray]:
    """The task asked of every user at the shop's last day."""
    corpus = reader.corpus
    place = np.flatnonzero([len(u.product) > 0 for u in corpus.users])
    ends = np.array([len(corpus.users[i].product) for i in place], np.int64)
    now = np.full(len(place), corpus.now)
    asked = UserRows(rows.task, place, ends, now, np.zeros(len(place), np.int64), np.array(["now"] * len(place)), rows.labels)
    yes = reader.answers(asked, np.arange(len(place)))
    return [corpus.users[i].user for i in place], np.stack([1 - yes, yes], 1)
