"""What a model takes over of the version it comes from, where labels and products are not the same any more."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_base import tiny_base

from workbench.components import progress
from workbench.encoder import objectives
from workbench.encoder.backbone import Backbone
from workbench.encoder.finetune import Lesson, words_of
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder
from workbench.encoder.weights import Loaded, warm_start, without_popularity
from workbench.tasks.base import Outputs
from workbench.tasks.category import paths_of

SAID = ["a lamp", "a guitar", "a guitar with a lamp"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("base"))


def model_of(base, outputs, counts=()):
    recipe = Recipe(base=str(base), max_length=16)
    return JointEncoder(recipe, Backbone.of(recipe, base), np.array(counts, float), {"category": outputs}).eval()


def corpus_of(outputs, products=()):
    return SimpleNamespace(heads={"category": outputs}, labels={"category": outputs.names}, product_ids=list(products))


def parent_of(model, outputs, products=()):
    return Loaded(model, Recipe(), list(products), {"category": outputs.names}, [], {}, {"category": outputs})


@pytest.fixture
def parent(base):
    """A version whose head and words tell guitars from lamps and chairs."""
    outputs = Outputs.plain(["chair", "guitar", "lamp"])
    model = model_of(base, outputs)
    head = model.text_head("category")
    texts, labels = [f"a {outputs.names[i % 3]} number {i}" for i in range(60)], np.arange(60) % 3
    head.words.fit((texts, labels), (texts[:9], labels[:9]), 1)
    head.temperature.fill_(2.0)
    head.share.fill_(0.7)
    head.bias.copy_(torch.tensor([0.3, -0.1, 0.2]))
    head.offset.copy_(torch.tensor([-0.5, 0.5, 0.25]))
    return parent_of(model, outputs)


def test_a_new_label_and_one_that_vanished_leave_the_others_as_they_were(base, parent):
    outputs = paths_of(["guitar", "guitar > bass", "lamp"])
    model = model_of(base, outputs)
    warm_start(model, corpus_of(outputs), parent)
    head, before = model.text_head("category"), parent.model.text_head("category")
    here, there = [0, 2], [1, 2]
    assert torch.equal(head.words(SAID)[:, here], before.words(SAID)[:, there]) and float(head.words(SAID)[:, here].abs().sum()) > 0
    assert float(head.share) == float(before.share) and float(head.temperature) == float(before.temperature)
    for name in ("bias", "offset"):
        assert torch.equal(getattr(head, name)[here], getattr(before, name)[there]) and float(getattr(head, name)[1]) == 0
    pooled = torch.randn(3, model.backbone.width)
    assert torch.allclose(head.score(pooled)[:, here], before.score(pooled)[:, there])


def test_a_label_that_the_parent_did_not_know_is_the_least_likely_at_first(base, parent):
    outputs = Outputs.plain(["chair", "guitar", "lamp", "sofa"])
    shown = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = model_of(base, outputs)
        warm_start(model, corpus_of(outputs), parent)
        told = model.classify("category", 0.1 * torch.ones(3, model.backbone.width))
        shown.append(model.text_head("category").probabilities(told, SAID))
    assert torch.equal(*shown), "whatever the first weights"
    assert (shown[0].argmin(1) == 3).all()


def test_words_are_counted_anew_for_what_is_taught_and_for_what_tells_others_apart(parent):
    lesson = Lesson(("sentiment",), set(), "top", None)
    known, wider = Outputs.plain(["chair", "guitar", "lamp"]), Outputs.plain(["chair", "guitar", "lamp", "sofa"])
    heads = {"sentiment": Outputs.plain(["bad", "good"]), "return": None}
    assert words_of(SimpleNamespace(heads={**heads, "category": known}), lesson, parent) == {"sentiment"}
    assert words_of(SimpleNamespace(heads={**heads, "category": wider}), lesson, parent) == {"sentiment", "category"}


def test_a_product_that_the_parent_never_saw_stands_on_its_text(base):
    outputs, shown = Outputs.plain(["chair", "guitar"]), []
    parent = parent_of(model_of(base, outputs, counts=[9, 0, 0]), outputs, ["bought", "unbought", "other"])
    parent.model.bias.data.copy_(torch.tensor([2.0, -1.0, -2.0]))
    parent.model.review_bias.data.copy_(torch.tensor([1.0, 0.5, 0.25]))
    corpus, pooled = corpus_of(outputs, ["bought", "new", "other"]), torch.randn(3, parent.model.backbone.width)
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = model_of(base, outputs, counts=[50, 50, 50])
        warm_start(model, corpus, parent)
        assert model.bias.tolist()[1] == pytest.approx(0.5 * np.log(51)), "who learns on begins with what sells"
        without_popularity(model, corpus, parent)
        shown.append(model.products(pooled))
        assert torch.allclose(shown[-1][1:], model.cold_products(pooled)[1:], atol=1e-6)
        assert not torch.allclose(shown[-1][0], model.cold_products(pooled)[0], atol=1e-3)
        assert model.bias.tolist() == [2.0, -1.5, -2.0] and model.review_bias.tolist() == [1.0, 0.25, 0.25]
    assert torch.equal(*shown), "whatever the first weights"


def test_pages_know_the_loss_of_closeness_by_its_name():
    assert progress.KEPT == objectives.KEPT and not objectives.KEPT.isidentifier()  # no task of one's own can be called so
