"""Fine-tuning: what may change, how few rows are learned whole, what is rehearsed, that nothing of the test is learned."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_shop import work
from tiny_base import tiny_base

from workbench.encoder.finetune import Lesson, is_few, learnable, rehearse, shaped
from workbench.encoder.heads import TextHead
from workbench.encoder.judge import open_case
from workbench.encoder.learned_whole import learned_whole
from workbench.encoder.probe import begin_head
from workbench.encoder.recipe import Recipe
from workbench.encoder.weights import load
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.registry import Registry
from workbench.shop.store import Store
from workbench.tasks.base import Outputs
from workbench.tasks.splits import split_of

SAID = {"late": "my parcel number {} has not come yet", "broken": "item {} arrived with a crack in it"}


def test_over_the_bare_base_the_choice_says_how_many_layers_learn():
    layers = {choice: shaped(Recipe(), None, choice).top_layers for choice in ("head", "top", "all", "adapters")}
    assert layers == {"head": 0, "top": 1, "all": -1, "adapters": 3}
    assert shaped(Recipe(), None, "adapters").adapters == "lora"
    narrow = Recipe(top_layers=3, adapters="bottleneck", adapter_rank=4)
    assert shaped(narrow, None, "adapters") == narrow and shaped(narrow, None, "top") == Recipe(top_layers=3)


def test_on_a_parent_the_structure_is_the_parents():
    parent = Recipe(top_layers=2, dim=64, max_length=40)
    made = shaped(Recipe(epochs=3), parent, "all")
    assert (made.top_layers, made.dim, made.max_length, made.epochs) == (2, 64, 40, 3)
    with pytest.raises(WorkbenchError, match="no adapters"):
        shaped(Recipe(), parent, "adapters")
    with pytest.raises(WorkbenchError, match="Cannot train 'tail'; allowed are: head, adapters, top, all"):
        shaped(Recipe(), parent, "tail")


@pytest.mark.parametrize("labels", [2, 4])
def test_a_head_begins_where_a_regression_puts_it(labels):
    torch.manual_seed(1)
    pooled = np.eye(8)[np.arange(80) % labels] + 0.1 * np.random.default_rng(0).normal(size=(80, 8))
    head = TextHead(8, Outputs.plain([str(i) for i in range(labels + 1)]))
    begin_head(head, pooled.astype(np.float32), np.arange(80) % labels)
    told = head(torch.from_numpy(pooled).float()).argmax(1)
    assert (told.numpy() == np.arange(80) % labels).all(), "the label that no row has is never the likeliest"


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """(home, result) of a fine-tuning with 16 rows a label on an empty home."""
    home = Home.find(tmp_path_factory.mktemp("taught")).make()
    (home.models / "recipes").mkdir()
    recipe = f'base = "{tiny_base(home.root / "base")}"\nepochs = 2\nmax_length = 16\ntrackers = "none"\nbackbone_learning_rate = 1e-3\n'
    (home.models / "recipes" / "quick.toml").write_text(recipe)
    teach(home, "first", range(16))
    with Store.open(home) as store:
        snapshot = str(store.snapshot())
    code, result = work(home, "finetune", task="trouble", upload="first", parent=None, train="all")
    assert code == 0, result
    return home, {**result, "snapshot": snapshot}


def teach(home, upload, numbers, task="trouble"):
    with Store.open(home) as store, store.transaction() as cursor:
        for label, said in SAID.items():
            for i in numbers:
                values = [f"{upload}-{label}-{i}", task, said.format(i), label, upload]
                cursor.execute(
                    "INSERT INTO labels (label_id, task, text, label, upload, created_at) VALUES (?, ?, ?, ?, ?, now()::TIMESTAMP)", values
                )


def held_out(numbers):
    return sum(split_of(said.format(i)) == "test" for said in SAID.values() for i in numbers)


def test_few_rows_are_measured_on_those_held_out_and_then_all_learned(taught):
    home, result = taught
    version = Registry(home).get(result["version"])
    assert version.info["learned_whole"] and result["parent"] is None and set(result["tasks"]) == {"trouble"}
    assert result["tasks"]["trouble"]["metrics"]["accuracy"]["n"] == held_out(range(16))
    assert learned_whole(Registry(home), version) == {("trouble", "first")} and learned_whole(Registry(home), None) == set()
    assert not (version.folder / "whole").exists() and version.recipe["epochs"] > 2, "few rows are read more often"


def test_rows_that_a_parent_learned_whole_are_no_test_rows_of_its_children(taught):
    home, result = taught
    teach(home, "second", range(100, 140))
    code, tuned = work(home, "finetune", task="trouble", upload="second", parent=result["version"], train="head")
    assert code == 0, tuned
    assert tuned["tasks"]["trouble"]["metrics"]["accuracy"]["n"] == held_out(range(100, 140))
    assert tuned["before"]["trouble"]["metrics"]["accuracy"]["n"] == held_out(range(100, 140))


def accuracy_rows(tasks, task="trouble"):
    return tasks[task]["metrics"]["accuracy"]["n"]


def test_rows_that_a_parent_learned_whole_are_no_test_rows_where_another_task_is_taught(taught, tmp_path):
    home, result = taught
    teach(home, "third", range(200, 240))
    teach(home, "other", range(300, 308), task="tone")
    code, tuned = work(home, "finetune", task="tone", upload="other", parent=result["version"], train="head")
    assert code == 0, tuned
    with Store.open(home) as store:
        uploads = {upload for (upload,) in store.rows("SELECT DISTINCT upload FROM labels WHERE task = 'trouble'")}
    later = held_out(range(200, 240)) + (held_out(range(100, 140)) if "second" in uploads else 0)
    assert accuracy_rows(tuned["before"]) == accuracy_rows(tuned["tasks"]) == later
    version = Registry(home).get(tuned["version"])
    assert learned_whole(Registry(home), version) == {("trouble", "first"), ("tone", "other")}
    case, _ = open_case(home, tmp_path, version, lambda done, step: None)
    assert case.found["trouble"]["accuracy"]["n"] == later and "tone" not in case.found


def test_what_a_version_learned_after_it_was_measured_is_not_measured_again(taught):
    home, result = taught
    code, known = work(home, "evaluate", version=result["version"], robustness=True)
    assert code == 0, known
    assert known["tasks"]["trouble"]["metrics"] == result["tasks"]["trouble"]["metrics"] and "noise" not in known["tasks"]["trouble"]
    assert f"trouble: {result['version']} learned its test rows after it was measured on them" in known["notes"][-1]


def test_two_versions_are_compared_on_rows_that_neither_learned(taught):
    home, result = taught
    teach(home, "fourth", range(400, 440))
    code, fresh = work(home, tasks=["trouble"])
    assert code == 0, fresh
    code, known = work(home, "evaluate", version=fresh["version"], against=result["version"])
    assert code == 0, known
    theirs = known["tasks"]["trouble"]["baselines"][result["version"]]["accuracy"]
    assert theirs["n"] == accuracy_rows(fresh["tasks"]) - held_out(range(16))
    assert known["tasks"]["trouble"]["differences"]["accuracy"][result["version"]]["n"] == theirs["n"]
    assert f"{held_out(range(16))} test rows that {result['version']} learned are left out" in known["notes"][-1]


def test_over_the_bare_base_a_head_alone_publishes_no_other_head(taught):
    home, _ = taught
    teach(home, "aside", range(500, 508), task="aside")
    code, made = work(home, "finetune", task="trouble", upload="first", parent=None, train="head")
    assert code == 0, made
    assert set(made["tasks"]) == {"trouble"} == set(load(Registry(home).get(made["version"])).labels)
    assert made["left_out"]["aside"] == "these layers do not teach it and no parent knows it; a training does"


def test_the_same_upload_recipe_seed_and_parent_give_the_same_version_again(taught):
    home, result = taught
    code, again = work(home, "finetune", task="trouble", upload="first", parent=None, train="all", snapshot=result["snapshot"])
    assert code == 0, again
    first, second = (Registry(home).get(made["version"]).manifest["files"] for made in (result, again))
    assert first["model.safetensors"] == second["model.safetensors"]


def test_what_the_parent_knows_is_rehearsed_as_much_as_is_new(trained):
    from workbench.encoder.corpus import read_corpus

    home, _ = trained
    with Store.open_snapshot(home) as store:
        corpus = read_corpus(store)
    assert not is_few(corpus.text_rows["sentiment"])
    rehearse(corpus, Lesson(("sentiment",), set(), "top", None), Recipe(replay=0.0))
    read = [sum(corpus.repeat.get(int(t), 1.0) for t in rows.text[rows.rows("train")]) for rows in corpus.text_rows.values()]
    assert all(times <= 301 for times in read)


@pytest.mark.parametrize(
    ("choice", "parent", "kept"),
    [
        ("head", None, {"sentiment"}),
        ("head", ["category"], {"sentiment", "category"}),
        ("top", None, {"sentiment", "category", "review_to_product", "next_item"}),
        ("top", ["sentiment"], {"sentiment", "category", "review_to_product"}),
        ("top", ["sentiment", "next_item"], {"sentiment", "category", "review_to_product", "next_item"}),
        ("all", ["sentiment"], {"sentiment", "category", "review_to_product", "next_item"}),
    ],
)
def test_what_would_stay_random_is_left_out(trained, choice, parent, kept):
    from workbench.encoder.corpus import read_corpus

    home, _ = trained
    with Store.open_snapshot(home) as store:
        corpus = read_corpus(store, ["sentiment", "category", "review_to_product", "next_item"])
    known = SimpleNamespace(metrics={"tasks": dict.fromkeys(parent)}) if parent else None
    made = learnable(corpus, Lesson(("sentiment",), set(), choice, known))
    assert {*made.text_rows, *made.user_rows, *([made.next_item.name] if made.next_item else [])} == kept
    assert made.left_out.keys() == {"sentiment", "category", "review_to_product", "next_item"} - kept
