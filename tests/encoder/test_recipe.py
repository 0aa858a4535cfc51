import pytest

from workbench.encoder.recipe import Recipe, recipe, recipes
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
