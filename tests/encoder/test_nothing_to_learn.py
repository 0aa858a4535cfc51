"""Tasks without a row or a word to learn from are passed over, and no task at all is said before a step is taken."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_shop import fill

from workbench.encoder.baselines import texts
from workbench.encoder.batches import Epochs
from workbench.encoder.corpus import TextRows, read_corpus
from workbench.encoder.recipe import Recipe
from workbench.encoder.wordcount import Words
from workbench.errors import WorkbenchError
from workbench.tasks.base import tasks


def epochs(corpus):
    features = SimpleNamespace(backbone=None, lengths=np.ones(len(corpus.texts), np.int64))
    return Epochs(corpus, features, Recipe())


def test_a_question_about_users_that_has_no_training_rows_is_not_asked(store):
    fill(store, reviews=False)
    corpus = read_corpus(store, ["return", "next_item"])
    corpus.user_rows["return"].split[:] = "test"
    step = next(epochs(corpus)(0))
    assert step.users is not None and step.questions == {}
    corpus.next_item = None
    with pytest.raises(WorkbenchError, match="No task has rows to learn from"):
        epochs(corpus)


EMOJI = ["👍" if i % 2 else "👎" for i in range(60)]
RARE = [f"word{i}" for i in range(400)]


@pytest.mark.parametrize("said", [EMOJI, RARE])
def test_texts_without_a_word_that_counts_say_nothing_of_a_label(said):
    truth, words = np.arange(len(said)) % 2, Words(2)
    words.weight += 1.0
    words.fit((said, truth), (said[:10], truth[:10]), 1)
    words.fit_answered((said, truth), (EMOJI[:10], np.full((10, 2), 0.5)), 1)
    assert torch.equal(words(said), torch.zeros(len(said), 2))


@pytest.mark.parametrize("said", [EMOJI, RARE])
def test_the_simple_methods_do_without_words(said):
    n = len(said)
    split = np.array(["train"] * (n - 20) + ["validation"] * 10 + ["test"] * 10)
    rows = TextRows(tasks()["sentiment"], np.arange(n), np.arange(n) % 2, split, said, ["negative", "positive"])
    found = texts.classify(SimpleNamespace(texts=said), rows, np.eye(n, 8, dtype=np.float32))
    assert set(found) == {"majority", "frozen_probe"}
