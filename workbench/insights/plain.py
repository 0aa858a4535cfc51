"""Profiles in plain words and tables, the same on a page and in a report."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import pandas as pd

from workbench.insights.behaviour import REVIEWS
from workbench.insights.profiles import Measure, Over, Profile, Share
from workbench.insights.segments import Segments
from workbench.insights.sentiment import between

CLEAR = 0.1


def number(value: float | None, unit: str = "") -> str:
    """A figure as people read it: shares in percent, large numbers without decimals; a dash for nothing."""
    if value is None or isnan(value):
        return "–"
    if unit == "share":
        return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def compared(measure: Measure) -> str:
    """Whether these users have more or less of it than others, in words, judged by `higher` where that is beyond chance."""
    lean = measure.higher - 0.5
    if abs(lean) < CLEAR or not measure.sure:
        return "about like the others"
    return f"{'clearly ' if abs(lean) >= 2 * CLEAR else ''}{'more' if lean > 0 else 'less'} than the others"


def summary(profile: Profile) -> list[str]:
    """What is most worth knowing of the users, as sentences."""
    lines = [f"{profile.size:,} users, {number(profile.share_users, 'share')} of all."]
    if profile.share_revenue is not None and profile.revenue is not None:
        lines[0] = lines[0][:-1] + f", who bring {number(profile.share_revenue, 'share')} of the revenue ({number(profile.revenue)})."
    if profile.categories:
        verb = "buy" if profile.basis == "purchase" else "review"
        liked = "; ".join(f"{c.title} ({_times(c)})" for c in profile.categories[:3])
        lines.append(f"They {verb} more than others: {liked}.")
    if profile.words:
        lines.append(f"{words_heading(profile)}: {', '.join(w.title for w in profile.words)}.")
    for mood in profile.sentiment[:1]:
        share, shop = number(mood.share, "share"), number(mood.shop, "share")
        lines.append(f"{share} of their {mood.of:,} reviews are negative ({between(mood.low, mood.high)}); in the shop {shop}.")
    if back := profile.measure("returns"):
        value, shop = number(back.value, "share"), number(back.shop, "share")
        lines.append(f"{back.label.replace('Buys', 'Probability to buy')}: {value} on average; in the shop {shop}.")
    return lines


def words_heading(profile: Profile) -> str:
    """What the over-indexed words are."""
    return "Words they use more than others" if profile.word_basis == REVIEWS else "Words in the names of what they have more than others"


def words_table(profile: Profile) -> pd.DataFrame:
    """The over-indexed words and how many users they are of."""
    return over_table(profile.words, "Word", "Writers" if profile.word_basis == REVIEWS else "Buyers")


def _times(found: Over) -> str:
    if found.elsewhere == 0:
        return "nobody else does"
    return f"{found.lift:.1f} times as often" if found.lift < 20 else "over 20 times as often"


def missing(profile: Profile) -> list[str]:
    """What is not shown and why."""
    return [f"{thing[0].upper()}{thing[1:]}: {reason}." for thing, reason in profile.missing.items()]


def measures_table(profile: Profile) -> pd.DataFrame:
    """Every measure beside the shop's."""
    rows = [
        {
            "Measure": m.label,
            "These users": number(m.value, m.unit),
            "Whole shop": number(m.shop, m.unit),
            "Compared": compared(m),
            "Users": m.n,
        }
        for m in profile.measures
    ]
    return pd.DataFrame(rows, columns=["Measure", "These users", "Whole shop", "Compared", "Users"])


def over_table(found: Sequence[Over], what: str, count: str) -> pd.DataFrame:
    """Over-indexed things; `count` is what `n` counts."""
    rows = [
        {
            what: o.title,
            count: o.n,
            "Of all they have": number(o.share, "share"),
            "Of all others have": number(o.elsewhere, "share"),
            "Lift": round(o.lift, 2),
            "z": round(o.z, 1),
        }
        for o in found
    ]
    return pd.DataFrame(rows, columns=[what, count, "Of all they have", "Of all others have", "Lift", "z"])


def shares_table(found: Sequence[Share], what: str) -> pd.DataFrame:
    """Shares with their interval and n."""
    rows = [
        {
            what: s.name,
            "Share": number(s.share, "share"),
            "95 % interval": between(s.low, s.high),
            "n": s.n,
            "of": s.of,
            "Whole shop": number(s.shop, "share"),
        }
        for s in found
    ]
    return pd.DataFrame(rows, columns=[what, "Share", "95 % interval", "n", "of", "Whole shop"])


def overview(found: Segments) -> pd.DataFrame:
    """One row for each segment, numbers as numbers: what the shop lacks is left out."""
    return pd.DataFrame([_row(s.id, s.name, s.core, s.profile) for s in found.segments]).dropna(axis=1, how="all")


def _row(number_of: int, name: str, core: int, profile: Profile) -> dict[str, object]:
    row: dict[str, object] = {
        "Segment": number_of,
        "Name": name,
        "Users": profile.size,
        "Unclear users": profile.size - core,
        "Share of users": profile.share_users,
        "Revenue": profile.revenue,
        "Share of revenue": profile.share_revenue,
    }
    row |= {m.label: m.value for m in profile.measures}
    row |= {f"{s.name.capitalize()} reviews": s.share for s in profile.sentiment}
    return row


def glance(found: Segments) -> pd.DataFrame:
    """One row for each segment, worded for reading."""
    rows = []
    for s in found.segments:
        share = number(s.profile.share_users, "share")
        row: dict[str, object] = {"Segment": s.name, "Users": s.size, "Unclear": s.size - s.core, "Of all": share}
        if s.profile.share_revenue is not None:
            row["Of revenue"] = number(s.profile.share_revenue, "share")
        for name, label in (("orders", "Orders"), ("value", "Spent"), ("recency", "Days quiet"), ("returns", "Buys again")):
            if measure := s.profile.measure(name):
                row[label] = number(measure.value, measure.unit)
        if s.profile.sentiment:
            row["Negative"] = number(s.profile.sentiment[0].share, "share")
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def members(found: Segments) -> pd.DataFrame:
    """Every user with segment and strength, for export."""
    frame = found.members
    names = {s.id: s.name for s in found.segments}
    return pd.DataFrame(
        {
            "user_id": frame["user_id"],
            "segment": frame["segment"],
            "name": [names.get(s, "No segment") for s in frame["segment"]],
            "clear": frame["core"],
            "strength": frame["strength"].round(3),
            "x": frame["x"].round(4),
            "y": frame["y"].round(4),
        }
    )
