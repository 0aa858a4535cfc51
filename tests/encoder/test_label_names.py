"""What a label says is learned as an example of it, where rows are few; never what is held out."""

import numpy as np
import pytest

from workbench.encoder.corpus import read_corpus
from workbench.encoder.label_names import in_words, learn_names
from workbench.tasks.splits import split_of


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("lost_or_stolen_card", "lost or stolen card"),
        ("Refund_not_showing_up", "refund not showing up"),
        ("cancelOrder", "cancel order"),
        ("退款", "退款"),
        ("3", ""),
        ("yes", ""),
        ("A", ""),
        ("--", ""),
    ],
)
def test_a_label_in_words(label, said):
    assert in_words(label) == said


@pytest.fixture
def corpus(store):
    """Two labels of 40 rows each; the words of one label are a held-out row's text."""
    with store.transaction() as cursor:
        for label in ("late parcel", "1"):
            cursor.execute(
                "INSERT INTO labels (label_id, task, text, label, upload, created_at) "
                "SELECT ? || i, 'trouble', ? || ' said ' || i, ?, 'one', now()::TIMESTAMP FROM range(40) t(i)",
                [label, label, label],
            )
    return read_corpus(store)


def test_each_label_that_says_something_gets_one_row(corpus):
    before = corpus.text_rows["trouble"]
    learn_names(corpus, ["trouble"])
    rows = corpus.text_rows["trouble"]
    assert rows.keys[: len(before.keys)] == before.keys and rows.keys[len(before.keys) :] == ["name:late parcel"]
    assert corpus.texts[rows.text[-1]] == "late parcel" and rows.labels[rows.target[-1]] == "late parcel"
    assert rows.split[-1] == "train" and np.array_equal(rows.told, rows.target)
    assert len(corpus.texts) == len(corpus.readers) and corpus.readers[rows.text[-1]] == "review"
    for split in ("validation", "test"):
        assert np.array_equal(rows.rows(split), before.rows(split))


def test_words_that_are_held_out_are_not_learned(corpus):
    rows = corpus.text_rows["trouble"]
    held = next(i for i in rows.rows("test"))
    corpus.texts[rows.text[held]] = "late parcel"
    learn_names(corpus, ["trouble"])
    assert corpus.text_rows["trouble"] is rows and split_of("late parcel") in ("train", "validation", "test")


def test_stars_have_no_names(store):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) VALUES ('p', 'thing')")
        cursor.execute(
            "INSERT INTO reviews (review_id, product_id, rating, body) SELECT 'r' || i, 'p', 1 + i % 5, 'words ' || i FROM range(200) t(i)"
        )
    corpus = read_corpus(store)
    rows = corpus.text_rows["sentiment"]
    learn_names(corpus, ["sentiment"])
    assert corpus.text_rows["sentiment"] is rows


def test_a_name_is_learned_at_every_level_of_its_path(store):
    with store.transaction() as cursor:
        for place, path in enumerate(("Audio", "Audio > Headphones", "Garden")):
            cursor.execute(
                "INSERT INTO products (product_id, title, category) SELECT ? || i, ? || i, ? FROM range(8) t(i)",
                [f"p{place}-", f"thing {place} number ", path],
            )
    corpus = read_corpus(store)
    before = corpus.text_rows["category"]
    learn_names(corpus, ["category"])
    rows = corpus.text_rows["category"]
    assert rows.outputs == before.outputs and rows.outputs.targets[1] == [[0, 1], [1]]
    assert rows.keys[-3:] == ["name:Audio", "name:Audio > Headphones", "name:Garden"]
    assert np.array_equal(rows.told, rows.target) and len(rows.told) == len(before.told) + 3
