"""Recipes as files: comments, then what differs from the defaults; a home keeps its own under names of their own."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

from workbench.encoder.recipe import Recipe, recipe_files
from workbench.errors import WorkbenchError
from workbench.files import write_text
from workbench.home import Home

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def as_toml(recipe: Recipe, head: list[str]) -> str:
    """A recipe's file: the lines of `head` as comments, then what differs from the defaults."""
    standard = Recipe()
    names = [field.name for field in fields(Recipe) if field.name != "name"]
    told = [f"{name} = {json.dumps(getattr(recipe, name))}" for name in names if getattr(recipe, name) != getattr(standard, name)]
    return "\n".join([*(f"# {line}" for line in head), *told]) + "\n"


def save(home: Home, name: str, recipe: Recipe, head: list[str]) -> Path:
    """Keep a recipe in the home under a new name; WorkbenchError where the name cannot be or is taken."""
    if not NAME.fullmatch(name):
        raise WorkbenchError(
            f"{name[:60]!r} cannot name a recipe.", "Use up to 40 letters a-z, digits, _ and -, the first a letter or digit."
        )
    if name in recipe_files(home):
        raise WorkbenchError(f"There is a recipe {name!r} already.", "Give another name.")
    file = home.models / "recipes" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, as_toml(recipe, head))
    return file


def changed(recipe: Recipe, lines: str) -> Recipe:
    """The recipe with the settings that `lines` (TOML) give; WorkbenchError where they are none, or not what they may be."""
    try:
        given = tomllib.loads(lines)
    except tomllib.TOMLDecodeError as error:
        raise WorkbenchError(
            f"The settings cannot be read: {error}.", 'Write one a line, for example: epochs = 8, or decay = "linear"'
        ) from error
    return Recipe.of({**recipe.asdict(), **given})
