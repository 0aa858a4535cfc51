"""How a version's figures hold on other texts than it was made for: under noise, and on another shop's reviews."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.encoder.baselines import baselines
from workbench.encoder.corpus import Corpus, reader_of
from workbench.encoder.evaluate import Metrics, differences, measure
from workbench.encoder.noise import NOISES, noisy
from workbench.encoder.towers import JointEncoder
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop.store import Store, open_for_reading
from workbench.tasks.splits import share

MOST_ROWS = 5000
Read = Callable[..., np.ndarray]
Report = Callable[[float, str], None]


def under_noise(model: JointEncoder, corpus: Corpus, pooled: np.ndarray, read: Read, clean: Metrics, report: Report) -> dict[str, Any]:
    """Every task that reads what people write, with noise in it: {task: {noise: metrics, differences, changed}}.

    Noisy are the texts of the test rows and, for tasks on users, the reviews in the histories that are asked about; where these
    hold none such tasks are left out. `read` gives the pooled vectors of texts. Products keep their texts: they are the shop's.
    """
    made: dict[str, Any] = {}
    said = _said_by_users(corpus)
    test = np.unique(np.concatenate([said, *(r.text[r.rows("test")] for r in corpus.text_rows.values())]))
    if not len(test):
        return made
    texts, readers = [corpus.texts[i] for i in test], [corpus.readers[i] for i in test]
    place = np.arange(len(corpus.texts))
    place[test] = len(corpus.texts) + np.arange(len(test))
    for done, kind in enumerate(NOISES):
        report(done / len(NOISES), f"reading {len(texts):,} texts with {kind.replace('_', ' ')}")
        written = noisy(texts, kind)
        changed = replace(
            corpus,
            texts=corpus.texts + written,
            readers=corpus.readers + readers,
            review_text=np.where(corpus.review_text < 0, -1, place[corpus.review_text]),
            text_rows={name: replace(r, text=np.where(r.split == "test", place[r.text], r.text)) for name, r in corpus.text_rows.items()},
        )
        changed = changed if len(said) else replace(changed, user_rows={}, next_item=None)
        share_changed = float(np.mean([a != b for a, b in zip(texts, written, strict=True)]))
        for task, found in measure(model, changed, np.concatenate([pooled, read(written, readers)]), "test").items():
            lost = {name: to["clean"] for name, to in differences(found, {"clean": clean[task]}).items()}
            made.setdefault(task, {})[kind] = {"metrics": found, "differences": lost, "changed": share_changed}
    return made


def _said_by_users(corpus: Corpus) -> np.ndarray:
    """The texts of the reviews in the histories that a task on users is tested on."""
    asked = [rows.user[rows.rows("test")] for rows in corpus.user_rows.values()]
    if corpus.next_item:
        asked.append(np.array([at for at, user in enumerate(corpus.users) if user.held["test"] is not None], np.int64))
    users = np.unique(np.concatenate([np.zeros(0, np.int64), *asked]))
    reviews = np.unique(np.concatenate([np.zeros(0, np.int64), *(corpus.users[at].review for at in users)]))
    texts = corpus.review_text[reviews[reviews >= 0]]
    return np.asarray(texts[texts >= 0])


def on_another_shop(
    model: JointEncoder,
    corpus: Corpus,
    pooled: np.ndarray,
    frozen: np.ndarray,
    read: Read,
    other: Store,
) -> dict[str, Any]:
    """What was learned here on reviews of a shop that it never saw: {task: metrics, baselines, differences}.

    Of the tasks on reviews those whose labels the other shop has too, at most MOST_ROWS rows drawn by hash. The simple
    methods are fitted to this shop's rows; `read` reads by the model's own backbone, or by the untrained one.
    """
    made: dict[str, Any] = {}
    for name, rows in corpus.text_rows.items():
        if rows.task.entity != "review" or rows.task.objective != "classify" or rows.task.missing(other):
            continue
        strange = rows.task.examples(other)
        if strange.labels != rows.labels:
            continue
        chosen = sorted(range(len(strange.keys)), key=lambda i: share(strange.keys[i]))[:MOST_ROWS]
        texts = [strange.texts[i] for i in chosen]
        readers = [reader_of(rows.task.entity)] * len(texts)
        ours = np.flatnonzero(rows.split != "test")
        told = np.array(strange.told if strange.outputs else strange.targets, np.int64)[chosen]
        both = replace(
            rows,
            told=np.concatenate([rows.told[ours], told]),
            text=np.concatenate([rows.text[ours], len(corpus.texts) + np.arange(len(texts))]),
            target=np.concatenate([rows.target[ours], np.array([strange.targets[i] for i in chosen], np.int64)]),
            split=np.concatenate([rows.split[ours], np.array(["test"] * len(texts))]),
            keys=[rows.keys[i] for i in ours] + [strange.keys[i] for i in chosen],
        )
        met = replace(
            corpus, texts=corpus.texts + texts, readers=corpus.readers + readers, text_rows={name: both}, user_rows={}, next_item=None
        )
        found = measure(model, met, np.concatenate([pooled, read(texts, readers)]), "test")[name]
        simple = baselines(met, np.concatenate([frozen, read(texts, readers, trained=False)]))[name]
        made[name] = {"metrics": found, "baselines": simple, "differences": differences(found, simple)}
    return made


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Another shop: a home, or a file of reviews as the importers read them. WorkbenchError where it is neither."""
    if not path.exists():
        raise WorkbenchError(f"There is no home or file {path}.", "Name the home of another shop, or a file of its reviews.")
    if path.is_dir():
        if not (path / "data").is_dir():
            raise WorkbenchError(f"{path} is no home: it has no folder data/.", "Name the home of another shop, or a file of its reviews.")
        with open_for_reading(Home.find(path))[0] as store:
            yield store
        return
    from workbench.shop.importers import import_files

    with tempfile.TemporaryDirectory() as folder, Store.open(Home.find(folder)) as store:
        import_files(store, [path])
        yield store
