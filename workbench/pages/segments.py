"""Who the shop's users are: a map of all of them, the groups on it, and who a group or a drawn selection is."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from workbench import jobs
from workbench.components import context, needed, progress, states, url
from workbench.insights import plain, profiles, reports, segments
from workbench.insights.behaviour import Behaviour
from workbench.insights.profiles import Profile
from workbench.insights.segments import Segment, Segments
from workbench.pages import _segment_map, _segment_profile
from workbench.shop.space import Space

TITLE = "Segments"
ICON = ":material/groups:"
ORDER = 20

EVERYBODY = "All users"
HOW = """
Each user is a vector in the joint space, read from their purchases and reviews; the mean of all products they had is added, because
a user's own vector leans on the newest. **UMAP** lays the vectors out by their exact nearest neighbours; **HDBSCAN** finds the dense
groups. Both run with several random seeds and at several settings. The setting is taken whose groups tell most: the entropy of their
sizes, times the share of users clearly in one, times the agreement of the runs. That agreement is the **stability** (mean adjusted
Rand index: 1 always the same groups, 0 chance); the run most like the others is shown. A fine-tuned version keeps its parent's groups
while they hold: a user moves only where those who are now nearest belong to another group than those who were.

**Unclear** users belong to no dense group. They are counted with the group of their nearest neighbours and marked as unclear.

**Over-indexed** categories, products and words are those the group has more often than the others beyond chance: log-odds with a
prior (Monroe, Colaresi and Quinn 2008), *z* of at least 1.96; each user counts once for each. Shares are of all that the group's
users have, not of its users; **Lift** is the one divided by the other. Figures of a group are medians, return probabilities are
means, intervals are Wilson's at 95 %. A name calls high or low what lies 15 % or more from the shop's figure (of stars 5 %), and
beyond chance (Mann and Whitney 1947).
"""


def render() -> None:
    found = None
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        with st.container(horizontal=True, width="content", vertical_alignment="bottom"):
            states.how(HOW)
            place = st.container(width="content")
    space = needed.model()
    with states.guard():
        found = _found(context.state_key(), _stamp(space))
        _job(space, found)
        if found is not None:
            with place:
                _exports(found)
            _page(found)


# -- made, being made, not yet made -----------------------------------------------------------


def _stamp(space: Space) -> tuple[tuple[str, int], ...]:
    """Changes whenever segments were made anew."""
    return tuple(sorted((p.name, p.stat().st_mtime_ns) for p in (space.version.folder / "derived").glob("segments-*.json")))


@st.cache_resource(show_spinner=False, max_entries=4)
def _found(key: tuple[str, int, str], stamp: tuple[tuple[str, int], ...]) -> Segments | None:
    space = context.space()
    return segments.load(context.store(), space) if space else None


@st.cache_resource(show_spinner="Reading what the shop knows of its users…", max_entries=2)
def _known(key: tuple[str, int, str], stamp: tuple[tuple[str, int], ...]) -> Behaviour:
    space = needed.model()
    found = _found(key, stamp)
    assert found is not None
    return segments.known(context.store(), space, found)


def _job(space: Space, found: Segments | None) -> None:
    """What runs for this page, or the button that starts it where there is nothing or only something old."""
    at_work = next((s.id for s in progress.running() if s.kind in jobs.KINDS and _makes(s.kind, s.spec, space)), None)
    watched = at_work or progress.remembered()
    if watched and (at_work or found is None):
        progress.watch(watched)
    if at_work:
        return
    data_version = context.store().data_version
    if found is None and (users := segments.known_users(context.store(), space)) < segments.LEAST_USERS:
        states.empty(
            "Too few customers to group",
            f"Segments need at least {segments.LEAST_USERS} users with a history; this model knows {users}. Import orders or reviews that "
            "name their user, then train again.",
            "Import",
            "data",
        )
    elif found is None:
        with st.container(border=True):
            st.subheader("The segments of this model have not been made yet", anchor=False)
            st.text("Grouping the users takes about a minute for some thousand of them and goes on if you leave this page.")
            _start(space, "Find segments", "primary")
    elif found.data_version not in (data_version, context.store().content_version):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Made from data version {found.data_version}; the shop is at {data_version} now. Shares and counts are of then.")
            _start(space, "Find segments again", "secondary")


def _makes(kind: str, spec: dict[str, Any], space: Space) -> bool:
    return kind == "derive" and spec.get("version") == space.version.id


def _start(space: Space, label: str, style: Any) -> None:
    if st.button(label, type=style, icon=":material/groups:", key="find-segments"):
        with states.guard():
            run = jobs.start(context.home(), "derive", {"version": space.version.id, "snapshot": context.store().snapshot()})
            progress.remember(run.id)
            st.rerun()


# -- the page ----------------------------------------------------------------------------------


def _page(found: Segments) -> None:
    _figures(found)
    if not found.segments:
        st.text("No group stands out among the users: they are all alike to the model, or all different.")
    picked = url.choice("Segment", [EVERYBODY, *(s.name for s in found.segments)], "segment", EVERYBODY, segmented=False)
    chosen = next((s for s in found.segments if s.name == picked), None)
    left, right = st.columns([7, 6], gap="medium")
    with left:
        users = _segment_map.draw(found, chosen.id if chosen else None)
    with right:
        profile = _about(found, chosen, users)
    if profile is not None:
        _segment_profile.details(profile, "selection" if users or chosen is None else f"segment-{chosen.id}")
    else:
        _glance(found)


def _about(found: Segments, chosen: Segment | None, users: list[str]) -> Profile | None:
    """What stands beside the map: the selection on it, else the chosen segment, else all of them; the profile shown."""
    if users:
        profile = profiles.profile(_known(context.state_key(), _stamp(needed.model())), users)
        _segment_profile.selection(found, users, profile)
        return profile
    if chosen:
        _segment_profile.segment(found, chosen)
        return chosen.profile
    _everybody(found)
    return None


def _figures(found: Segments) -> None:
    columns = st.columns(4)
    lines = segments.explain(found)
    columns[0].metric("Segments", len(found.segments), border=True, help=lines[2])
    columns[1].metric("Users", f"{found.users:,}", border=True, help=lines[3] if len(lines) > 3 else "All users with a history.")
    columns[2].metric("Unclear users", f"{found.noise:.0%}", border=True, help=lines[0])
    columns[3].metric("Stability over seeds", f"{found.stability:.2f}", border=True, help=lines[1])
    st.caption(segments.verdict(found))


def _everybody(found: Segments) -> None:
    if found.segments:
        _segment_profile.share_bars(found)
    st.caption("Choose a segment above, or draw a box or a lasso on the map: then this side says who they are.")


def _glance(found: Segments) -> None:
    """All segments beside one another, over the whole width."""
    from workbench.components.downloads import table

    st.subheader("Segments at a glance", anchor=False)
    glance = plain.glance(found)
    shown = glance if found.noise else glance.drop(columns="Unclear")
    table(shown, "segments", "glance", right=shown.columns[1:])
    if found.segments:
        _segment_profile.left_out(found.segments[0].profile)
        _segment_profile.mood_bars(found)


def _report(kind: str) -> bytes:
    return reports.segments(context.store(), needed.model(), kind)


def _exports(found: Segments) -> None:
    with st.popover("Export", icon=":material/download:"):
        st.caption("The report of all segments with charts and members.")
        with st.container(horizontal=True):
            for kind, label in (("html", "HTML"), ("pdf", "PDF"), ("xlsx", "XLSX")):
                st.download_button(
                    label,
                    partial(_report, kind),
                    file_name=f"segments-{found.version}.{kind}",
                    mime=reports.FORMATS[kind],
                    key=f"report-{kind}",
                    on_click="ignore",
                    icon=":material/description:",
                )
        st.caption("All users with their segment.")
        st.download_button(
            "Members as CSV",
            partial(_report, "csv"),
            file_name=f"segment-members-{found.version}.csv",
            mime="text/csv",
            key="members-csv",
            on_click="ignore",
            icon=":material/download:",
        )
