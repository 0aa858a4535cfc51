"""What a recipe says of a step is done in the step: each test fails where its setting is ignored."""

from dataclasses import replace

import pytest
import torch
from small_shop import prepared

from workbench.encoder.adversary import Adversary
from workbench.encoder.backbone import fast_dtype
from workbench.encoder.batches import Epochs, Step
from workbench.encoder.learner import Learner
from workbench.encoder.track import engine
from workbench.encoder.train import read_last

MANY = 1e9  # a clip that no gradient reaches


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """(recipe, what was prepared by it, what learning looks up, accelerator) of a shop whose reviews are learned from."""
    folder = tmp_path_factory.mktemp("shop")
    recipe, ready = prepared(folder, ["sentiment", "review_to_product"], precision="fp32", clip=MANY)
    accelerator = engine("none", folder)
    return recipe, ready, read_last(ready.corpus, ready.features.pooled(), accelerator.device), accelerator


@pytest.fixture
def learner(shop):
    """Makes a learner by other settings; all have the same model, which stands still and has no dropout unless a test says so."""
    recipe, ready, _, accelerator = shop
    ready.model.eval().zero_grad()

    def made(**settings):
        found = Learner(ready.model, ready.corpus, replace(recipe, **settings), accelerator)
        found.gradients = []
        found.mover.optimiser.register_step_pre_hook(lambda *_: found.gradients.append(gradients(ready.model)))
        for group in found.mover.optimiser.param_groups:
            group["lr"] = 0.0
        return found

    yield made
    ready.model.eval().zero_grad()


def gradients(model):
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def first_step(shop, **settings):
    recipe, ready, *_ = shop
    return next(iter(Epochs(ready.corpus, ready.features, replace(recipe, **settings))(0)))


def learned(learner, shop, *steps):
    """The gradients by which the weights are moved after these steps."""
    for at, step in enumerate(steps, 1):
        learner.learn(step, shop[2], update=at == len(steps), where="a test")
    (found,) = learner.gradients
    return found


def noted(module, found):
    """Lets `found` have the first argument and the result of each call of a module, until the handle is removed."""
    return module.register_forward_hook(lambda _, given, made: found.append((given[0].detach().clone(), made)))


def top_layer(shop):
    return shop[1].model.backbone.model.encoder.layer[-1]


def test_r_drop_reads_twice_and_adds_what_the_two_readings_disagree_in(shop, learner):
    step, plain, drawn = first_step(shop), learner(), learner(r_drop=5.0)
    shop[1].model.train()
    torch.manual_seed(1)
    first, second = (plain.learn(step, shop[2], update=False, where="a test") for _ in range(2))
    torch.manual_seed(1)
    both = drawn.learn(step, shop[2], update=False, where="a test")
    for task in ("sentiment", "review_to_product"):
        assert both[task] > (first[task] + second[task]) / 2 + 1e-4


def test_the_adversary_reads_moved_texts_and_its_gradients_count(shop, learner):
    step, entered = first_step(shop), []
    plain = learned(learner(), shop, step)
    handle = noted(top_layer(shop), entered)
    against = learned(learner(adversarial=0.1), shop, step)
    handle.remove()
    first, second = (given.flatten(1) for given, _ in entered)
    assert torch.allclose((second - first).norm(dim=1), 0.1 * first.norm(dim=1), rtol=1e-3)
    assert against.norm() > 1.5 * plain.norm(), "those of both readings are added"


def test_the_adversary_contradicts_the_loss_that_is_learned_from(shop, learner, monkeypatch):
    step, moved = first_step(shop), []
    monkeypatch.setattr(Adversary, "_move", lambda self, x, gradient: moved.append(gradient) or torch.zeros_like(x))
    for balance in ("sum", "normalised"):
        found = learner(adversarial=0.1, balance=balance)
        found.learn(step, shop[2], update=True, where="a test")
    plain, normalised = moved
    turned = torch.nn.functional.cosine_similarity(plain.flatten(), normalised.flatten(), dim=0)
    assert 0 < turned < 0.999, "each task counts as it does in the balance"


def test_two_half_batches_move_the_weights_as_the_whole_one(shop, learner):
    (batch,) = first_step(shop).texts
    name, half = "review_to_product", len(batch.places) // 2
    rows, targets = batch.rows[name]
    assert rows.tolist() == list(range(len(batch.places))), "each text has one product"

    def part(of):
        texts = replace(batch.texts, values=batch.texts.values[of], mask=batch.texts.mask[of])
        return Step([replace(batch, texts=texts, places=batch.places[of], rows={name: (torch.arange(len(rows[of])), targets[of])})])

    first, second = part(slice(half)), part(slice(half, 2 * half))
    whole = learned(learner(), shop, part(slice(2 * half)))
    assert torch.allclose(learned(learner(accumulate=2), shop, first, second), whole, rtol=1e-3, atol=1e-5 * whole.abs().max().item())
    assert not torch.allclose(learned(learner(), shop, first), whole, rtol=0.1)


def test_gradients_are_clipped(shop, learner):
    step = first_step(shop)
    free = learned(learner(), shop, step)
    clipped = learned(learner(clip=free.norm().item() / 4), shop, step)
    assert torch.allclose(clipped, free / 4, rtol=1e-3, atol=1e-6 * free.abs().max().item())


def test_the_texts_of_batches_are_thinned(shop):
    (plain,), (thinned,) = (first_step(shop, word_dropout=share).texts for share in (0.0, 0.4))
    assert torch.equal(plain.places, thinned.places) and torch.equal(plain.texts.values, thinned.texts.values)
    assert not (thinned.texts.mask & ~plain.texts.mask).any() and thinned.texts.mask[:, 0].all()
    assert 0.45 < thinned.texts.mask.sum() / plain.texts.mask.sum() < 0.8


@pytest.mark.parametrize("precision", ["fp32", "bf16", "auto"])
def test_layers_compute_in_the_precision_of_the_recipe(shop, learner, precision):
    wanted = {"fp32": torch.float32, "bf16": torch.bfloat16, "auto": fast_dtype(shop[3].device)}[precision]
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    handle = noted(top_layer(shop).attention.self.query, found)
    losses = learner(precision=precision).learn(first_step(shop), shop[2], update=False, where="a test")
    handle.remove()
    assert [made.dtype for _, made in found] == [wanted]
    assert all(loss.dtype == torch.float32 for loss in losses.values())
