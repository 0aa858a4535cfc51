import json
import tomllib
from dataclasses import fields

import pytest
from small_shop import make_home
from tiny_base import tiny_base

from workbench.encoder import train as training
from workbench.encoder.__main__ import main
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.recipe_file import as_toml
from workbench.encoder.tune import CHOICES, RANGES, searched, tune_recipe
from workbench.errors import Cancelled
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store

QUICK = "epochs = 2\npatience = 2\nuser_passes = 1\nmax_length = 16\ntop_layers = 0\nweight_decay = 0.7\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("shop"))
    (home.models / "recipes" / "short.toml").write_text(f'base = "{tiny_base(home.root / "base")}"\n{QUICK}')
    with Store.open(home) as store:
        return home, store.snapshot()


def search(shop, run, trials=3):
    home, snapshot = shop
    return tune_recipe(home, run, snapshot=snapshot, recipe=recipe(home, "short"), only=["sentiment"], trials=trials)


@pytest.mark.slow
def test_a_search_writes_the_best_recipe_and_never_measures_test_rows(shop, monkeypatch):
    splits, measure = set(), training.measure

    def measured(model, corpus, pooled, split, **more):
        splits.add(split)
        return measure(model, corpus, pooled, split, **more)

    monkeypatch.setattr(training, "measure", measured)
    run = Run.create(shop[0], "tune", {"snapshot": str(shop[1]), "recipe": "short", "tasks": ["sentiment"], "trials": 3})
    asked, told = [], run.report

    def report(done, step):
        told(done, step)
        asked.append(step)
        if "trial 2 of 3, epoch 2" in step:
            raise Cancelled(run.id)

    run.report = report
    with pytest.raises(Cancelled):
        search(shop, run)
    assert any(step.startswith("trial 1 of 3") for step in asked)
    assert main(str(run.folder)) == 0, "a new process goes on from the trials that are there"
    found = json.loads((run.folder / "encoder.json").read_text())
    assert splits == {"validation"} and Registry(shop[0]).versions() == []
    assert [trial["state"] for trial in found["trials"]].count("complete") >= 1 and len(found["trials"]) == 3
    assert found["trials"][0]["settings"]["weight_decay"] == 0.7, "the recipe's own settings come first"
    made = recipe(shop[0], found["recipe"])
    best = max((t for t in found["trials"] if t["score"] is not None), key=lambda t: t["score"])
    assert best["score"] == found["score"] >= found["from_score"]
    assert made.learning_rate == best["settings"]["learning_rate"] and made.max_length == 16
    head = (shop[0].models / "recipes" / f"{found['recipe']}.toml").read_text().splitlines()[0]
    assert head.startswith("# Found by `workbench tune --recipe short --trials 3`")


def test_a_recipe_is_written_as_it_is_read(home):
    made = Recipe(name="x", learning_rate=3.5e-4, compile=True, balance="upgrad", base='a "folder"', epochs=3)
    written = as_toml(made, ["why"])
    assert written.startswith("# why\n") and Recipe.of({"name": "x", **tomllib.loads(written)}) == made


def test_a_search_tries_only_what_can_do_something():
    assert {"adversarial", "layer_decay"} <= {*searched(Recipe(top_layers=2))} & {*searched(Recipe(top_layers=-1))}
    assert {*searched(Recipe(top_layers=2))} - {*searched(Recipe(top_layers=1))} == {"layer_decay"}, "one layer has none below it"
    assert {"adversarial", "layer_decay", "backbone_learning_rate", "word_dropout"}.isdisjoint(searched(Recipe(top_layers=0)))


def test_what_a_search_tries_is_allowed():
    assert set(RANGES) | set(CHOICES) <= {setting.name for setting in fields(Recipe)}
    for name, values in {**RANGES, **CHOICES}.items():
        for value in values:
            assert getattr(Recipe(top_layers=2, **{name: value}), name) == value
