"""Alerts on every page: found once for all of them, where each is in words, and the way to its reviews."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from workbench.components import context, states
from workbench.insights import alerts
from workbench.insights.alerts import Alert, Alerts
from workbench.insights.catalogue import about
from workbench.shop.space import Space
from workbench.shop.store import Store

NARROW = ("product_id", "brand", "category")  # the narrowest scope first


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


def over(store: Store, products: Iterable[str]) -> dict[str, Alert]:
    """The open alert of each of these products that has one: its own before its brand's or its category's. One of the whole shop
    tells no product from another."""
    lasting = sorted((alert for alert in found().open() if alert.scope), key=lambda alert: NARROW.index(next(iter(alert.scope))))
    made = {}
    for key, product in about(store, products).items() if lasting else ():
        its = {"product_id": key, "brand": product.brand, "category": (product.category or "").split(" > ")[0]}
        alert = next((alert for alert in lasting if alert.scope.items() <= its.items()), None)
        if alert:
            made[key] = alert
    return made


def show(store: Store, lasting: Sequence[Alert], key: str) -> None:
    """One line for each alert: where, how bad, since when, and the button that leads to its reviews."""
    known = about(store, [alert.scope["product_id"] for alert in lasting if "product_id" in alert.scope])
    titles = {name: product.title for name, product in known.items()}
    for place, alert in enumerate(lasting):
        with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(gap=None, width="stretch"):
                st.text(scope_words(alert.scope, titles))
                st.caption(f":red[:material/trending_up:] {figures(alert)} · certain on {alert.raised}")
            if st.button("See its reviews", key=f"{key}-{place}", icon=":material/arrow_forward:", icon_position="right"):
                see(alert)


def figures(alert: Alert) -> str:
    """How bad an alert is and since when."""
    return f"{alert.share:.0%} negative of {alert.n:,} reviews since {alert.began}, usually {alert.baseline:.0%}"


def see(alert: Alert) -> None:
    """Go to the page Sentiment, narrowed down to the alert's scope."""
    states.go("sentiment", **{kind.removesuffix("_id"): value for kind, value in alert.scope.items()})
