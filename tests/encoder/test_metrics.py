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


def test_an_interval_holds_the_value_and_a_clear_difference_excludes_zero():
    random = np.random.default_rng(0)
    found = metrics.mean(random.normal(1, 1, 300)).minus(metrics.mean(random.normal(0, 1, 300)))
    assert 0 < found["low"] < found["value"] < found["high"]


def test_a_difference_is_paired_row_by_row():
    random = np.random.default_rng(0)
    rows = random.normal(0, 5, 200)
    better, worse = metrics.mean(rows + 0.1), metrics.mean(rows)
    assert better["low"] < worse["high"]
    found = better.minus(worse)
    assert [found["value"], found["low"], found["high"]] == pytest.approx([0.1, 0.1, 0.1])


def test_the_difference_of_a_figure_that_is_no_mean_is_that_of_its_resamples():
    random = np.random.default_rng(1)
    truth, good, bad = random.integers(0, 2, 150), random.normal(0, 1, 150), random.normal(0, 1, 150)
    good = good + 2 * truth
    found = metrics.area(truth, good).minus(metrics.area(truth, bad))
    draws = np.random.default_rng(0)
    again = [metrics.auc(truth[i], good[i]) - metrics.auc(truth[i], bad[i]) for i in (draws.integers(0, 150, 150) for _ in range(500))]
    assert [found["low"], found["high"]] == pytest.approx(np.percentile(again, [2.5, 97.5]))


def test_figures_of_different_rows_have_no_difference():
    with pytest.raises(AssertionError, match="same rows"):
        metrics.mean(np.zeros(3)).minus(metrics.mean(np.zeros(4)))


def test_a_group_of_the_rows_has_the_figure_of_its_rows():
    values = np.arange(10.0)
    found = metrics.mean(values).among(np.array([1, 2, 3]))
    assert (found["value"], found["n"]) == (2.0, 3) and found["low"] >= 1
