"""What every page stands on: the home, the open shop, the active version's space."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import Space
from workbench.shop.store import Store


def home() -> Home:
    """The home this app was opened on."""
    return Home.find()


_ALONE = threading.RLock()  # always taken before the cache's own lock on `_open`: taken after it, two who close would wait for ever


@st.cache_resource(show_spinner=False)
def _open(root: str) -> Store:
    return Store.open(Home.find(root))


def _opened(root: str) -> Store:
    with _ALONE:
        return _open(root)


def store() -> Store:
    """The shop, opened read-write once for the whole process."""
    return _opened(str(home().root))


@contextmanager
def closed() -> Iterator[None]:
    """The shop is closed for as long as the block lasts, for what needs its file alone; all pages wait for it, then read anew."""
    with _ALONE:
        store().close()
        for kept in (_space, _open, st.cache_data):
            kept.clear()
        yield


def registry() -> Registry:
    return Registry(home())


def space() -> Space | None:
    """The active version's space, or None before the first promotion."""
    version = registry().active()
    return _space(str(home().root), version.id, version.state) if version else None


@st.cache_resource(show_spinner=False, max_entries=8)
def _space(root: str, version: str, state: str) -> Space:
    found: ModelVersion = Registry(Home.find(root)).get(version)
    return Space(_opened(root), found)


def state_key() -> tuple[str, int, str]:
    """What every cached answer depends on: home, data version, model version with what was added to it."""
    active = registry().active()
    return str(home().root), store().data_version, active.state if active else ""
