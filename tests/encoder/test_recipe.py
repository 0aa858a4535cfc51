from dataclasses import fields

import pytest

from workbench.encoder.recipe import ALLOWED, Recipe, recipe, recipes
from workbench.errors import WorkbenchError


def test_the_shipped_recipes_are_found(home):
    assert {"laptop", "full"} <= set(recipes(home))


def test_the_home_s_own_recipe_comes_first(home):
    folder = home.models / "recipes"
    folder.mkdir()
    (folder / "laptop.toml").write_text("epochs = 3")
    assert recipe(home, "laptop").epochs == 3


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
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_it_may_be(values, told):
    with pytest.raises(WorkbenchError, match=told):
        Recipe.of(values)


def test_whole_numbers_are_numbers_and_every_limit_is_of_a_setting():
    assert Recipe.of({"weight_decay": 0}).weight_decay == 0
    assert set(ALLOWED) <= {field.name for field in fields(Recipe)}
