"""What there is, how good it is and what to do next."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.components import alerted, charts, context, metrics, needed, progress, states, training
from workbench.insights import activity
from workbench.registry import ModelVersion
from workbench.run import runs
from workbench.shop.store import Store

TITLE = "Overview"
ICON = ":material/dashboard:"
ORDER = 0
ALERTS_SHOWN = 5

HOW = """
**Rows** are counted in the shop's own tables; *until* is the latest time that their rows name.

**How good the model is** was measured once, when the version was made, on test rows it never learned from. The range
is a 95 % interval, n the number of test rows. The difference is to the best of the simple methods measured on the same
rows. It is **coloured only beyond chance**: where the two intervals do not touch, or where the interval of the
difference itself, row by row, leaves out 0. All methods are on the page Models.

**Open alerts** are surges of negative reviews that lasted into the last three weeks of the reviews; the page Sentiment
shows all of them and says how they are found.
"""


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    store, active = context.store(), context.registry().active()
    held = _holdings(store, context.state_key())
    running = progress.running()
    for status in running:
        progress.watch(status.id)
    _finished({status.id for status in running})
    first = st.container()  # filled last: watching all series takes a moment
    if not running:
        _next(held, active)
    if held["rows"].sum():
        _model(active)
        _data(store, held)
        with first, states.guard():
            _alerts(store)


@st.cache_data(show_spinner=False, max_entries=4)
def _holdings(_store: Store, state: tuple[str, int, str]) -> pd.DataFrame:
    return activity.holdings(_store)


@st.cache_data(show_spinner=False, max_entries=4)
def _by_month(_store: Store, state: tuple[str, int, str]) -> pd.DataFrame:
    return activity.by_month(_store)


def _finished(running: set[str]) -> None:
    """How the run ended that the URL names; without one, the newest run if it failed."""
    run_id = progress.remembered()
    if run_id is None:
        newest = next(iter(runs(context.home())), None)
        unknown = newest is not None and not newest.dismissed and newest.status().state == "failed"
        run_id = newest.id if newest is not None and unknown else None
    if run_id and run_id not in running:
        progress.watch(run_id)


# -- what to do next -----------------------------------------------------------------------------


def _next(held: pd.DataFrame, active: ModelVersion | None) -> None:
    rows = int(held["rows"].sum())
    if not rows:
        words = "Import the shop's reviews, orders, products or tickets: any one of them is enough to begin."
        states.empty("This shop is empty", words, "Import data", "data")
    elif active is None:
        if needed.gone():
            return
        with st.container(border=True):
            st.subheader("Next: train a model", anchor=False)
            st.text(f"{rows:,} rows are here and no model has learned from them yet. It takes some minutes on two cores.")
            _train_buttons("Train a model")
    elif why := _waits(newest := context.registry().versions()[0], active):
        with st.container(border=True):
            st.subheader("Next: decide about the new version", anchor=False)
            what = "fine-tuned" if newest.info.get("kind") == "finetune" else "trained"
            st.text(f"{newest.id} was {what} on {why} and waits for its promotion.")
            if st.button("Compare and decide", type="primary", icon=":material/compare_arrows:", key="to-decision"):
                states.go("models")
    elif int(active.info.get("data_version") or 0) != context.store().content_version:
        with st.container(border=True):
            st.subheader("Next: learn from the new data", anchor=False)
            known = active.info.get("data_version")
            st.text(f"The data is at version {context.store().data_version}; the active model learned from version {known}.")
            _train_buttons("Train again")
            _read_new_rows(active)


def _waits(newest: ModelVersion, active: ModelVersion) -> str | None:
    """On what the newest version was made, where that asks for a decision beside the active one."""
    if newest.info.get("parent") == active.id:
        return "top of the active model"
    learned, known = (int(version.info.get("data_version") or 0) for version in (newest, active))
    return f"data version {learned}, the active model on {known}," if learned > known else None


def _read_new_rows(active: ModelVersion) -> None:
    """How many rows the active model has not seen, and the button that lets it read them as it is."""
    unseen = training.unseen_words(needed.model())
    if not unseen:
        return
    st.text(f"It has not seen {unseen} that came or changed since. It can read them as it is, which is quicker than to learn from them.")
    if st.button("Read the new rows", icon=":material/playlist_add:", key="read-new-rows"):
        with states.guard():
            progress.remember(training.start_embedding(active.id))
            st.rerun()


def _train_buttons(label: str) -> None:
    with st.container(horizontal=True):
        if st.button(label, type="primary", icon=":material/model_training:", key="train-now"):
            with states.guard():
                progress.remember(training.start_training("laptop"))
                st.rerun()
        if st.button("Choose a recipe first", key="to-models"):
            states.go("models")


# -- the model -----------------------------------------------------------------------------------


def _model(active: ModelVersion | None) -> None:
    if active is None:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("The active model", anchor=False)
        if st.button("All versions", key="all-versions", type="tertiary", icon=":material/arrow_forward:", icon_position="right"):
            states.go("models")
    info = active.info
    made = str(info.get("created", "")).replace("T", " ")
    st.caption(f"{active.id} · {info.get('kind', '?')} with recipe {info.get('recipe', '?')} · made {made}")
    found = metrics.headlines(active.measured)
    for start in range(0, len(found), 3):
        for column, headline in zip(st.columns(3), found[start : start + 3], strict=False):
            with column:
                _card(headline)
    for task, reason in active.measured.get("left_out", {}).items():
        st.caption(f"Not learned: {metrics.title(task)} ({reason}).")


def _card(headline: metrics.Headline) -> None:
    change = {}
    few = headline.n < metrics.LEAST_ROWS
    if headline.change is not None and not few:
        change = {**metrics.delta(headline.change, headline.verdict), "delta_description": f"to {headline.baseline_name}"}
    with st.container(border=True, gap="xsmall"):
        st.metric(f"{headline.title} · {headline.name}", metrics.digits(headline.value), **change)
        st.caption(f"n {headline.n:,}: {metrics.TOO_FEW}" if few else f"{metrics.span(vars(headline))} · n {headline.n:,}")


# -- alerts and data -----------------------------------------------------------------------------


def _alerts(store: Store) -> None:
    found = alerted.found()
    if found.last is None:
        return
    lasting = found.open()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Open alerts" if lasting else "Alerts", anchor=False)
        if st.button("See sentiment", key="to-sentiment", type="tertiary", icon=":material/arrow_forward:", icon_position="right"):
            states.go("sentiment")
    if not lasting:
        last = max((a.ended for a in found.alerts), default=None)
        before = f" The last one ended on {last}." if last else ""
        st.text(f"None is open in {found.series:,} watched series: no surge of negative reviews until {found.last}.{before}")
        return
    alerted.show(store, lasting[:ALERTS_SHOWN], "alert")
    if len(lasting) > ALERTS_SHOWN:
        st.caption(f"{len(lasting) - ALERTS_SHOWN:,} more are on the page Sentiment.")


def _data(store: Store, held: pd.DataFrame) -> None:
    st.subheader("The shop's data", anchor=False)
    there = held[held["rows"] > 0]
    until = [_until(table, last) for table, last in zip(there["table"], there["last"], strict=True)]
    for column, table, rows, last in zip(st.columns(max(4, len(there))), there["table"], there["rows"], until, strict=False):
        with column, st.container(border=True, gap="xsmall"):
            st.metric(table.capitalize(), f"{rows:,}")
            st.caption(last)
    missing = held.loc[held["rows"] == 0, "table"].tolist()
    if missing:
        st.caption(f"Nothing in: {', '.join(missing)}.")
    months = _by_month(store, context.state_key())
    if not months.empty:
        _chart(months)


def _until(table: str, last: pd.Timestamp) -> str:
    if pd.isna(last):
        return "no times"
    return f"{'joined until' if table == 'users' else 'until'} {last:%Y-%m-%d}"


def _chart(months: pd.DataFrame) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    for position, (what, rows) in enumerate(months.groupby("what", sort=True)):
        figure.add_scatter(
            x=rows["month"],
            y=rows["rows"],
            name=str(what),
            mode="lines",
            line={"color": charts.colour(position), "width": 2},
            hovertemplate="%{y:,} " + str(what).replace("<", "‹") + "<extra>%{x|%b %Y}</extra>",
        )
    figure.update_layout(yaxis_rangemode="tozero", yaxis_title="rows in the month")
    first, last = months["month"].min(), months["month"].max()
    alt = f"Rows by month from {first:%B %Y} to {last:%B %Y}: {', '.join(sorted(months['what'].unique()))}"
    charts.show(charts.tidy(figure, height=280), key="by-month", alt=alt, table=months)
