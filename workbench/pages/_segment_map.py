"""The map of the users: WebGL points by segment, and the users that a box or a lasso on it holds."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from workbench.components import charts
from workbench.insights.segments import Segments

MOST_DRAWN = 20_000
HEIGHT, ENTRY, FEW = 480, 19, 4
CLEAR, UNCLEAR, BEHIND = 0.9, 0.4, 0.1


def draw(found: Segments, chosen: int | None) -> list[str]:
    """Draw the map with the `chosen` segment in front and return the ids of the users selected on it."""
    import streamlit as st

    members = found.members
    shown = members if len(members) <= MOST_DRAWN else members.sample(MOST_DRAWN, random_state=0)
    sizes = ", ".join(f"{s.name} {s.size:,}" for s in found.segments)
    event = charts.show(
        figure(found, shown, chosen),
        key=f"segment-map-{found.version}-{chosen}",
        alt=f"Map of {len(shown):,} users by similarity of their histories. Segments by users: {sizes or 'none'}.",
        on_select="rerun",
    )
    users = selected(members, dict(event["selection"]) if event else {})
    drawn = f"{MOST_DRAWN:,} of {len(members):,} users are drawn; a selection holds all of them. " if len(shown) < len(members) else ""
    pale = "the chosen segment stands in front, its pale users are unclear" if chosen is not None else "pale ones are unclear"
    st.caption(f"{drawn}Users near each other have similar histories; {pale}. Double-click clears a selection.")
    return users


def figure(found: Segments, shown: pd.DataFrame, chosen: int | None) -> Any:
    """Points by segment; the chosen segment in front, unclear users pale."""
    import plotly.graph_objects as go

    made = go.Figure()
    in_order = shown.sort_values("core", ascending=False, kind="stable")  # the legend takes each group's first sign
    for segment, rows in in_order.groupby("segment", sort=True):
        front = chosen is None or segment == chosen
        made.add_scattergl(
            x=rows["x"].to_numpy(np.float32),
            y=rows["y"].to_numpy(np.float32),
            mode="markers",
            name=html.escape(found.name(int(str(segment))), quote=False),
            text=[html.escape(user, quote=False) for user in rows["user_id"]],
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
            marker={
                "size": 5,
                "color": charts.colour(int(str(segment))),
                "symbol": charts.symbol(int(str(segment))),
                "opacity": np.where(rows["core"], CLEAR, UNCLEAR).tolist() if front else BEHIND,
            },
        )
    charts.tidy(made, height=HEIGHT + ENTRY * max(0, len(made.data) - FEW))  # names are long: each may need a line below the map
    made.update_layout(legend={"y": 0, "yanchor": "top", "itemsizing": "constant"}, margin={"t": 12})
    hidden = {"visible": False}
    made.update_layout(dragmode="lasso", xaxis=hidden, yaxis={**hidden, "scaleanchor": "x"}, uirevision=str(chosen))
    return made


def selected(members: pd.DataFrame, selection: dict[str, Any]) -> list[str]:
    """Ids of the users inside the boxes and lassos of a selection as Streamlit gives it."""
    x, y = members["x"].to_numpy(float), members["y"].to_numpy(float)
    inside = np.zeros(len(members), bool)
    for box in selection.get("box") or []:
        inside |= (x >= min(box["x"])) & (x <= max(box["x"])) & (y >= min(box["y"])) & (y <= max(box["y"]))
    for lasso in selection.get("lasso") or []:
        inside |= within(x, y, np.asarray(lasso["x"], float), np.asarray(lasso["y"], float))
    return members.loc[inside, "user_id"].tolist()


def within(x: np.ndarray, y: np.ndarray, corner_x: np.ndarray, corner_y: np.ndarray) -> np.ndarray:
    """Whether points lie inside a polygon, by the parity of crossings (Shimrat 1962)."""
    inside = np.zeros(len(x), bool)
    before_x, before_y = np.roll(corner_x, 1), np.roll(corner_y, 1)
    for ax, ay, bx, by in zip(corner_x, corner_y, before_x, before_y, strict=True):
        if ay != by:
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside
