"""The app: pages found by their files, and a sidebar that says what they stand on. `workbench app` starts it."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from workbench.components import context, progress, states

PAGES = Path(__file__).resolve().parent / "pages"


@dataclass(frozen=True)
class Place:
    """A page that was found: its file's name and the constants it declares."""

    name: str
    title: str
    icon: str
    order: int


def places(folder: Path = PAGES) -> list[Place]:
    """The pages of `folder` in their order, read from their constants without importing them."""
    found = []
    for path in folder.glob("[!_]*.py"):
        constants = _constants(path)
        if {"TITLE", "ICON", "ORDER"} <= constants.keys():
            found.append(Place(path.stem, str(constants["TITLE"]), str(constants["ICON"]), int(str(constants["ORDER"]))))
    return sorted(found, key=lambda place: place.order)


def _constants(path: Path) -> dict[str, object]:
    made: dict[str, object] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):
            made[node.targets[0].id] = node.value.value
    return made


def _render(name: str) -> Callable[[], None]:
    def render() -> None:
        with states.guard():
            importlib.import_module(f"workbench.pages.{name}").render()

    return render


def _by_name(place: Place, page: StreamlitPage) -> StreamlitPage:
    """A hidden page that leads from the first page's name to `/`, where Streamlit puts it."""
    return st.Page(
        lambda: st.switch_page(page, query_params=st.query_params.to_dict()), title=place.title, url_path=place.name, visibility="hidden"
    )


def sidebar() -> None:
    """The active model, the data's version and what runs now."""
    with st.sidebar:
        with states.guard(), st.container(gap=None):
            registry = context.registry()
            active = registry.active()
            if registry.missing():
                states.failed(registry.none_active(), "The active model is missing")
            else:
                st.caption(f"Model {active.id}" if active else "No model yet")
            st.caption(f"Data version {context.store().data_version}")
        _jobs()


@st.fragment(run_every=5.0)
def _jobs() -> None:
    for status in progress.running():
        st.progress(status.progress.done, text=f"{progress.name(status)}: {status.progress.step}")


def main() -> None:
    """Draw the page that the URL names."""
    st.set_page_config(page_title="Shop workbench", page_icon=str(PAGES.parent / "icon.svg"), layout="wide")
    st.html(PAGES.parent / "readable.css")
    st.logo(str(PAGES.parent / "logo.svg"), size="large", icon_image=str(PAGES.parent / "icon.svg"))
    first, *others = places()
    pages = {first.name: st.Page(_render(first.name), title=first.title, icon=first.icon, url_path="", default=True)}
    pages |= {place.name: st.Page(_render(place.name), title=place.title, icon=place.icon, url_path=place.name) for place in others}
    states.know(pages)
    chosen = st.navigation([*pages.values(), _by_name(first, pages[first.name])])
    sidebar()
    chosen.run()


if __name__ == "__main__":  # for a quick look; links into pages need cli/serve.py, which says why
    main()
