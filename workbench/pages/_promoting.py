"""Part of the page Fine-tune: what promoting a version would change for the shop, and the decision."""

from __future__ import annotations

import streamlit as st

from workbench.components import context, downloads, metrics, states
from workbench.errors import WorkbenchError
from workbench.insights import promotion
from workbench.insights.changes import shares
from workbench.insights.consequences import Consequences, consequences
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import Space

PAGE = "finetune"
_PERCENT, _COUNT = st.column_config.NumberColumn(format="percent"), st.column_config.NumberColumn(format="localized")
FORMATS = {"share": _PERCENT, "baseline": _PERCENT, "rows": _COUNT, "changed": _COUNT, "n": _COUNT}


def consequences_of(version: str) -> None:
    """What would change for the shop if a version took the place of the active one."""
    active = context.registry().active()
    if active is None or active.id == version:
        return
    store = context.store()
    before, after = Space(store, active), Space(store, context.registry().get(version))
    st.subheader("What promoting it would change", anchor=False)
    st.caption(f"Predictions of {version} against the active {active.id}, over the rows that both have read.")
    found = _found(before, after, (*context.state_key(), version))
    for sentence in found.sentences() or ["No review, alert, segment or recommendation would change."]:
        st.text(sentence)
    named = {"Labels": "tasks", "Reviews": "reviews", "Alerts": "alerts", "Segments": "moved", "Recommendations": "items"}
    shown = {name: getattr(found, table) for name, table in named.items() if len(getattr(found, table))}
    for tab, (name, frame) in zip(st.tabs(list(shown)) if shown else (), shown.items(), strict=True):
        with tab:
            named_rows = frame.assign(task=frame["task"].map(metrics.title)) if "task" in frame else frame
            downloads.table(named_rows, f"changed-{name.lower()}", f"changed-{name.lower()}", column_config=FORMATS, most=8)
            if name == "Labels" and "sentiment" in set(frame["task"]):
                percent = dict.fromkeys(("before", "after"), st.column_config.NumberColumn(format="percent"))
                st.caption("Share of reviews with each sentiment")
                downloads.table(shares(before, after, "sentiment"), "sentiment-shares", "shares", column_config=FORMATS | percent)


@st.cache_data(show_spinner="Comparing the two versions over the whole shop…", max_entries=4)
def _found(_before: Space, _after: Space, state: tuple[str, int, str, str]) -> Consequences:
    return consequences(_before.store, _before, _after)


def decide(version: str) -> None:
    """Promote a version, or roll back from it, with what came of it."""
    registry = context.registry()
    active = registry.active()
    seen = active.id if active else None
    states.answer(PAGE)
    with st.container(horizontal=True, vertical_alignment="center"):
        if seen == version:
            st.text(f"{version} is the active version.")
            if registry.previous():
                st.button("Roll back", key="roll-back", icon=":material/undo:", on_click=_roll_back, args=(registry, version))
        else:
            despite = agreed(registry.get(version), active)
            st.text(f"Active now: {seen or 'none'}")
            icon, given = ":material/publish:", (registry, version, seen, despite)
            st.button("Promote", type="primary", key="promote", icon=icon, on_click=_promote, args=given, disabled=despite is False)


def agreed(version: ModelVersion, active: ModelVersion | None) -> bool | None:
    """Whether it is agreed that something got worse or is gone; None where nothing did."""
    refused = promotion.refusal(version, active)
    if refused is None:
        return None
    st.warning(refused.problem, icon=":material/trending_down:")
    return st.checkbox("Promote it all the same", key="despite-worse")


def _promote(registry: Registry, version: str, seen: str | None, despite: bool | None) -> None:
    """`seen` is what was active when the button was drawn: of two people who promote at once, one is told."""
    with states.saying(PAGE):
        promotion.promote(registry, version, expected=seen, why="fine-tuning", despite_worse=bool(despite))
        states.say(PAGE, f"{version} is active now; every page answers from it.")


def _roll_back(registry: Registry, version: str) -> None:
    with states.saying(PAGE):
        active = registry.active()
        if active is None or active.id != version:
            raise WorkbenchError(
                f"Nothing was rolled back: {active.id if active else 'no version'} became active in the meantime.",
                "Look at the versions again, then decide.",
            )
        states.say(PAGE, f"Rolled back: {registry.rollback(why='fine-tuning').id} is active again.")
