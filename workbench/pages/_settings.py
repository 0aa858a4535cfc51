"""All settings of a recipe beside the parent's, and the place where they are changed and kept under a name."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.components import context, states, tables
from workbench.encoder.recipe import Recipe
from workbench.encoder.recipe_file import changed, save
from workbench.registry import ModelVersion

_KEPT = "recipe-kept"


def take_kept() -> None:
    """Choose the recipe that was kept last; before the list of recipes is drawn."""
    kept = st.session_state.pop(_KEPT, None)
    if kept:
        st.session_state["recipe"] = kept


def show(recipe: Recipe, parent: ModelVersion | None) -> None:
    with st.expander("All settings", icon=":material/tune:"):
        of_parent = parent.recipe if parent else {}
        st.caption(f"Base, layers and sizes are always those of the parent, {parent.id}." if parent else "Over the bare base.")
        rows = [(name, str(value), str(of_parent.get(name, ""))) for name, value in recipe.asdict().items()]
        tables.show(pd.DataFrame(rows, columns=["setting", "recipe", "parent"]), "Settings of the recipe", "recipe-settings")
        lines = st.text_area(
            "Settings to change, one a line", key="recipe-changes", placeholder="epochs = 8\nlearning_rate = 0.0001", height=100
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Keep them as a recipe named", key="recipe-name", max_chars=40).strip()
            pressed = st.button("Keep", key="recipe-keep", icon=":material/save:", disabled=not (name and lines.strip()))
        if pressed:
            with states.guard():
                save(context.home(), name, changed(recipe, lines), [f"Made of {recipe.name} on the page Fine-tune."])
                st.session_state[_KEPT] = name
                st.rerun()
