import numpy as np
import pytest
import torch
from small_shop import fill
from torch import nn

from workbench.encoder.balance import LeastSquaresProjector, balance
from workbench.encoder.corpus import read_corpus
from workbench.encoder.guessing import LEAST, guessing_costs

NAMES = ["one", "two"]


def losses(shared, own):
    """Two losses that pull at the shared weights, each with a weight of its own."""
    towards = {"one": torch.tensor([2.0, 0.0, 1.0]), "two": torch.tensor([-1.0, 1.0, 0.5])}
    return {name: (shared * towards[name]).sum() + 5 + own[name].sum() ** 2 for name in NAMES}


@pytest.fixture
def weights():
    shared = nn.Parameter(torch.zeros(3))
    own = nn.ParameterDict({name: nn.Parameter(torch.full((2,), 0.5)) for name in NAMES})
    return shared, own


def gradients(name, weights, share=1.0):
    shared, own = weights
    made = balance(name, NAMES, {})
    made.begin()
    made.backward(losses(shared, own), [shared, *own.values()], share)
    return shared.grad, [p.grad for p in own.values()]


def test_the_sum_is_the_gradient_of_the_summed_losses(weights):
    shared, own = gradients("sum", weights)
    assert shared.tolist() == [1.0, 1.0, 1.5] and all(g.tolist() == [2.0, 2.0] for g in own)


def test_normalised_losses_are_told_by_what_guessing_costs(weights):
    shared, own = weights
    balance("normalised", NAMES, {"one": 2.0}).backward(losses(shared, own), [shared, *own.values()], 1.0)
    assert shared.grad.tolist() == [0.0, 1.0, 1.0]  # half of the first, all of the second, whose cost nobody knows


def test_guessing_costs_the_entropy_of_the_training_targets(store):
    fill(store)
    corpus = read_corpus(store)
    costs = guessing_costs(corpus, 1000)
    assert set(costs) == {*corpus.text_rows, *corpus.user_rows, "next_item", "masked_words"}
    rows = corpus.text_rows["sentiment"]
    share = np.bincount(rows.target[rows.rows("train")]) / len(rows.rows("train"))
    assert costs["sentiment"] == pytest.approx(-(share[share > 0] * np.log(share[share > 0])).sum())
    assert costs["review_to_product"] == pytest.approx(np.log(12), rel=0.05) and costs["masked_words"] == pytest.approx(np.log(1000))
    rows.target[:] = rows.told[:] = 0
    assert guessing_costs(corpus, 1000)["sentiment"] == LEAST  # of one answer there is nothing to guess


@pytest.mark.parametrize("name", ["upgrad", "pcgrad"])
def test_balanced_gradients_harm_no_task_and_leave_what_is_its_own_alone(weights, name):
    pulls = torch.tensor([[2.0, 0.0, 1.0], [-1.0, 1.0, 0.5]])
    assert pulls[0] @ pulls[1] < 0, "they conflict"
    shared, own = gradients(name, weights)
    assert (pulls @ shared > -1e-3).all() and shared.tolist() != pytest.approx([1.0, 1.0, 1.5])
    assert all(g.tolist() == [2.0, 2.0] for g in own)


@pytest.mark.parametrize("name", ["upgrad", "pcgrad"])
def test_without_a_conflict_they_are_the_sum(name):
    shared = nn.Parameter(torch.zeros(2))
    both = {"one": shared @ torch.tensor([1.0, 0.0]), "two": shared @ torch.tensor([1.0, 1.0])}
    balance(name, NAMES, {}).backward(both, [shared], 0.5)
    assert shared.grad.tolist() == pytest.approx([1.0, 0.5], abs=1e-3)


def test_the_projection_is_the_shortest_that_hurts_nobody():
    torch.manual_seed(0)
    rows = torch.randn(4, 6, dtype=torch.float64)
    gramian, u = rows @ rows.T, torch.eye(4, dtype=torch.float64)
    found = LeastSquaresProjector()(u, gramian)
    assert (found >= u - 1e-9).all() and (found @ gramian > -1e-2).all()
    for _ in range(50):
        other = u + torch.rand(4, 4, dtype=torch.float64)
        assert ((found @ gramian) * found).sum() <= ((other @ gramian) * other).sum() + 1e-6


def test_uncertainty_learns_to_trust_the_surer_task_more():
    made = balance("uncertainty", NAMES, {})
    told = {"one": torch.tensor(4.0), "two": torch.tensor(0.1)}
    assert made.total(told).item() == pytest.approx(2.05)
    optimiser = torch.optim.SGD(made.learned(), lr=0.2)
    for _ in range(200):
        optimiser.zero_grad()
        made.backward(told, [], 1.0)
        optimiser.step()
    learned = {name: made.of[name].log_var.item() for name in NAMES}
    assert learned["one"] == pytest.approx(torch.tensor(4.0).log().item(), abs=0.1) and learned["two"] < -1
    made.backward({"one": torch.tensor(1.0)}, [], 1.0)


def test_famo_turns_to_the_task_that_fell_least_and_goes_on_from_what_it_kept():
    made = balance("famo", NAMES, {})
    made.begin()
    for _ in range(5):
        made.total({"one": torch.tensor(1.0), "two": torch.tensor(1.0)})
        made.moved(lambda: {"one": torch.tensor(1.0), "two": torch.tensor(0.5)})
    weight = made.inner._w.detach()
    assert weight[0] > weight[1] and made.learned() == []
    again = balance("famo", NAMES, {})
    again.load_state_dict(made.state_dict())
    again.begin()
    assert torch.equal(again.inner._w, weight)
    assert again.total({"two": torch.tensor(1.0)}).item() == pytest.approx(0, abs=1e-5)
