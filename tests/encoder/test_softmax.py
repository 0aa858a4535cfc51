import numpy as np
import pytest
import torch
from torch.nn import functional as F

from workbench.encoder import softmax
from workbench.encoder.softmax import NextItemLoss, fits, note


@pytest.fixture
def small(monkeypatch):
    """A memory that 60 products do not fit into, of which 30 are drawn."""
    monkeypatch.setattr(softmax, "MOST_BYTES", 0)
    monkeypatch.setattr(softmax, "SAMPLED", 30)


def logits():
    random = np.random.default_rng(0)
    return torch.from_numpy(random.normal(0, 1, (4, 60))).float(), torch.tensor([3, 0, 59, 3])


def scored(told):
    return lambda only: told if only is None else told[:, only]


def test_a_catalogue_that_fits_is_scored_whole():
    told, target = logits()
    loss, whole = NextItemLoss(torch.ones(60))(target, scored(told))
    assert loss == F.cross_entropy(told, target) and whole is told
    assert fits(10_000) and note(10_000) is None


def test_a_sample_has_the_whole_sum_of_wrong_products_on_average(small):
    torch.manual_seed(0)
    told, target = logits()
    loss = NextItemLoss(torch.arange(60))
    made = torch.stack([loss(target, scored(told))[0] for _ in range(3000)])
    assert loss(target, scored(told))[1] is None
    assert made.std() > 0 and float(made.mean()) == pytest.approx(float(F.cross_entropy(told, target)), abs=0.05)


def test_only_the_right_and_the_drawn_products_are_scored(small):
    asked = []
    told, target = logits()
    NextItemLoss(torch.ones(60))(target, lambda only: asked.append(only) or told[:, only])
    assert all(only is not None for only in asked) and sum(len(only) for only in asked) <= 30 + 3


def test_a_sampled_catalogue_is_said_to_be_one(small):
    assert "30 products drawn by popularity" in note(60) and "all 60" in note(60)
