"""Starting a training from a page: what can be learned, with which recipe, and the job."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench import jobs
from workbench.components import context, states
from workbench.encoder.recipe import Recipe, broken, recipes
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.base import tasks

LEARNABLE = "ready"


def start_training(recipe: str, chosen: list[str] | None = None) -> str:
    """Take a snapshot and start a training on it; returns the run's id."""
    spec = {"snapshot": context.store().snapshot(), "recipe": recipe, "tasks": chosen}
    return jobs.start(context.home(), "train", spec).id


def start_embedding(version: str) -> str:
    """Let a version read the rows that came after it was made; returns the run's id."""
    return jobs.start(context.home(), "embed", {"snapshot": context.store().snapshot(), "version": version}).id


def unseen_words(space: Space) -> str:
    """How many rows a version has not seen, in words; "" where it has seen all."""
    counts = _unseen(space, context.state_key())
    return ", ".join(f"{count:,} {table.removesuffix('s') if count == 1 else table}" for table, count in counts.items() if count)


@st.cache_data(show_spinner=False, max_entries=4)
def _unseen(_space: Space, state: tuple[str, int, str]) -> dict[str, int]:
    return _space.unseen()


def for_training() -> dict[str, Recipe]:
    """The recipes that train from the bare base, the laptop's first; those that are broken are told."""
    for error in broken(context.home()):
        states.failed(error, "A recipe is left out")
    found = {name: recipe for name, recipe in recipes(context.home()).items() if name != "finetune"}
    return dict(sorted(found.items(), key=lambda item: (item[0] != "laptop", item[0])))


def what_can_be_learned(recipe: Recipe) -> pd.DataFrame:
    """task, title, state: "ready" or what is missing, of the shop's rows or in the recipe."""
    frame = _learnable(context.store(), context.state_key()[:2]).copy()
    if not (recipe.masked_words and recipe.top_layers < 0):
        off = (frame["task"] == "masked_words") & (frame["state"] == LEARNABLE)
        frame.loc[off, "state"] = "not with this recipe"
    return frame


@st.cache_data(show_spinner="Looking at what can be learned…", max_entries=4)
def _learnable(_store: Store, state: tuple[str, int]) -> pd.DataFrame:
    rows = [(task.name, task.title, task.missing(_store) or LEARNABLE) for task in tasks().values()]
    return pd.DataFrame(rows, columns=["task", "title", "state"])
