"""Who a segment or a selection is: sentences first, then tables."""

from __future__ import annotations

import html

import pandas as pd
import streamlit as st

from workbench.components import charts
from workbench.components.downloads import table, table_downloads
from workbench.insights import plain
from workbench.insights.profiles import MOODS, Profile
from workbench.insights.segments import Segment, Segments

MEMBERS = {
    "user_id": st.column_config.TextColumn("User"),
    "name": st.column_config.TextColumn("Segment"),
    "clear": st.column_config.CheckboxColumn("Clear", help="Whether they are of its dense group; others follow their nearest neighbours."),
    "strength": st.column_config.NumberColumn("Strength", help="How firmly they belong to it, from 0 to 1.", format="%.2f"),
}


def segment(found: Segments, chosen: Segment) -> None:
    """What one segment is, in sentences."""
    st.subheader(f"Segment of {chosen.size:,} users", anchor=False)
    if chosen.size > chosen.core:
        st.caption(f"{chosen.size - chosen.core:,} of them are unclear: counted here because their nearest neighbours are.")
    _members(found, found.members.loc[found.members["segment"] == chosen.id, "user_id"].tolist(), f"segment-{chosen.id}")
    _sentences(chosen.profile)


def selection(found: Segments, users: list[str], profile: Profile) -> None:
    """What was drawn on the map, in sentences."""
    st.subheader(f"Selection of {len(users):,} users", anchor=False)
    _members(found, users, "selection")
    _sentences(profile)


def _members(found: Segments, users: list[str], key: str) -> None:
    everybody = plain.members(found)
    with st.popover("Members", icon=":material/person:"):
        mine = everybody[everybody["user_id"].isin(users)]
        table(mine, f"{key}-members", f"{key}-members", width=460, column_order=MEMBERS, column_config=MEMBERS)


def _sentences(profile: Profile) -> None:
    for line in plain.summary(profile):
        st.text(line)


def details(profile: Profile, key: str) -> None:
    """The figures of a profile, a tab for each kind."""
    titles = ["Behaviour", "What they buy", "Words", "Sentiment", "Languages", *(["Your labels"] if profile.labels else [])]
    about, things, words, moods, spoken, *labelled = st.tabs(titles)
    buyers = "Buyers" if profile.basis == "purchase" else "Reviewers"
    with about:
        _table(plain.measures_table(profile), f"{key}-behaviour", "Nothing is known of what they did.")
    with things:
        left, right = st.columns(2, gap="medium")
        with left:
            _table(plain.over_table(profile.categories, "Category", buyers), f"{key}-categories", "No category sets them apart.")
        with right:
            _table(plain.over_table(profile.products, "Product", buyers), f"{key}-products", "No product sets them apart.")
    with words:
        _table(plain.words_table(profile), f"{key}-words", "No word sets them apart.")
        if profile.words:
            st.caption(f"{plain.words_heading(profile)}.")
    with moods:
        _table(plain.shares_table(profile.sentiment, "Sentiment"), f"{key}-sentiment", "They have written no reviews.")
        if profile.sentiment:
            st.caption(f"Sentiment is {profile.mood_basis}.")
    with spoken:
        _table(plain.shares_table(profile.languages, "Language"), f"{key}-languages", "No language of theirs is known.")
    for tab in labelled:
        with tab:
            _table(plain.shares_table(profile.labels, "Label"), f"{key}-labels", "")
            st.caption("Labels about reviews are counted over their reviews, labels about products over what they have.")
    left_out(profile)


def left_out(profile: Profile) -> None:
    """What is not shown because the shop or the model lacks it."""
    if profile.missing:
        st.caption("Left out. " + " ".join(plain.missing(profile)))


def _table(frame: pd.DataFrame, key: str, nothing: str) -> None:
    if frame.empty:
        st.text(nothing)
        return
    st.dataframe(frame, hide_index=True, key=f"{key}-table", alt=key)
    with st.expander("Download", icon=":material/download:"):
        table_downloads(frame, key, key)


def share_bars(found: Segments) -> None:
    """Share of users beside share of revenue, by segment."""
    frame = pd.DataFrame(
        {
            "Segment": [s.name for s in found.segments],
            "Share of users": [s.profile.share_users for s in found.segments],
            "Share of revenue": [s.profile.share_revenue for s in found.segments],
        }
    ).dropna(axis=1, how="all")
    paid = "Share of revenue" in frame
    st.subheader("Users and revenue" if paid else "Users", anchor=False)
    _bars(frame, "shares", f"Share of users{' and of revenue' if paid else ''} by segment", stacked=False)


def mood_bars(found: Segments) -> None:
    """Sentiment of each segment's reviews."""
    rows = [{"Segment": s.name, **{m.name: m.share for m in s.profile.sentiment}} for s in found.segments if s.profile.sentiment]
    if rows:
        st.subheader("What their reviews sound like", anchor=False)
        _bars(pd.DataFrame(rows)[["Segment", *MOODS]], "moods", "Sentiment of the reviews by segment", stacked=True)


def _bars(frame: pd.DataFrame, key: str, alt: str, *, stacked: bool) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    names = [html.escape(name, quote=False) for name in frame["Segment"]]
    for place, column in enumerate(frame.columns[1:]):
        colour = charts.SENTIMENT.get(column, charts.colour(place))
        hover = "%{y}: %{x:.1%}<extra>" + column + "</extra>"
        figure.add_bar(y=names, x=frame[column], orientation="h", name=column, marker_color=colour, hovertemplate=hover)
    charts.tidy(figure, height=90 + len(frame) * (28 if stacked else 44))
    figure.update_layout(
        barmode="stack" if stacked else "group", xaxis_tickformat=".0%", yaxis={"autorange": "reversed"}, legend_traceorder="normal"
    )
    figure.update_yaxes(automargin=True)
    charts.show(figure, key=f"segments-{key}", alt=alt, table=frame.round(4))
