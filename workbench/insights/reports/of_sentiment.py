"""The sentiment report: how the mood of the reviews is, how it moved, where it is worst and what is said there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.insights import plain
from workbench.insights.distinctive import log_odds, wilson, words
from workbench.insights.profiles import MOODS
from workbench.insights.reports.document import Bars, Chart, Lines, Report, Section
from workbench.insights.sentiment import CUSTOMER, between, label_sql, source
from workbench.shop.schema import happened
from workbench.shop.space import Space
from workbench.shop.store import Store

COLOURS = ("#D55E00", "#8A929E", "#1B82C4")
MOST_TEXTS = 20_000
PERIODS = {"week": ("W", 120), "month": ("M", 1100), "quarter": ("Q", np.inf)}
"""What the reviews are counted by, and up to how many days between the first and the last."""
LEAST_DRAWN = 10
MOST_GROUPS, MOST_WORSE = 12, 20
LEAST_REVIEWS, LEAST_NEGATIVES = 5, 3
FALSE_SHARE = 0.05
HOW = (
    "Shares are of the reviews whose sentiment is known; every interval is Wilson's at 95 %.",
    f"Every product with at least {LEAST_REVIEWS} reviews is held against the share of all reviews by a one-sided binomial test, and "
    f"listed where that says so of {LEAST_NEGATIVES} negatives or more; of those listed at most {FALSE_SHARE:.0%} are expected to be there "
    "by chance (Benjamini and Hochberg 1995). What one customer writes of a product in one mood counts once there.",
    f"Words are compared between negative and other reviews by log-odds with a prior (Monroe, Colaresi and Quinn 2008), each "
    f"word once for each review, from the newest {MOST_TEXTS:,} reviews.",
)


def report(store: Store, space: Space | None, selection: Sequence[str] | None = None) -> Report:
    """Of the reviews with the ids `selection` (None: all); WorkbenchError where no review has a sentiment."""
    found, basis = _reviews(store, space, selection)
    if found.empty:
        raise WorkbenchError("No review here has a sentiment: there are no predictions and no stars.", "Import reviews, or choose others.")
    model = f", model {space.version.id}" if space else ""
    facts = [f"Data version {store.data_version}{model}, {len(found):,} reviews{'' if selection is None else ' of the selection'}."]
    facts.append(f"Sentiment is {basis}.")
    period = _period(found)
    tables = {
        "Over time": over_time(found, period),
        "Categories": shares(found, found["category"]).head(MOST_GROUPS),
        "Products": worse(found),
        "Words": _words(store, found),
    }
    sections = [_all(found), _time(tables["Over time"], period), *_places(tables), Section("How this was computed", HOW)]
    sheets = {**tables, "Notes": pd.DataFrame({"Notes": [*facts, *HOW]})}
    return Report("sentiment", "Sentiment report", facts, sections, sheets)


def _reviews(store: Store, space: Space | None, selection: Sequence[str] | None) -> tuple[pd.DataFrame, str]:
    label, joined = label_sql(space)
    chosen, values = ("", []) if selection is None else ("AND r.review_id IN (SELECT unnest(?))", [list(selection)])
    sql = f"""
    SELECT r.review_id, {CUSTOMER} AS customer, CASE WHEN {happened("r.created_at")} THEN r.created_at END AS created_at, r.product_id,
           coalesce(nullif(p.title, ''), r.product_id) AS product,
           string_split(p.category, ' > ')[1] AS category, {label} AS mood
    FROM reviews r LEFT JOIN products p USING (product_id) {joined}
    WHERE {label} IS NOT NULL {chosen} ORDER BY r.review_id"""
    return store.frame(sql, values), source(space)


def _period(found: pd.DataFrame) -> str:
    """The one of `PERIODS` that suits the days between the first review and the last."""
    when = pd.to_datetime(found["created_at"])
    span = (when.max() - when.min()).days if when.notna().any() else 0
    return next(name for name, (_, most) in PERIODS.items() if span <= most)


def over_time(found: pd.DataFrame, period: str) -> pd.DataFrame:
    """The `shares` of each period by its first day, from the first review to the last, those without a review among them."""
    when = pd.to_datetime(found["created_at"]).dt.to_period(PERIODS[period][0])
    made = shares(found, when)
    if len(made):
        every = pd.period_range(when.min(), when.max(), name="Of")
        made = made.set_index("Of").reindex(every).reset_index()
    first = pd.PeriodIndex(made["Of"], freq=when.dt.freq).start_time.date
    return made.assign(Of=first, Reviews=made["Reviews"].fillna(0).astype(int))


def shares(found: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """One row for each value of `by`: its reviews and the share of each mood, the negative one with its interval; most reviews first,
    days in their order."""
    counts = pd.crosstab(by, found["mood"]).reindex(columns=list(MOODS), fill_value=0)
    n = counts.sum(axis=1)
    made = pd.DataFrame({"Of": counts.index, "Reviews": n.to_numpy()})
    for mood in MOODS:
        made[mood.capitalize()] = (counts[mood] / n).to_numpy()
    ends = [wilson(k, of) for k, of in zip(counts["negative"], n, strict=True)]
    made["Negative from"], made["Negative to"] = [low for low, _ in ends], [high for _, high in ends]
    ordered = made if by.name == "created_at" else made.sort_values(["Reviews", "Of"], ascending=[False, True])
    return ordered.reset_index(drop=True)


def worse(found: pd.DataFrame) -> pd.DataFrame:
    """Products whose reviews are negative more often than all reviews are, beyond chance; the surest first.

    Of each product with `LEAST_REVIEWS` reviews a one-sided binomial test against the share of all, a customer's reviews of a product in
    one mood counted once; of those found at most the share `FALSE_SHARE` is expected to be there by chance (Benjamini and Hochberg 1995).
    Fewer than `LEAST_NEGATIVES` negatives are called nothing, but are tried too: what they show is no reason to leave them out.
    """
    from scipy.stats import binom, false_discovery_control

    voices = found.drop_duplicates(["product_id", "customer", "mood"])
    rows = shares(voices, voices["product_id"])
    share = float((voices["mood"] == "negative").mean())
    tried = rows[rows["Reviews"] >= LEAST_REVIEWS]
    negatives = (tried["Negative"] * tried["Reviews"]).round()
    chance = np.where(negatives >= LEAST_NEGATIVES, binom.sf(negatives - 1, tried["Reviews"], share), 1.0)
    sure: pd.DataFrame = tried.assign(chance=chance)[false_discovery_control(chance) <= FALSE_SHARE]
    titles = found.drop_duplicates("product_id").set_index("product_id")["product"]
    named = sure.assign(Product=sure["Of"].map(titles)).rename(columns={"Of": "Id"})
    ordered = named.sort_values(["chance", "Id"])
    return ordered[["Product", "Id", "Reviews", "Negative", "Negative from", "Negative to"]].reset_index(drop=True)


def _words(store: Store, found: pd.DataFrame) -> pd.DataFrame:
    newest = found.sort_values("created_at", ascending=False, kind="stable").head(MOST_TEXTS)
    texts = dict(
        store.rows(
            "SELECT review_id, concat_ws(' ', title, body) FROM reviews WHERE review_id IN (SELECT unnest(?))",
            [newest["review_id"].tolist()],
        )
    )
    negative = newest["mood"] == "negative"
    said = [
        pd.Series([w for key in keys for w in words(texts[key])], dtype=str)
        for keys in (newest["review_id"][negative], newest["review_id"][~negative])
    ]
    rows = log_odds(said[0].value_counts(), said[1].value_counts())
    rows = rows[(rows["z"] >= 1.96) & (rows["n"] >= LEAST_REVIEWS)].head(30)
    return rows.rename(columns={"name": "Word", "n": "Negative reviews", "lift": "Lift"})[
        ["Word", "Negative reviews", "Lift", "z"]
    ].reset_index(drop=True)


def _all(found: pd.DataFrame) -> Section:
    n = len(found)
    rows = []
    for mood in MOODS:
        k = int((found["mood"] == mood).sum())
        low, high = wilson(k, n)
        rows.append({"Sentiment": mood, "Reviews": k, "Share": plain.number(k / n, "share"), "95 % interval": between(low, high)})
    days = pd.to_datetime(found["created_at"]).dropna()
    when = f" from {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}" if len(days) else ""
    return Section("All reviews", [f"{n:,} reviews{when}."], (), {"Shares": pd.DataFrame(rows)})


def _time(rows: pd.DataFrame, period: str) -> Section:
    if len(rows) < 2:
        return Section("Over time", ["The reviews do not span enough time to show how the mood moved."])
    drawn = rows[rows["Reviews"] >= LEAST_DRAWN]
    series = {mood: rows[mood.capitalize()].where(rows["Reviews"] >= LEAST_DRAWN).tolist() for mood in MOODS}
    text = (
        [f"Of {len(rows)} {period}s {len(rows) - len(drawn)} have fewer than {LEAST_DRAWN} reviews; their shares are not drawn."]
        if len(drawn) < len(rows)
        else []
    )
    charts: list[Chart] = [Lines("Share of each sentiment over time", rows["Of"].tolist(), series, "share", COLOURS)]
    charts.append(Lines("Reviews over time", rows["Of"].tolist(), {"reviews": rows["Reviews"].astype(float).tolist()}))
    return Section("Over time", text, charts, {f"Shares by {period}": _worded(rows.rename(columns={"Of": "From"}))})


def _places(tables: dict[str, pd.DataFrame]) -> list[Section]:
    categories, products, said = tables["Categories"], tables["Products"], tables["Words"]
    made = []
    if len(categories) > 1:
        series = {mood: categories[mood.capitalize()].tolist() for mood in MOODS}
        chart = Bars("Sentiment by category", [str(c) for c in categories["Of"]], series, "share", stacked=True, colours=COLOURS)
        made.append(Section("By category", (), [chart], {"Shares by category": _worded(categories.rename(columns={"Of": "Category"}))}))
    text = [] if len(products) else ["No product's reviews are clearly worse than all reviews together."]
    text += [f"The {MOST_WORSE} surest of {len(products):,}; the spreadsheet has all."] if len(products) > MOST_WORSE else []
    worst = {"Negative reviews by product": _worded(products.head(MOST_WORSE))}
    made.append(Section("Products with clearly worse reviews", text, (), worst))
    text = [] if len(said) else ["No word is used in negative reviews more than in others."]
    return [*made, Section("What negative reviews say", text, (), {"Words of negative reviews": said.round(2)})]


def _worded(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares in percent, for reading."""
    made = rows.copy()
    for column in made.columns:
        if pd.api.types.is_float_dtype(made[column]):
            made[column] = [plain.number(v, "share") for v in made[column]]
    return made
