from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from workbench.encoder.recipe import ALLOWED, Recipe, broken, heads_of, recipe, recipes
from workbench.encoder.scratch import _model
from workbench.encoder.towers import UserTower
from workbench.errors import WorkbenchError
from workbench.home import Home


def test_the_shipped_recipes_are_found(home):
    assert {"laptop", "full"} <= set(recipes(home))


def test_the_home_s_own_recipe_comes_first(home):
    folder = home.models / "recipes"
    folder.mkdir()
    (folder / "laptop.toml").write_text("epochs = 3")
    assert recipe(home, "laptop").epochs == 3


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"epochs = \n", "mine.toml cannot be read: Invalid value"),
        ("epochs = 3 # größer".encode("latin-1"), "mine.toml cannot be read: 'utf-8' codec"),
        (b"epochs = 0\n", "mine.toml: The recipe's epochs is 0; it must be at least 1"),
        (b"epoch = 3\n", "mine.toml: Unknown settings in the recipe: epoch;"),
    ],
)
def test_a_broken_recipe_is_named_and_stands_in_no_other_s_way(home, written, told):
    folder = home.models / "recipes"
    folder.mkdir()
    (folder / "mine.toml").write_bytes(written)
    assert recipe(home, "laptop").name == "laptop" and "laptop" in recipes(home) and "mine" not in recipes(home)
    with pytest.raises(WorkbenchError, match=told):
        recipe(home, "mine")
    (error,) = broken(home)
    assert "mine.toml" in error.problem and error.fix


def test_a_home_s_own_broken_recipe_is_not_the_shipped_one(home):
    folder = home.models / "recipes"
    folder.mkdir()
    (folder / "laptop.toml").write_text("epochs = three")
    assert "laptop" not in recipes(home)
    with pytest.raises(WorkbenchError, match=r"laptop\.toml cannot be read"):
        recipe(home, "laptop")
    (folder / "laptop.toml").write_bytes(b"\xef\xbb\xbfepochs = 3")  # as some editors begin a file
    assert recipe(home, "laptop").epochs == 3 and broken(home) == []


def test_heads_divide_any_width():
    assert [heads_of(width) for width in (1, 64, 100, 128, 192, 200, 384)] == [1, 1, 1, 2, 3, 2, 6]
    assert UserTower(Recipe(user_width=200)).heads == 2
    assert _model(100, Recipe(base="scratch", top_layers=-1, own_width=200)).config.num_attention_heads == 2


def test_an_unknown_setting_is_named():
    with pytest.raises(WorkbenchError, match="epoch_count"):
        Recipe.of({"epoch_count": 3})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
        ({"learning_rate": 0}, "learning_rate is 0; it must be above 0"),
        ({"epochs": "three"}, "epochs is 'three'; it must be a whole number"),
        ({"dim": True}, "dim is True; it must be a whole number"),
        ({"base": 5}, "base is 5; it must be a text in quotes"),
        ({"max_length": 2}, "max_length is 2; it must be at least 3"),
        ({"adapters": "lora", "reading": "int8"}, "layers with LoRA adapters cannot be read in int8"),
        ({"compile": True, "top_layers": 0}, "sets compile = true, but with top_layers = 0 no layer of the backbone is trained"),
        ({"adapter_rank": 4}, "sets adapter_rank = 4, but it has no adapters"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_it_may_be(values, told):
    with pytest.raises(WorkbenchError, match=told):
        Recipe.of(values)


def test_settings_that_can_act_are_taken():
    assert Recipe.of({"compile": True, "top_layers": 1}).compile and not Recipe.of({"compile": False, "top_layers": 0}).compile
    assert Recipe.of({"adapter_rank": 4, "adapters": "lora"}).adapter_rank == 4 and Recipe.of({"adapter_rank": 8}).adapters == ""


def test_a_version_that_is_older_than_a_check_is_read_without_what_did_nothing():
    made = {**Recipe(top_layers=0, epochs=3).asdict(), "compile": True, "adapter_rank": 4}
    assert Recipe.of_version(made) == Recipe(top_layers=0, epochs=3)
    acting = Recipe(top_layers=1, compile=True, adapters="lora", adapter_rank=4)
    assert Recipe.of_version(acting.asdict()) == acting


def test_whole_numbers_are_numbers_and_every_limit_is_of_a_setting():
    assert Recipe.of({"weight_decay": 0}).weight_decay == 0
    assert set(ALLOWED) <= {field.name for field in fields(Recipe)}


def test_every_setting_of_the_shipped_recipes_is_explained():
    for file in Home.find(Path("nowhere")).recipe_folders[-1].glob("*.toml"):
        lines = file.read_text().splitlines()
        for above, line in pairwise(["", *lines]):
            assert line.startswith("#") or "  # " in line or above.startswith("#"), f"{file.name}: {line}"
