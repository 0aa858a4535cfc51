"""The rival trained alone reads as much of its task, in as many steps, as the joint training does."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_shop import fill

from workbench.encoder.batches import Epochs
from workbench.encoder.corpus import read_corpus
from workbench.encoder.recipe import Recipe
from workbench.encoder.singly import only


@pytest.fixture
def corpus(store):
    fill(store)
    return read_corpus(store)


def epochs(corpus):
    features = SimpleNamespace(backbone=None, tokens=[[1]] * len(corpus.texts), lengths=np.ones(len(corpus.texts), np.int64))
    return Epochs(corpus, features, Recipe())


def test_one_task_is_left_with_its_rows_as_they_were(corpus):
    alone = only(corpus, "sentiment")
    assert list(alone.text_rows) == ["sentiment"] and not alone.user_rows and alone.next_item is None
    assert alone.text_rows["sentiment"] is corpus.text_rows["sentiment"] and alone.texts is corpus.texts
    assert only(corpus, "next_item").next_item and not only(corpus, "next_item").text_rows


@pytest.mark.parametrize("task", ["sentiment", "category", "next_item", "return"])
def test_an_epoch_alone_has_the_steps_of_the_joint_one(corpus, task):
    joint = epochs(corpus)
    assert epochs(only(corpus, task, joint.batches)).steps == joint.steps
    assert epochs(only(corpus, task)).steps <= joint.steps
