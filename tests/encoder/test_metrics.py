import numpy as np
import pytest

from workbench.encoder import metrics


def test_macro_f1_agrees_with_scikit_learn():
    from sklearn.metrics import f1_score

    random = np.random.default_rng(0)
    truth, guess = random.integers(0, 3, 200), random.integers(0, 3, 200)
    assert metrics.macro_f1(truth, guess, 3) == pytest.approx(f1_score(truth, guess, average="macro"))


def test_auc_agrees_with_scikit_learn_with_ties():
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    truth, score = random.integers(0, 2, 200), random.integers(0, 9, 200)
    assert metrics.auc(truth, score) == pytest.approx(roc_auc_score(truth, score))


def test_ties_count_against_and_seen_items_are_left_out():
    scores = np.array([[3.0, 1.0, 1.0, 0.0]])
    assert metrics.ranks(scores, np.array([1])).tolist() == [2]
    assert metrics.ranks(scores, np.array([1]), [[0, 2]]).tolist() == [0]


def test_ndcg_of_the_second_place():
    assert metrics.ndcg(np.array([0, 1, 10])).tolist() == pytest.approx([1.0, 1 / np.log2(3), 0.0])


def test_an_interval_holds_the_value_and_a_clear_difference_excludes_zero():
    random = np.random.default_rng(0)
    found = metrics.paired(random.normal(1, 1, 300), random.normal(0, 1, 300))
    assert 0 < found["low"] < found["value"] < found["high"]
