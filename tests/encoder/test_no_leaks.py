"""Markers planted in the rows of validation and test can be found in nothing that is learned from."""

import numpy as np
import pytest
from small_shop import fill

from workbench.encoder import baselines
from workbench.encoder.backbone import Backbone
from workbench.encoder.batches import Epochs, steps_of, without_last
from workbench.encoder.build import build
from workbench.encoder.corpus import UserSteps, read_corpus
from workbench.encoder.features import Features
from workbench.encoder.recipe import Recipe
from workbench.encoder.scratch import make_base
from workbench.encoder.wide import fit_wide
from workbench.tasks.histories import histories
from workbench.tasks.splits import split_of
from workbench.tasks.texts import product_texts, review_splits

MARK = "zqxleak"
RECIPE = Recipe(base="scratch", top_layers=-1, vocabulary=400, own_layers=1, own_width=64, max_length=32, masked_words=True, user_passes=1)


def told(text: str) -> str:
    """The text, with a marker where its hash holds it out."""
    return f"{MARK} {text}" if split_of(f"{MARK} {text}") != "train" and split_of(text) != "train" else text


def plant(store) -> None:
    """Held-out purchases become products of their own, held-out reviews, products, tickets and labels get a marked text."""
    with store.transaction() as cursor:
        for i in range(120):
            text = next(t for n in range(99) if split_of(t := told(f"where is order {i} {n}")) == "train" or MARK in t)
            cursor.execute("INSERT INTO tickets (ticket_id, body, intent) VALUES (?, ?, ?)", [f"t{i}", text, ["where", "back"][i % 2]])
            text = next(t for n in range(99) if split_of(t := told(f"mood {i} {n}")) == "train" or MARK in t)
            cursor.execute(
                "INSERT INTO labels (label_id, task, text, label, upload, created_at) VALUES (?, 'mood', ?, ?, 'u', now()::TIMESTAMP)",
                [f"l{i}", text, ["a", "b"][i % 2]],
            )
        cursor.execute("INSERT INTO products (product_id) VALUES ('silent')")
        cursor.execute("UPDATE reviews SET product_id = 'silent' WHERE hash(review_id) % 4 = 0")
    rows = {key: (product, when) for key, product, when in store.rows("SELECT event_id, product_id, happened_at FROM events")}
    held = {(h.user, h.times[at]) for h in histories(store) for s in ("validation", "test") if (at := h.held(s)) is not None}
    users = dict(store.rows("SELECT event_id, user_id FROM events"))
    with store.transaction() as cursor:
        for event, (_, when) in rows.items():
            if (users[event], when) in held:
                cursor.execute("INSERT INTO products (product_id, title) VALUES (?, ?)", [f"{MARK}{event}", "guitar"])
                cursor.execute("UPDATE events SET product_id = ? WHERE event_id = ?", [f"{MARK}{event}", event])
    with store.transaction() as cursor:
        for key, split in review_splits(store).items():
            if split != "train":
                cursor.execute("UPDATE reviews SET title = ?, body = ? || ' ' || body WHERE review_id = ?", [MARK, MARK, key])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """(corpus, the planted shop's product texts)."""
    from workbench.home import Home
    from workbench.shop.store import Store

    with Store.open(Home.find(tmp_path_factory.mktemp("planted")).make()) as store:
        fill(store)
        plant(store)
        yield read_corpus(store), product_texts(store)


@pytest.fixture(scope="module")
def epochs(shop, tmp_path_factory):
    """(what an epoch reads: texts, steps; the base it is read with)."""
    corpus, _ = shop
    folder = make_base([corpus.texts[i] for i in corpus.open_texts], RECIPE, tmp_path_factory.mktemp("base") / "base")
    features = Features(Backbone.of(RECIPE, folder), corpus.texts, folder / "features.npy", readers=corpus.readers)
    read: list[int] = []
    batch = features.batch
    features.batch = lambda rows: (read.extend(int(i) for i in rows), batch(rows))[1]
    steps = list(Epochs(corpus, features, RECIPE)(0))
    return [corpus.texts[i] for i in read], steps, folder


def marked_products(corpus) -> np.ndarray:
    return np.array([i for i, key in enumerate(corpus.product_ids) if MARK in key])


def test_there_are_markers_to_be_found_and_rows_without_to_learn_from(shop):
    corpus, _ = shop
    for rows in corpus.text_rows.values():
        marked = np.array([MARK in corpus.texts[i] for i in rows.text])
        assert marked.any() or rows.task.name == "category", rows.task.name
        assert not marked[rows.rows("train")].any() and len(rows.rows("train"))
    assert len(marked_products(corpus)) > 200 and corpus.held_reviews.sum() > 20


def test_no_training_batch_reads_a_marked_text(epochs):
    texts, steps, _ = epochs
    assert len(texts) > 300 and not [text for text in texts if MARK in text]
    assert all(step.masked is not None for step in steps)


def test_no_history_holds_a_marked_product_or_review(shop, epochs):
    corpus, _ = shop
    marked, found = marked_products(corpus), 0
    for step in epochs[1]:
        parts = [step.users.steps, *(question.steps for question in step.questions.values())]
        for steps in parts:
            assert not np.isin(steps.product, marked).any() and not np.isin(steps.older, marked).any()
            met = steps.review[steps.review >= 0].unique().tolist()
            found += len(met)
            assert not [i for i in met if MARK in corpus.texts[corpus.review_text[i]]]
        assert not np.isin(step.users.target, marked).any()
    assert found


def test_what_is_held_out_is_not_among_what_was_met_before_a_short_window_either():
    product = np.array([1, 2, 3, 4, *[1] * 30])
    days, target = np.arange(34.0), np.array([True] * 4 + [False] * 30)
    none = np.full(34, -1)
    user = UserSteps("u", product, none, np.full(34, 3), none, days, target, 2, {"validation": 2, "test": 3})
    steps = steps_of([without_last(user, 34)], [(14, 34)], 20)
    assert steps.older.tolist() == [1, 2] and (steps.product == -1).all() and (steps.kind == 3).all()


def test_no_count_of_an_item_knows_a_marked_product(shop):
    corpus, _ = shop
    assert not corpus.counts()[marked_products(corpus)].any() and corpus.counts().any()


def test_no_product_s_text_vocabulary_or_masked_text_has_the_marker(shop, epochs):
    corpus, products = shop
    assert products["silent"] and not [text for text in products.values() if MARK in text]
    assert not [i for i in corpus.open_texts if MARK in corpus.texts[i]] and len(corpus.open_texts) > 200
    assert not [i for i in corpus.masked_texts("train") if MARK in corpus.texts[i]]
    assert [i for i in corpus.masked_texts("test") if MARK in corpus.texts[i]]
    assert MARK[:4] not in (epochs[2] / "tokenizer.json").read_text()


def test_no_word_of_a_marked_text_is_counted(shop, epochs, monkeypatch):
    corpus, _ = shop
    counted: list[str] = []
    monkeypatch.setattr("workbench.encoder.wordcount.Words.fit", lambda self, train, validation, seed: counted.extend(train[0]))
    fit_wide(build(corpus, RECIPE, Backbone.of(RECIPE, epochs[2])), corpus, 1)
    assert counted and not [text for text in counted if MARK in text]


def test_no_baseline_is_fitted_to_a_marked_text(shop, monkeypatch):
    corpus, _ = shop
    fitted: list[str] = []
    from sklearn.feature_extraction.text import TfidfVectorizer

    fit = TfidfVectorizer.fit
    monkeypatch.setattr(TfidfVectorizer, "fit", lambda self, texts: (fitted.extend(texts), fit(self, texts))[1])
    baselines.baselines(corpus, np.random.default_rng(0).normal(size=(len(corpus.texts), 8)).astype(np.float32))
    assert fitted and not [text for text in fitted if MARK in text]
