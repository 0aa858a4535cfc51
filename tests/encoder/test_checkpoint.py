import contextlib
from dataclasses import replace

import pytest
import torch
from small_shop import make_home
from tiny_base import tiny_base
from torch import nn

from workbench.encoder import train as training
from workbench.encoder.checkpoint import Checkpoint, Standing
from workbench.encoder.corpus import read_corpus
from workbench.encoder.make import prepare, train_version
from workbench.encoder.recipe import recipe
from workbench.encoder.train import train
from workbench.errors import Cancelled
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store

RECIPE = "epochs = 3\npatience = 3\nuser_passes = 3\nmax_length = 16\n"
EVERYTHING = """
balance = "uncertainty"
sampling = "square_root"
accumulate = 2
ema = 0.9
r_drop = 0.3
adversarial = 0.03
word_dropout = 0.1
layer_decay = 0.8
decay = "linear"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("shop"), reviews=False)
    recipe_of(home, "")
    with Store.open(home) as store:
        return home, store.snapshot()


def recipe_of(home, more):
    """The recipe that the trainings of this file go by."""
    base = home.root / "base"
    if not base.exists():
        tiny_base(base)
    (home.models / "recipes" / "short.toml").write_text(f'base = "{base}"\n{RECIPE}{more}')


def walk(shop, run, stop_in=None):
    """Train until the epoch `stop_in`, which is cancelled at its beginning: the epochs walked."""
    home, snapshot = shop
    walked, told = set(), run.report

    def report(done, step):
        if step.startswith("epoch"):
            walked.add(int(step.split()[1]))
            if stop_in in walked:
                raise Cancelled(run.id)
        told(done, step)

    run.report = report
    with contextlib.suppress(Cancelled):
        train_version(home, run, snapshot=snapshot, recipe=recipe(home, "short"), only=["category", "next_item"])
    return walked


def measured(run):
    return {(point["epoch"], point["task"]): point["value"] for point in run.curve() if "value" in point}


def losses(run):
    return [(point["step"], point["task"], point["loss"]) for point in run.curve() if "loss" in point]


def started(shop):
    return Run.create(shop[0], "train", {"snapshot": str(shop[1])})


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", EVERYTHING, 'balance = "famo"\nema = 0.9\n'], ids=["plain", "everything", "famo"])
def test_a_resumed_training_goes_on_as_the_unbroken_one(shop, more):
    recipe_of(shop[0], more)
    published = len(Registry(shop[0]).versions())
    whole, broken = started(shop), started(shop)
    assert walk(shop, whole) == {1, 2, 3}
    assert walk(shop, broken, stop_in=3) == {1, 2, 3} and Checkpoint(broken.folder, {}).file.exists()
    resumed = Run(broken.folder)
    assert walk(shop, resumed) == {3}
    assert measured(resumed) == pytest.approx(measured(whole), abs=1e-3)
    both = list(zip(losses(whole), losses(resumed), strict=True))
    assert [a[:2] for a, _ in both] == [b[:2] for _, b in both]
    assert [b[2] for _, b in both] == pytest.approx([a[2] for a, _ in both], rel=1e-2)
    assert not Checkpoint(broken.folder, {}).file.exists() and len(Registry(shop[0]).versions()) == published + 2


@pytest.mark.slow
def test_with_another_recipe_it_begins_anew(shop):
    recipe_of(shop[0], "")
    run = started(shop)
    assert walk(shop, run, stop_in=2) == {1, 2}
    recipe_of(shop[0], "seed = 8\n")
    assert walk(shop, Run(run.folder), stop_in=2) == {1, 2}


@pytest.fixture
def model():
    torch.manual_seed(1)
    made = nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(made.parameters(), lr=0.1)
    made(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    return made, optimiser


def test_weights_moments_and_standing_come_back(tmp_path, model):
    first, optimiser = model
    Checkpoint(tmp_path, {"a": 1}).save(
        Standing(2, 1, 0.5, [{"loss": 1.0}]), {"last": first.state_dict(), "best": {"bias": torch.ones(2)}}, optimiser
    )
    kept = Checkpoint(tmp_path, {"a": 1}).load()
    assert kept.standing == Standing(2, 1, 0.5, [{"loss": 1.0}]) and kept.parts["best"]["bias"].tolist() == [1, 1]
    second = nn.Linear(3, 2)
    other = torch.optim.AdamW(second.parameters(), lr=0.1)
    kept.restore(second, other)
    for one, its in ((first, optimiser), (second, other)):
        its.zero_grad()
        one(torch.ones(1, 3)).square().sum().backward()
        its.step()
    assert torch.equal(first.weight, second.weight) and torch.equal(first.bias, second.bias)


def test_what_is_of_other_settings_or_damaged_is_not_used(tmp_path, model):
    checkpoint = Checkpoint(tmp_path, {"a": 1})
    assert checkpoint.load() is None
    checkpoint.save(Standing(1), {"last": model[0].state_dict()}, model[1])
    assert checkpoint.load() is not None and Checkpoint(tmp_path, {"a": 2}).load() is None
    checkpoint.file.write_bytes(checkpoint.file.read_bytes()[:100])
    assert checkpoint.load() is None


def test_a_start_that_nothing_beats_is_kept_with_its_words_and_its_calibration(tmp_path):
    home = make_home(tmp_path)
    tiny_base(home.root / "base")
    still = replace(recipe(home, "laptop"), base=str(home.root / "base"), epochs=1, user_passes=1, max_length=16)
    still = replace(still, learning_rate=1e-12, backbone_learning_rate=1e-12)
    with Store.open(home) as store:
        corpus = read_corpus(store, ["sentiment"])
    prepared = prepare(corpus, still, tmp_path, lambda done, step: None)
    checkpoint = Checkpoint(tmp_path, still.asdict())
    head = prepared.model.text_head("sentiment")
    assert not head.words(["guitar"]).any()
    made = train(corpus, prepared.model, prepared.features, still, lambda *_: None, lambda **_: None, checkpoint, keep_start=True)
    kept = made.model.text_head("sentiment")
    assert kept.words(["guitar"]).any() and (kept.temperature != 1 or kept.bias.any())


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([0.5, 0.4999, 0.4998, 0.3], 3),  # as good as the best by what validation rows can tell: the later one
        ([0.5, 0.6, 0.59, 0.58], 2),
        ([0.5, 0.4, 0.3, 0.9], 1),  # it has stopped before the last
        ([0.5, 0.4, 0.4999, 0.3], 3),
    ],
)
def test_of_epochs_that_are_as_good_the_later_is_kept(tmp_path, monkeypatch, scores, kept):
    home = make_home(tmp_path)
    tiny_base(home.root / "base")
    quick = replace(recipe(home, "laptop"), base=str(home.root / "base"), epochs=4, user_passes=1, max_length=16, ema=0.0)
    with Store.open(home) as store:
        corpus = read_corpus(store, ["sentiment"])
    prepared, told, weights = prepare(corpus, quick, tmp_path, lambda done, step: None), iter(scores), []

    def validate(self):
        weights.append(self.model.text_head("sentiment").score.weight.detach().clone())
        return next(told)

    monkeypatch.setattr(training._Training, "validate", validate)
    made = train(corpus, prepared.model, prepared.features, quick, lambda *_: None, lambda **_: None, Checkpoint(tmp_path, quick.asdict()))
    assert torch.equal(made.model.text_head("sentiment").score.weight, weights[kept - 1])
    assert made.best == max(scores[: len(weights)])
