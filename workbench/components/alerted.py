"""Alerts on every page: found once for all of them, where each is in words, and the way to its reviews."""

from __future__ import annotations

import streamlit as st

from workbench.components import context, states
from workbench.insights import alerts
from workbench.insights.alerts import Alert, Alerts
from workbench.shop.space import Space
from workbench.shop.store import Store


def found() -> Alerts:
    """The alerts of all reviews by the active model's labels."""
    return _found(context.store(), context.space(), context.state_key())


@st.cache_resource(show_spinner="Looking for surges of negative reviews…", max_entries=4)
def _found(_store: Store, _space: Space | None, state: tuple[str, int, str]) -> Alerts:
    return alerts.find(_store, _space)


def scope_words(scope: dict[str, str], titles: dict[str, str]) -> str:
    """An alert's scope as people say it."""
    if not scope:
        return "the whole shop"
    kind, value = next(iter(scope.items()))
    return (
        f"{titles.get(value, value)} ({value})" if kind == "product_id" and titles.get(value) != value else f"{kind.split('_')[0]} {value}"
    )


def see(alert: Alert) -> None:
    """Go to the page Sentiment, narrowed down to the alert's scope."""
    states.go("sentiment", **{kind.removesuffix("_id"): value for kind, value in alert.scope.items()})
