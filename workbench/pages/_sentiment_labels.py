"""The labels of the user's own tasks over time, on the sentiment page."""

from __future__ import annotations

import html

import pandas as pd
import streamlit as st

from workbench.components import charts, context, downloads
from workbench.insights import sentiment
from workbench.insights.selection import Selection
from workbench.pages import _sentiment_charts

MOST_DRAWN = 8


@st.cache_data(show_spinner=False, max_entries=16)
def _trend(key: tuple[str, int, str], selection: Selection, every: sentiment.Every, labels: tuple[str, ...]) -> pd.DataFrame:
    return sentiment.own_labels_trend(context.store(), context.space(), selection, every, labels)


def show(key: tuple[str, int, str], selection: Selection, every: sentiment.Every, names: dict[str, str]) -> None:
    """How often each label is given to the selected reviews, and its share of them over time."""
    trend = _trend(key, selection, every, tuple(names))
    if trend.empty:
        st.text("None of these reviews was read by the active model.")
        return
    read = int(trend.drop_duplicates("period")["n"].sum())
    counts = trend.groupby("label")["reviews"].sum().sort_values(ascending=False, kind="stable")
    drawn = list(counts.index[:MOST_DRAWN])
    more = f"; the {MOST_DRAWN} most frequent of {len(counts)} are drawn" if len(counts) > MOST_DRAWN else ""
    st.caption(
        f"The share of {read:,} reviews that each of your labels is given to{more}. Choose one under “Label of your own” for its reviews."
    )
    shown = trend[trend["label"].isin(drawn)].sort_values("label", key=lambda label: label.map(drawn.index), kind="stable")
    alt = "; ".join(f"{names[str(label)]} {n / read:.0%}" for label, n in counts.items() if label in drawn)
    figure = _sentiment_charts.of_labels(shown, {label: html.escape(name, quote=False) for label, name in names.items()})
    charts.show(
        figure, key="own-labels", alt=f"Share of reviews by label of your own over time, overall: {alt}", table=_named(trend, names)
    )
    frame = pd.DataFrame({"label": [names[str(label)] for label in counts.index], "reviews": counts.to_numpy()})
    config = {"share": st.column_config.NumberColumn(format="percent"), "reviews": st.column_config.NumberColumn(format="localized")}
    downloads.table(frame.assign(share=(frame["reviews"] / read).round(3)), "own-labels", "own-labels-counts", column_config=config)


def _named(trend: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    return trend.assign(label=trend["label"].map(names))
