from collections import Counter

import numpy as np
import pytest
from small_shop import make_home

from workbench.encoder.batches import Epochs
from workbench.encoder.corpus import read_corpus
from workbench.encoder.recipe import Recipe
from workbench.encoder.sampling import drawn, passes
from workbench.shop.store import Store


class Lengths:
    """Stands for the features of n texts: their lengths."""

    def __init__(self, n: int) -> None:
        self.lengths, self.backbone = np.ones(n, np.int64), None

    def words(self, text):
        return [0]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("shop"))
    with Store.open(home) as store:
        return read_corpus(store, ["sentiment", "category"])


@pytest.fixture
def random():
    return np.random.default_rng(3)


def read(corpus, sampling, epochs=20):
    """How often each training row is read by `epochs` epochs: of reviews, of products."""
    made = Epochs(corpus, Lengths(len(corpus.texts)), Recipe(sampling=sampling, batch_texts=4))
    counts: dict[int, Counter[int]] = {}

    def note(found, rows, random):
        counts.setdefault(len(found.texts), Counter()).update(rows.tolist())

    made._texts = note
    for epoch in range(epochs):
        list(made(epoch))
    small, large = sorted(counts)
    return counts[large], counts[small], (large, small)


def test_in_proportion_every_row_is_read_once_and_small_sets_as_batches_need(corpus):
    reviews, products, (large, small) = read(corpus, "proportional", epochs=1)
    assert len(reviews) == large and set(reviews.values()) <= {1, 2} and sum(reviews.values()) < large + 4
    assert len(products) == small < large


@pytest.mark.parametrize(("sampling", "power"), [("proportional", 1.0), ("square_root", 0.5), ("equal", 0.0)])
def test_an_epoch_reads_tasks_as_the_recipe_says(corpus, sampling, power):
    made = Epochs(corpus, Lengths(len(corpus.texts)), Recipe(sampling=sampling))
    reviews, products = sorted((float(t.sum()), len(t)) for t in made.times[:2])[::-1]
    assert reviews[0] + products[0] == pytest.approx(reviews[1] + products[1]), "an epoch reads as many rows in all"
    assert reviews[0] / products[0] == pytest.approx((reviews[1] / products[1]) ** power)


def test_what_an_epoch_leaves_out_another_one_reads(corpus):
    reviews, _, (large, _) = read(corpus, "equal")
    assert len(reviews) == large and min(reviews.values()) >= 3


def test_rows_are_drawn_as_often_as_they_are_due(random):
    times = np.array([1.0, 2.5, 0.25, 0.0])
    found = Counter(np.concatenate([drawn(times, random) for _ in range(400)]).tolist())
    assert found[0] == 400 and found[1] == pytest.approx(1000, abs=40) and found[2] == pytest.approx(100, abs=35) and 3 not in found
    assert sorted(drawn(np.array([2.0, 2.0]), random)[:2].tolist()) == [0, 1]


def test_an_epoch_reads_histories_less_often_where_there_is_much_to_learn_from():
    assert [passes(targets, 5) for targets in (0, 1_000, 20_000, 60_000, 10**7)] == [5, 5, 2, 1, 1]
