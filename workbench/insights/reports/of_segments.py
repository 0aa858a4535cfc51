"""The segment report: who the users are, for people who were not there when it was computed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.insights import plain, segments
from workbench.insights.profiles import MOODS
from workbench.insights.reports.document import Bars, Chart, Points, Report, Section
from workbench.insights.segments import Segment, Segments
from workbench.shop.space import Space
from workbench.shop.store import Store

MOST_POINTS = 3_000
MOOD_COLOURS = ("#D55E00", "#8A929E", "#1B82C4")
HOW = (
    "Each user is a vector in the joint space, read from the history of purchases and reviews; for segments the mean of all products "
    "they had is added, because the user's own vector leans on the newest. UMAP lays the vectors out "
    "by their exact nearest neighbours, HDBSCAN finds the dense groups; with several seeds and at several settings. The setting is taken "
    "whose groups tell most: the entropy of their sizes, times the share of users clearly in one, times the agreement of the runs.",
    "Categories, products and words are listed where the group has them more often than the others beyond chance: log-odds with "
    "a prior (Monroe, Colaresi and Quinn 2008), z of at least 1.96. Each user counts once for each thing. Shares are of all "
    "that the group's users have, not of its users; lift is the one divided by the other.",
    "Figures of a group are medians, the return probability is a mean. “Compared” asks how often a user of the group has more "
    "than a user outside it, and calls it more or less only beyond chance (Mann and Whitney 1947). Intervals of shares are Wilson's, 95 %.",
)


def report(store: Store, space: Space) -> Report:
    """Everything about the version's segments; WorkbenchError where they have not been made."""
    found = segments.load(store, space)
    if found is None:
        raise WorkbenchError(
            f"The segments of model version {space.version.id} have not been made yet.", "Open the page Segments and press “Find segments”."
        )
    facts = [f"Data version {found.data_version}, model {found.version}, {found.users:,} users in {len(found.segments)} segments."]
    if found.data_version != store.data_version:
        facts.append(f"The shop's data have moved on since, to version {store.data_version}.")
    sections = [_whole(found), *(_one(s) for s in found.segments), Section("How this was computed", HOW)]
    sheets = {
        "Members": plain.members(found),
        "Segments": plain.overview(found),
        "Differences": _differences(found),
        "Notes": _notes(found, facts),
    }
    return Report("segments", "Segment report", facts, sections, sheets)


def _whole(found: Segments) -> Section:
    if not found.segments:
        return Section("All users", ["No group stands out among the users.", *segments.explain(found)], [_map(found)])
    names = [s.name for s in found.segments]
    shares: dict[str, list[float]] = {"Share of users": [s.profile.share_users for s in found.segments]}
    if all(s.profile.share_revenue is not None for s in found.segments):
        shares["Share of revenue"] = [s.profile.share_revenue or 0.0 for s in found.segments]
    title = "Share of users and of revenue" if "Share of revenue" in shares else "Share of users"
    charts: list[Chart] = [_map(found), Bars(title, names, shares, "share")]
    if any(s.profile.sentiment for s in found.segments):
        moods = {mood: [_mood(s, mood) for s in found.segments] for mood in MOODS}
        charts.append(Bars("What their reviews sound like", names, moods, "share", stacked=True, colours=MOOD_COLOURS))
    lacking = plain.missing(found.segments[0].profile)
    text = [*segments.explain(found), *(["Not shown, because the shop or the model lacks it:", *lacking] if lacking else [])]
    return Section("All segments", text, charts, {"Segments at a glance": plain.glance(found)})


def _mood(segment: Segment, mood: str) -> float:
    return next((s.share for s in segment.profile.sentiment if s.name == mood), 0.0)


def _map(found: Segments) -> Points:
    """The map; a sample drawn at random where there are many users."""
    members = found.members
    if len(members) > MOST_POINTS:
        members = members.iloc[np.sort(np.random.default_rng(0).choice(len(members), MOST_POINTS, replace=False))]
    members = members.sort_values(["segment", "user_id"])
    shown = f", {MOST_POINTS:,} drawn at random" if len(found.members) > MOST_POINTS else ""
    title = f"Map of the users{shown}: who is near has a similar history"
    return Points(title, members["x"].tolist(), members["y"].tolist(), [found.name(s) for s in members["segment"]])


def _one(segment: Segment) -> Section:
    profile = segment.profile
    text = plain.summary(profile)
    if segment.size > segment.core:
        text.append(
            f"{segment.size - segment.core:,} of them belong less clearly: they are counted here because their nearest neighbours are."
        )
    buyers = "Buyers" if profile.basis == "purchase" else "Reviewers"
    tables = {
        "Behaviour": plain.measures_table(profile),
        "Categories they have more often": plain.over_table(profile.categories, "Category", buyers),
        "Products they have more often": plain.over_table(profile.products, "Product", buyers),
        plain.words_heading(profile): plain.words_table(profile),
        f"Sentiment of their reviews, {profile.mood_basis}": plain.shares_table(profile.sentiment, "Sentiment"),
        "Languages of their reviews": plain.shares_table(profile.languages, "Language"),
    }
    if profile.labels:
        tables["Labels of your own"] = plain.shares_table(profile.labels, "Label")
    return Section(segment.name, text, (), tables)


def _differences(found: Segments) -> pd.DataFrame:
    """All over-indexed things of all segments, one row each."""
    rows = [
        {
            "Segment": s.name,
            "What": what,
            "Id": o.name,
            "Title": o.title,
            "Users": o.n,
            "Of all they have": o.share,
            "Of all others have": o.elsewhere,
            "Lift": o.lift,
            "z": o.z,
        }
        for s in found.segments
        for what, things in (("category", s.profile.categories), ("product", s.profile.products), ("word", s.profile.words))
        for o in things
    ]
    return pd.DataFrame(rows, columns=["Segment", "What", "Id", "Title", "Users", "Of all they have", "Of all others have", "Lift", "z"])


def _notes(found: Segments, facts: list[str]) -> pd.DataFrame:
    lacking = plain.missing(found.segments[0].profile) if found.segments else []
    return pd.DataFrame({"Notes": [*facts, *segments.explain(found), *lacking, *HOW]})
