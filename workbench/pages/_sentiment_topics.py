"""The topics of the selected reviews on the sentiment page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.components import charts, context, downloads, states, tables
from workbench.insights import sentiment, topics
from workbench.insights.selection import Selection
from workbench.insights.topics import Topic
from workbench.pages import _sentiment_charts
from workbench.pages._sentiment_charts import FEW
from workbench.shop.space import Space

WIDE, SEEN = 430, 5
REVIEWS = {
    "review_id": None,
    "date": st.column_config.DateColumn("Date", width=90),
    "product": st.column_config.TextColumn("Product", width=140),
    "stars": st.column_config.NumberColumn("Stars", width=50, format="%d"),
    "sentiment": st.column_config.TextColumn("Sentiment", width=80),
    "probability": st.column_config.NumberColumn("Sure", format="percent", width=50),
    "label_probability": st.column_config.NumberColumn("Sure of your label", format="percent", width="small"),
    "text": st.column_config.TextColumn("Text", width=WIDE),
}  # the widths are the least ones: together they fit a laptop's screen, on a wider one all grow


@st.cache_data(show_spinner="Grouping the reviews by what they say…", max_entries=16)
def _topics(key: tuple[str, int, str], selection: Selection) -> list[Topic]:
    space = context.space()
    return topics.find(context.store(), space, selection) if space else []


def show(key: tuple[str, int, str], space: Space | None, selection: Selection, every: sentiment.Every) -> None:
    """A table of the topics; the chosen one with its trend and its most typical reviews."""
    if space is None:
        states.empty(
            "Topics need a model", "They are groups of reviews that lie close together in the joint space.", "Train a model", "models"
        )
        return
    found = _topics(key, selection)
    if not found:
        states.empty(
            "Too few reviews for topics", f"At least {topics.LEAST} reviews that the model has read are needed; widen the filters."
        )
        return
    shares = sentiment.with_shares(
        pd.DataFrame([{"n": t.known, **{f"{x}_n": t.negative * t.known for x in ("negative", "neutral", "positive")}} for t in found])
    )
    frame = pd.DataFrame(
        {
            "Topic": [t.name for t in found],
            "Reviews": [t.n for t in found],
            "Negatives": [round(t.negative * t.known) for t in found],
            "Negative": [round(t.negative, 2) for t in found],
            "95 % interval": [sentiment.between(*ends) for ends in zip(shares["negative_low"], shares["negative_high"], strict=True)],
            "Words": [", ".join(t.words) for t in found],
        }
    )
    st.caption(f"{len(found)} topics, most negative reviews first. Choose one: its trend, where reviews have dates, and typical reviews.")
    picked = st.dataframe(
        frame,
        key="topics",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={"Negative": st.column_config.NumberColumn(format="percent")},
    )
    downloads.table_downloads(frame, "topics", "topics")
    rows = picked["selection"]["rows"] if picked else []
    _one(found[rows[0]] if rows and rows[0] < len(found) else found[0], every)


def _one(topic: Topic, every: sentiment.Every) -> None:
    store, space = context.store(), context.space()
    mine = Selection(review_ids=topic.reviews)
    drawn = sentiment.legible_trend(store, space, mine, "month" if topic.n < 300 else every, FEW)
    st.subheader(topic.name, anchor=False)
    if drawn:
        period, trend = drawn
        st.caption(f"Share of negative reviews by {period} and its 95 % interval, where a {period} has more than {FEW} reviews.")
        alt = f"Share of negatives of the topic {topic.name} by {period}"
        charts.show(_sentiment_charts.small(trend), key="topic-trend", alt=alt, table=trend)
    else:
        st.caption("Too few of its reviews have a date to draw how it moved.")
    _typical("Typical reviews", topic.examples, "topic-typical")
    if topic.complaints and set(topic.complaints) != set(topic.examples):
        _typical("Typical negative reviews", topic.complaints, "topic-complaints")


def _typical(title: str, ids: tuple[str, ...], key: str) -> None:
    """Whole reviews, for reading."""
    st.caption(title)
    typical = sentiment.reviews(context.store(), context.space(), Selection(review_ids=ids))
    shown = typical[["date", "product", "stars", "sentiment", "text"]]
    read(shown, key)


def read(shown: pd.DataFrame, key: str) -> None:
    """A table of reviews whose texts stand in it whole, but for the longest."""
    row = tables.reading(shown["text"], WIDE)
    height = tables.height(len(shown), most=SEEN, row=row)
    st.dataframe(shown, hide_index=True, key=key, column_config=REVIEWS, row_height=row, height=height)
