"""How customers feel, how that moves, what they talk about, and where something went wrong."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from workbench.components import alerted, charts, context, downloads, states, tables, url
from workbench.insights import alerts, plain, reports, sentiment
from workbench.insights.alerts import Alert, Alerts
from workbench.insights.own_labels import own_labels
from workbench.insights.selection import Selection
from workbench.pages import _sentiment_charts, _sentiment_labels, _sentiment_topics
from workbench.shop.schema import happened
from workbench.shop.space import Space
from workbench.tasks.sentiment import LABELS

TITLE = "Sentiment"
ICON = ":material/mood:"
ORDER = 10
SHOWN = 500
PERIODS = {"day": pd.DateOffset(days=1), "week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}

HOW = """
Each review counts once, by the label {source}. Shares are of the reviews that have a label; intervals are Wilson's at 95 %.
Bars are pale where {few} reviews or fewer stand for them.

**Alerts** watch the weekly negatives of the shop and of every category, brand and product with at least 15 reviews, by a
one-sided **CUSUM** of beta-binomial log-likelihood ratios against a baseline from earlier weeks (weeks in an alert left out).
What one customer writes of a scope in one week and mood counts once, and in a whole alert once. Busy scopes are watched day by day,
too, for single spikes.
An alert is raised when the week that proves it is over. The threshold is set so that all series together raise at most {false:g}
false alert a year. Where scopes overlap, the one that explains the surge is named: a bad product is not also reported as a bad
category. **Last 4 weeks** are those before the newest review of all.

Filters narrow the list to alerts that a chosen review drove; an alert's own figures stay those of its whole scope. It is **open**
while its scope has not been reviewed for three weeks without a surge.

**Topics** are clusters of the reviews' vectors, named by the words that mark them (class-based TF-IDF). **Your labels** are those that
the active model learned from labelled rows; every review gets one, also where the model is not sure.
"""


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        space = context.space()
        states.how(HOW.format(source=sentiment.source(space), false=alerts.FALSE_PER_YEAR, few=_sentiment_charts.FEW))
    with states.guard():
        if not context.store().value("SELECT 1 FROM reviews LIMIT 1"):
            states.empty(
                "No reviews yet",
                "Import reviews with a date and a text or stars, and their mood is shown here over time.",
                "Import",
                "data",
            )
            return
        if space is None or not space.has_task("sentiment"):
            st.info(f"The sentiment is {sentiment.source(space)}.", icon=":material/star:")
        key = context.state_key()
        selection, every = _filters(key)
        _page(key, space, selection, every)


# -- filters ---------------------------------------------------------------------------------


@st.cache_data(show_spinner=False, max_entries=4)
def _options(key: tuple[str, int, str]) -> dict[str, Any]:
    """What can be chosen: categories, brands, languages, first and last day."""
    store = context.store()

    def listed(sql: str) -> list[str]:
        return [value for (value,) in store.rows(sql) if value]

    tops = listed("SELECT DISTINCT split_part(category, ' > ', 1) FROM products WHERE category IS NOT NULL ORDER BY 1")
    whole = listed("SELECT DISTINCT category FROM products WHERE category IS NOT NULL ORDER BY 1")
    first, last = store.rows(f"SELECT min(created_at)::DATE, max(created_at)::DATE FROM reviews WHERE {happened('created_at')}")[0]
    return {
        "category": sorted({*tops, *whole}) if len(whole) <= 300 else tops,
        "brand": listed("SELECT brand FROM products WHERE brand IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 300"),
        "product_id": listed("SELECT product_id FROM reviews WHERE product_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 2000"),
        "language": listed("SELECT DISTINCT language FROM reviews WHERE language IS NOT NULL ORDER BY 1"),
        "taught": own_labels(context.space()),
        "titles": dict(store.rows("SELECT product_id, coalesce(title, product_id) FROM products")),
        "first": first,
        "last": last,
    }


def _filters(key: tuple[str, int, str]) -> tuple[Selection, sentiment.Every]:
    options = _options(key)
    titles = options["titles"]
    with st.container(border=True):
        top = st.columns([2, 2, 2, 3])
        with top[0]:
            category = url.choice("Category", ["", *options["category"]], "category", segmented=False, format_func=lambda c: c or "all")
        with top[1]:
            brand = url.choice("Brand", ["", *options["brand"]], "brand", segmented=False, format_func=lambda b: b or "all")
        with top[2]:
            product = url.choice(
                "Product", ["", *options["product_id"]], "product", segmented=False, format_func=lambda p: titles.get(p, p) or "all"
            )
        days = None
        if options["first"]:
            with top[3]:
                days = url.dates("Dates", "dates", options["first"], options["last"])
        low = st.columns([2, 2, 2, 3])
        with low[0]:
            stars = url.choices("Stars", ["1", "2", "3", "4", "5"], "stars")
        with low[1]:
            language = url.choice("Language", ["", *options["language"]], "language", segmented=False, format_func=lambda c: c or "all")
        with low[2]:
            text = url.text("Text contains", "text")
        every = "month"
        if options["first"]:
            with low[3]:
                every = url.choice("By", ["day", "week", "month"], "every", default=_usual(options["first"], options["last"]))
        taught = ""
        if options["taught"]:
            taught = url.choice(
                "Label of your own",
                ["", *options["taught"]],
                "taught",
                segmented=False,
                format_func=lambda t: options["taught"].get(t, "all"),
            )
        elif asked := st.query_params.get("taught"):
            st.caption(f"The active model gives no label “{asked[:60]}”, which the link asks for: all reviews are shown.")
    start, end = days or (None, None)
    made = Selection(category, brand, product, tuple(int(s) for s in stars), language, start, end, "", text, (), taught)
    return made, every  # type: ignore[return-value]


def _usual(first: date | None, last: date | None) -> sentiment.Every:
    """The period that a shop's reviews are shown by until another is chosen."""
    days = (last - first).days if first and last else 0
    return "day" if 0 < days <= 60 else "week" if days <= 3 * 365 else "month"


# -- the page --------------------------------------------------------------------------------


@st.cache_data(show_spinner=False, max_entries=64)
def _trend(key: tuple[str, int, str], selection: Selection, every: sentiment.Every) -> tuple[pd.DataFrame, pd.DataFrame]:
    store, space = context.store(), context.space()
    return sentiment.trend(store, space, selection, every), sentiment.total(store, space, selection)


def _page(key: tuple[str, int, str], space: Space | None, selection: Selection, every: sentiment.Every) -> None:
    trend, total = _trend(key, selection, every)
    n = int(total["n"][0])
    if n == 0:
        states.empty("No review fits these filters", "Take one of the filters away to see reviews again.")
        return
    _figures(total, trend, every)
    dated = len(trend) > 0
    if dated:
        found = alerted.found()
        mine = alerts.concerned(context.store(), space, found.alerts, selection)
        charts.show(
            _sentiment_charts.shares(trend, mine, every),
            key="shares",
            alt=f"Share of negative, neutral and positive reviews by {every}, {n:,} reviews, {len(mine)} alerts marked.",
            table=trend,
        )
    else:
        st.text("None of these reviews has a date: how their mood moves cannot be shown, and no surge can be found.")
    own = _options(key)["taught"]
    part = url.choice("Show", [*(["Alerts"] if dated else []), "Topics", "Reviews", *(["Your labels"] if own and dated else [])], "show")
    if part == "Alerts":
        _alert_list(found, mine, _options(key)["titles"], narrowed=selection != Selection())
    elif part == "Topics":
        _sentiment_topics.show(key, space, selection, every)
    elif part == "Your labels":
        _sentiment_labels.show(key, selection, every, own)
    else:
        _reviews(selection)
    _report(selection)


def _figures(total: pd.DataFrame, trend: pd.DataFrame, every: sentiment.Every) -> None:
    columns = st.columns(4)
    days = f"{total['first'][0]:%Y-%m-%d} to {total['last'][0]:%Y-%m-%d}" if len(trend) else "no dates"
    columns[0].metric("Reviews", f"{int(total['n'][0]):,}", days, delta_color="off", delta_arrow="off", border=True)
    last = trend[trend["period"] > trend["period"].max() - 4 * PERIODS[every]] if len(trend) else trend
    counts = last[["n", *(f"{label}_n" for label in LABELS)]]
    recent = sentiment.with_shares(counts.sum().to_frame().T)
    good = {"negative": "inverse", "neutral": "off", "positive": "normal"}
    for column, label in zip(columns[1:], LABELS, strict=True):
        share, low, high = (float(total[c][0]) for c in (label, f"{label}_low", f"{label}_high"))
        now = float(recent[label][0])
        sure = not recent[f"{label}_low"][0] <= share <= recent[f"{label}_high"][0]
        column.metric(
            f"{label.capitalize()} ({sentiment.between(low, high)})",
            plain.number(share, "share"),
            sentiment.points(now - share, share) if len(trend) else None,
            delta_description=f"last 4 {every}s" if len(trend) else None,
            delta_color=good[label] if sure else "off",  # type: ignore[arg-type]
            delta_arrow="auto" if sure else "off",
            border=True,
        )


def _alert_list(found: Alerts, mine: list[Alert], titles: dict[str, str], *, narrowed: bool) -> None:
    if found.alerts and not mine:
        which = "The one alert was not" if len(found.alerts) == 1 else f"None of the {len(found.alerts)} alerts was"
        st.text(f"{which} driven by a review that fits the filters above.")
        return
    if not mine:
        st.success(
            f"No surge of negative reviews among {found.series} series watched. By chance at most {found.expected_false_per_year:g} false "
            "alert a year is to be expected over all of them.",
            icon=":material/check_circle:",
        )
        return
    mine = sorted(mine, key=lambda a: a not in found.open())
    rows = [
        {
            "Where": alerted.scope_words(a.scope, titles),
            "State": "open" if a in found.open() else "over",
            "Began": a.began,
            "Raised": a.raised,
            "Lasted to": a.ended,
            "Negative": round(a.share, 2),
            "Last 4 weeks": a.recent and round(a.recent, 2),
            "Usually": round(a.baseline, 2),
            "Reviews": a.n,
            "Customers": a.customers,
        }
        for a in mine
    ]
    frame = pd.DataFrame(rows)
    of = f" of {len(found.alerts)}, driven by reviews that fit the filters among others" if narrowed else ""
    said = f"{len(mine)} alert{'' if len(mine) == 1 else 's'}{of}, open ones first, then the newest, each over all reviews of its scope."
    st.caption(f"{said} It is raised when the week that proves it is over. Choose one to see the reviews that drove it.")
    columns = {c: st.column_config.NumberColumn(format="percent") for c in ("Negative", "Last 4 weeks", "Usually")}
    columns["Reviews"] = st.column_config.NumberColumn(help="What one customer writes in it counts once for each mood.")
    columns["Customers"] = st.column_config.NumberColumn(help="How many wrote the negative ones.")
    picked = tables.show(frame, "Alerts", "alerts", on_select="rerun", selection_mode="single-row", column_config=columns)
    downloads.table_downloads(frame, "alerts", "alerts")
    chosen = picked["selection"]["rows"] if picked else []
    if chosen and chosen[0] < len(mine):
        alert = mine[chosen[0]]
        by = f"{alert.customers:,} customer{'' if alert.customers == 1 else 's'}"
        st.subheader(f"What drove it: {len(alert.reviews):,} negative reviews by {by}", anchor=False)
        _reviews(Selection(review_ids=alert.reviews), name="driving")


def _reviews(selection: Selection, name: str = "reviews") -> None:
    """A table of the newest reviews; the files hold all."""
    if name == "reviews":
        wanted = url.choice("Sentiment", ["all", "negative", "neutral", "positive"], "mood")
        selection = Selection(**{**vars(selection), "sentiment": "" if wanted == "all" else wanted})
    store, space = context.store(), context.space()
    n = sentiment.count(store, space, selection)
    st.caption(f"The newest {SHOWN} of {n:,} reviews; the files hold all." if n > SHOWN else f"{n:,} reviews.")
    frame = sentiment.reviews(store, space, selection, SHOWN)
    shown = frame.drop(columns="probability") if frame["probability"].isna().all() else frame
    shown = shown.round({"probability": 2, "label_probability": 2})
    if name == "driving":
        _sentiment_topics.read(shown, f"{name}-rows")
    else:
        st.dataframe(shown, key=f"{name}-rows", hide_index=True, column_config=_sentiment_topics.REVIEWS)
    downloads.table_downloads(frame, name, name, whole=lambda: sentiment.reviews(store, space, selection))


def _report(selection: Selection) -> None:
    everything = selection == Selection()
    with st.popover("Report", icon=":material/description:"):
        kind = st.segmented_control("As", ["html", "pdf", "xlsx"], default="html", required=True, key="report-kind") or "html"
        if st.button("Prepare", key="report-make"):
            with states.guard():
                ids = None if everything else sentiment.ids(context.store(), context.space(), selection)
                data = reports.sentiment(context.store(), context.space(), kind, ids)
                st.download_button("Download", data, f"sentiment-{date.today():%Y-%m-%d}.{kind}", reports.FORMATS[kind], key="report-get")
