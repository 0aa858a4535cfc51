import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.shop.companions import Companions

WEIGHTS = csr_matrix(np.array([[0, 0.5, 0], [0, 0, 0.25], [0, 0, 0]], np.float32))


def row(*places_and_days):
    places, days = zip(*places_and_days, strict=True)
    return np.array(places), np.array(days, float)


def test_each_product_calls_on_its_companions_and_the_share_counts():
    found = Companions(WEIGHTS, share=2.0).scores([row((0, 0), (1, 9)), row((2, 0))])
    assert found.tolist() == [[0, 1.0, 0.5], [0, 0, 0]]


def test_what_was_taken_long_ago_counts_less():
    by_steps = Companions(WEIGHTS, step_life=1.0).scores([row((0, 0), (1, 0))])
    by_days = Companions(WEIGHTS, day_life=3.0).scores([row((0, 0), (1, 6))])
    assert by_steps[0].tolist() == pytest.approx([0, 0.25, 0.25])
    assert by_days[0].tolist() == pytest.approx([0, 0.125, 0.25])


def test_no_step_counts_for_more_than_a_whole_one():
    found = Companions(WEIGHTS, day_life=1.0).scores([row((0, 40), (1, 0))])  # the days of an edited history, out of order
    assert found.max() == pytest.approx(0.5)


def test_nobody_and_nothing_known_add_nothing():
    assert Companions(WEIGHTS).scores([(np.zeros(0, np.int64), np.zeros(0))]).tolist() == [[0, 0, 0]]
    assert Companions(csr_matrix((3, 3), dtype=np.float32)).scores([row((0, 0))]).tolist() == [[0, 0, 0]]
