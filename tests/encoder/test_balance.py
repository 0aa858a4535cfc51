import pytest
import torch
from torch import nn

from workbench.encoder.balance import LeastSquaresProjector, balance

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
    made = balance(name, NAMES)
    made.begin()
    made.backward(losses(shared, own), [shared, *own.values()], share)
    return shared.grad, [p.grad for p in own.values()]


def test_the_sum_is_the_gradient_of_the_summed_losses(weights):
    shared, own = gradients("sum", weights)
    assert shared.tolist() == [1.0, 1.0, 1.5] and all(g.tolist() == [2.0, 2.0] for g in own)


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
    balance(name, NAMES).backward(both, [shared], 0.5)
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
    made = balance("uncertainty", NAMES)
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
    made = balance("famo", NAMES)
    made.begin()
    for _ in range(5):
        made.total({"one": torch.tensor(1.0), "two": torch.tensor(1.0)})
        made.moved(lambda: {"one": torch.tensor(1.0), "two": torch.tensor(0.5)})
    weight = made.inner._w.detach()
    assert weight[0] > weight[1] and made.learned() == []
    again = balance("famo", NAMES)
    again.load_state_dict(made.state_dict())
    again.begin()
    assert torch.equal(again.inner._w, weight)
    assert again.total({"two": torch.tensor(1.0)}).item() == pytest.approx(0, abs=1e-5)
