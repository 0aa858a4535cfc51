"""All of a shop in one space: vectors of products, reviews and users and every task's predictions, written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np

from workbench.encoder.corpus import Corpus, UserRows
from workbench.encoder.evaluate import Reader
from workbench.shop.space import SpaceWriter, write_space
from workbench.shop.text_sums import TextSums

NOTHING: TextSums = MappingProxyType({})
ROWS_PER_PART = 20_000
Report = Callable[[float, str], None]


def write_vectors(reader: Reader, path: Path, report: Report = lambda done, step: None, sums: TextSums = NOTHING) -> None:
    """Write the version's `vectors.duckdb`: what pages read instead of asking a model.

    `sums` are those of the snapshot's texts; without them no row is ever seen to have changed.
    """
    corpus, model = reader.corpus, reader.model
    users = [u for u in corpus.users if len(u.product)]
    with write_space(path) as space:
        report(0.0, "writing the vectors of the products")
        space.settings(scale=float(model.user_scale.detach()), review_scale=float(model.review_scale.detach()))
        bias = model.bias.detach().cpu().numpy()
        space.vectors("products", corpus.product_ids, reader.products.cpu().numpy(), bias, sums.get("products", {}))
        space.companions(corpus.product_ids, model.companions.companions())
        read = np.flatnonzero(corpus.review_text >= 0)
        for part in _parts(len(read)):
            report(0.4 * part.start / max(1, len(read)), f"writing the vectors of {len(read):,} reviews")
            rows = read[part]
            space.vectors("reviews", [corpus.review_ids[i] for i in rows], reader.reviews(rows), sums=sums.get("reviews", {}))
        for part in _parts(len(users)):
            report(0.4 + 0.2 * part.start / max(1, len(users)), f"writing the vectors of {len(users):,} users")
            chosen = users[part]
            space.vectors("users", [u.user for u in chosen], reader.users(chosen, [len(u.product) for u in chosen])[0])
        for at, name in enumerate(corpus.labels):
            for done in _write_predictions(reader, space, name, sums):
                report(0.6 + 0.4 * (at + done) / len(corpus.labels), f"writing the predictions of {name}")


def _parts(count: int) -> list[slice]:
    """Rows in parts that are written one after the other; one empty part where there are none, so that the table is there."""
    return [slice(at, at + ROWS_PER_PART) for at in range(0, max(1, count), ROWS_PER_PART)]


def _write_predictions(reader: Reader, space: SpaceWriter, name: str, sums: TextSums) -> Iterator[float]:
    """The probabilities of a task's labels for each row of the task's table; yields, before each part, which share is written."""
    corpus = reader.corpus
    if name in corpus.user_rows:
        yield 0.0
        keys, answers = _answers_now(reader, corpus.user_rows[name])
        space.predictions(name, corpus.labels[name], keys, answers)
        return
    table = corpus.text_rows[name].task.predicts or ""
    index = _texts_of(corpus, table)
    told, places = list(index), np.array(list(index.values()), np.int64)
    for part in _parts(len(told)):
        yield part.start / max(1, len(told))
        probabilities = reader.probabilities(name, places[part])
        shown = reader.model.text_head(name).choose(probabilities)
        space.predictions(name, corpus.labels[name], told[part], probabilities, shown, sums.get(table, {}))


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
