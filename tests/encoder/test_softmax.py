import numpy as np
import pytest
import torch
from small_shop import prepared
from torch.nn import functional as F

from workbench.encoder import softmax
from workbench.encoder.batches import Epochs
from workbench.encoder.objectives import JointLoss, twins_of
from workbench.encoder.softmax import ProductLoss, Shelf, fits, note, without_twins
from workbench.encoder.train import read_last


@pytest.fixture
def small(monkeypatch):
    """A memory that 60 products do not fit into, of which 30 are drawn."""
    monkeypatch.setattr(softmax, "MOST_BYTES", 0)
    monkeypatch.setattr(softmax, "SAMPLED", 30)


def logits():
    random = np.random.default_rng(0)
    return torch.from_numpy(random.normal(0, 1, (4, 60))).float(), torch.tensor([3, 0, 59, 3])


def told_by(loss, told, target, twins=None):
    """The loss of a step whose scores are `told` (rows, products), and the logits that it gives out."""
    shelf = loss.shelf([target], lambda places: told.T if places is None else told.T[places])
    return loss(shelf, target, lambda at: shelf.part(at)[0].T, twins)


def test_a_catalogue_that_fits_is_scored_whole():
    told, target = logits()
    loss, whole = told_by(ProductLoss(torch.ones(60)), told, target)
    assert loss == F.cross_entropy(told, target) and torch.equal(whole, told)
    assert fits(10_000) and note(10_000) is None


@pytest.mark.parametrize("twins", [None, torch.arange(60) // 2])
def test_a_sample_has_the_whole_sum_of_wrong_products_on_average(small, twins):
    torch.manual_seed(0)
    told, target = logits()
    loss = ProductLoss(torch.arange(60))
    made = torch.stack([told_by(loss, told, target, twins)[0] for _ in range(3000)])
    whole = F.cross_entropy(told if twins is None else without_twins(told, target, twins), target)
    assert told_by(loss, told, target, twins)[1] is None
    assert made.std() > 0 and float(made.mean()) == pytest.approx(float(whole), abs=0.05)


def test_products_with_the_same_text_do_not_count_against_each_other():
    twins = torch.from_numpy(twins_of(np.array([4, 4, -1, -1, 2])))
    found = without_twins(torch.zeros(2, 5), torch.tensor([0, 2]), twins)
    assert torch.isinf(found).tolist() == [[False, True, False, False, False], [False] * 5]


def test_a_shelf_knows_where_its_products_stand():
    shelf = Shelf(torch.zeros(3, 2), torch.tensor([4, 7, 9]))
    assert shelf.at(torch.tensor([[9, -1], [4, 7]])).tolist() == [[2, -1], [0, 1]]
    everything = torch.tensor([[5, -1]])
    assert torch.equal(Shelf(torch.zeros(9, 2)).at(everything), everything)


def test_a_step_looks_at_no_more_products_than_it_needs(small):
    about, asked = torch.tensor([[5, -1], [59, 5]]), []
    shelf = ProductLoss(torch.ones(60)).shelf([about], lambda places: asked.append(places) or torch.zeros(len(places), 2))
    assert len(asked) == 1 and torch.equal(asked[0], shelf.places) and {5, 59} <= set(shelf.places.tolist())
    assert len(shelf.places) <= 30 + 2 and (shelf.places[1:] > shelf.places[:-1]).all()


def test_a_sampled_catalogue_is_said_to_be_one(small):
    assert "30 products drawn by popularity" in note(60) and "all 60" in note(60)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A corpus, its model, a step, and what learning looks up, of a shop whose reviews and purchases are learned from."""
    recipe, made = prepared(tmp_path_factory.mktemp("shop"), precision="fp32")
    read = read_last(made.corpus, made.features.pooled(), torch.device("cpu"))
    return made.corpus, made.model.eval(), recipe, next(iter(Epochs(made.corpus, made.features, recipe)(0))), read


def test_a_step_over_a_sample_has_the_losses_of_one_over_the_whole_catalogue(learned, monkeypatch):
    corpus, model, recipe, step, read = learned
    whole = JointLoss(model, corpus, recipe)(step, read)
    monkeypatch.setattr(softmax, "MOST_BYTES", 0)
    monkeypatch.setattr(softmax, "SAMPLED", 20_000)  # every product is drawn, each with a chance of nearly 1
    sampled = JointLoss(model, corpus, recipe)(step, read)
    assert {"next_item", "review_to_product", "return"} <= set(whole) == set(sampled)
    for name, loss in whole.items():
        assert sampled[name].item() == pytest.approx(loss.item(), rel=1e-4), name


def test_no_step_makes_the_vectors_of_the_whole_catalogue_where_it_is_large(learned, small, monkeypatch):
    corpus, model, recipe, step, read = learned
    made, products = [], model.products
    monkeypatch.setattr(softmax, "SAMPLED", 5)
    monkeypatch.setattr(model, "products", lambda pooled, places: made.append(len(pooled)) or products(pooled, places))
    step.users, step.questions = None, {}
    JointLoss(model, corpus, recipe)(step, read)["review_to_product"].backward()
    assert 0 < made[0] < len(corpus.product_ids)
    assert (model.own.weight.grad.abs().sum(1) > 0).sum() <= made[0]
