import numpy as np
import pytest
import torch
from torch import nn

from workbench.encoder.adversary import Adversary
from workbench.encoder.average import Average
from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.consistency import disagreement, drawn_together
from workbench.encoder.optimise import groups, rate, user_rate
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.words import NearWords, hidden
from workbench.errors import WorkbenchError


@pytest.fixture
def random():
    return np.random.default_rng(3)


class Small(nn.Module):
    """A backbone and one weight beside it."""

    def __init__(self, top_layers: int) -> None:
        super().__init__()
        self.backbone = Backbone(find_base(DEFAULT_BASE), top_layers=top_layers, max_length=16)
        self.head = nn.Linear(2, 2)


def test_rates_fall_downward_and_biases_are_not_decayed():
    model = Small(-1)
    named = {id(p): name for name, p in model.named_parameters()}
    recipe = Recipe(top_layers=-1, learning_rate=1e-2, backbone_learning_rate=1e-3, layer_decay=0.5, weight_decay=0.2)
    found = {named[id(p)]: group for group in groups(model, recipe, []) for p in group["params"]}
    assert set(found) == set(named.values())
    query = "backbone.model.encoder.layer.{}.attention.self.query.{}"
    assert [found[query.format(i, "weight")]["lr"] for i in (5, 4, 0)] == pytest.approx([1e-3, 5e-4, 1e-3 / 32])
    assert found["backbone.model.embeddings.word_embeddings.weight"]["lr"] == pytest.approx(1e-3 / 64)
    assert found["head.weight"]["lr"] == 1e-2 and found["head.weight"]["weight_decay"] == 0.2
    assert found[query.format(5, "bias")]["weight_decay"] == found["head.bias"]["weight_decay"] == 0


def test_the_rate_rises_then_falls_to_a_tenth():
    for decay, middle in (("cosine", 0.55), ("linear", 0.55)):
        walked = [rate(at, updates=101, warm_up=0.0, decay=decay) for at in (0, 51, 101)]
        assert walked[0] == 1 and walked[1] == pytest.approx(middle, abs=0.01) and walked[2] == pytest.approx(0.1)
    assert rate(0, updates=100, warm_up=0.1, decay="cosine") == 0.1
    quarter = {d: rate(26, updates=101, warm_up=0.0, decay=d) for d in ("cosine", "linear")}
    assert quarter["cosine"] > quarter["linear"] + 0.05


def test_the_average_follows_and_steps_aside():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    average = Average(model, 0.5)
    for value in (1.0, 3.0):
        model.weight.data.fill_(value)
        average.add()
    first = 0.9 * 1.0
    expected = first * 2 / 11 + 3.0 * 9 / 11
    with average.within():
        assert model.weight.item() == pytest.approx(expected)
    assert model.weight.item() == 3.0
    plain = Average(model, 0.0)
    plain.add()
    with plain.within():
        assert model.weight.item() == 3.0


def test_the_adversary_moves_texts_to_where_the_loss_is_greater():
    torch.manual_seed(0)
    layer, x = nn.Linear(4, 1), torch.randn(3, 2, 4)
    adversary = Adversary(0.1)

    def loss():
        return layer(adversary.see(x.clone())).square().mean()

    adversary.begin()
    before = loss()
    assert adversary.turn(before)
    assert loss() > before
    adversary.begin()
    assert not adversary.turn(layer.weight.sum()), "a step without texts has nothing to move"


def test_r_drop_draws_two_answers_together():
    first, second = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    p, q = first.softmax(1), second.softmax(1)
    both = ((p * (p / q).log()).sum(1) + (q * (q / p).log()).sum(1)).mean() / 2
    assert disagreement(first, second).item() == pytest.approx(both.item())
    yes = first[:, 0] - first[:, 1]
    other = second[:, 0] - second[:, 1]
    assert disagreement(yes, other).item() == pytest.approx(both.item())
    made = drawn_together(
        {"a": torch.tensor(1.0), "b": torch.tensor(2.0)},
        {"a": torch.tensor(3.0), "b": torch.tensor(2.0)},
        [{"a": first}, {"a": second}],
        2.0,
    )
    assert made["a"].item() == pytest.approx(2 + 2 * both.item()) and made["b"].item() == 2


def test_a_share_of_the_words_is_hidden_but_never_the_first(random):
    mask = torch.ones(200, 50, dtype=torch.bool)
    mask[:, 40:] = False
    found = hidden(mask, 0.25, random)
    assert found[:, 0].all() and not found[:, 40:].any()
    assert found[:, 1:40].float().mean().item() == pytest.approx(0.75, abs=0.02)


def test_words_are_exchanged_for_near_ones_and_parts_of_words_never(random):
    backbone = Backbone(find_base(DEFAULT_BASE), top_layers=-1, max_length=16)
    texts = ["the guitar is great", "a violin is wonderful", "unputdownable guitar strings"] * 5
    tokens = backbone.tokenise(texts)
    near = NearWords(backbone, tokens)
    ids = backbone.pad(tokens).values
    changed = near.exchange(ids, 0.999, random)
    places = (changed != ids).nonzero()
    assert len(places)
    words = {backbone.tokenizer.decode([int(ids[r, c])]) + "-" + backbone.tokenizer.decode([int(changed[r, c])]) for r, c in places}
    assert words <= {"guitar-violin", "violin-guitar", "great-wonderful", "wonderful-great"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"synonyms": 0.1, "top_layers": -1, "base": "scratch"}, "which words are near"),
        ({"synonyms": 0.1, "top_layers": 1}, "Set top_layers = -1|synonyms"),
        ({"word_dropout": 0.1, "top_layers": 0}, "word_dropout"),
        ({"adversarial": 0.1, "top_layers": 0}, "adversarial"),
        ({"balance": "fair"}, 'one of "sum", "normalised", "uncertainty", "famo", "upgrad", "pcgrad"'),
    ],
)
def test_a_recipe_that_could_not_act_is_refused(values, told):
    with pytest.raises(WorkbenchError, match=told):
        Recipe.of(values)


def test_many_histories_bear_a_greater_rate():
    given = Recipe(user_learning_rate=1e-3)
    assert [user_rate(given, steps) for steps in (0, 10_000, 40_000, 10**8)] == pytest.approx([1e-3, 1e-3, 2e-3, 4e-3])
