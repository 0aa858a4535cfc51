"""Alerts on surges of negative reviews that people can trust.

For the shop, each category, brand and product with enough reviews, the weekly count of negatives is
watched by a one-sided CUSUM of beta-binomial log-likelihood ratios (Page 1954; overdispersion
estimated), once for a doubling and once for a sixfold rise of the odds, and the daily count by the
upper tail of the same distribution. A customer counts once a week in a series, and once more where
the mood is another one: six negative reviews that one customer writes on a day are one voice. In a
surge that was found a customer's mood counts once in all, and that must still deviate. Evidence
counts for `LONGEST` weeks: a product with two bad reviews a year has no surge after ten years. The
threshold follows from what one is willing to bear: a CUSUM of exact log-likelihood ratios raises at
most exp(-h) false alarms an observation (Lorden 1971), so h is the logarithm of observations a year
over the false alarms a year that all series together may raise.
Alerts of scopes that overlap are explained greedily: the one whose reviews deviate most stays, its
reviews are taken out, and what no longer deviates is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from workbench.insights.selection import Selection
from workbench.insights.sentiment import CUSTOMER, ids, labelled
from workbench.shop.schema import happened
from workbench.shop.space import Space
from workbench.shop.store import Store

OPEN_DAYS, UNHEARD_DAYS = 21, 90
FALSE_PER_YEAR = 1.0
SPIKE_SHARE = 0.2
ODDS = (2.0, 6.0)
LEAST_REVIEWS, LEAST_NEGATIVES = 15, 5
WARM_UP, MEMORY, GAP = 8, 40, 2
PRIOR = 20.0
QUIET = 2
LONGEST, SILENT = 26, 8
LEAST_A_DAY = 3.0
CALM = 0.6
RECENT_DAYS = 28
VOICE = ["customer", "week", "negative"]  # rows alike in these are one voice


@dataclass(frozen=True)
class Alert:
    """A surge: where, since when, when it was certain, share of negatives against the baseline, n reviews in it, a customer's of one
    mood once. `reviews` are all negative ones in it, written by so many `customers`."""

    scope: dict[str, str]
    began: date
    raised: date
    ended: date
    share: float
    baseline: float
    n: int
    reviews: tuple[str, ...] = field(repr=False, default=())
    heard: date | None = None  # day of the scope's newest review
    recent: float | None = None  # share of negatives in the last four weeks of all reviews; None where the scope has none
    customers: int = 0

    def json(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "began": self.began.isoformat(),
            "raised": self.raised.isoformat(),
            "ended": self.ended.isoformat(),
            "share": round(self.share, 4),
            "baseline": round(self.baseline, 4),
            "n": self.n,
            "customers": self.customers,
            "recent": None if self.recent is None else round(self.recent, 4),
        }


@dataclass(frozen=True)
class Alerts:
    """All alerts, newest first, and the bound on false ones a year over all `series` watched."""

    alerts: list[Alert]
    expected_false_per_year: float
    series: int
    last: date | None = None

    def open(self) -> list[Alert]:
        """Those whose surge lasted into the last `OPEN_DAYS` that their scope was reviewed in, at most `UNHEARD_DAYS` before the newest."""
        return [
            a
            for a in self.alerts
            if self.last and ((a.heard or self.last) - a.ended).days <= OPEN_DAYS and (self.last - a.ended).days <= UNHEARD_DAYS
        ]

    def json(self) -> dict[str, Any]:
        return {"alerts": [a.json() for a in self.alerts], "expected_false_per_year": self.expected_false_per_year, "series": self.series}


@dataclass
class _Candidate:
    scope: dict[str, str]
    rows: np.ndarray
    began: int
    raised: date
    last: int
    baseline: float
    rho: float


def find(store: Store, space: Space | None) -> Alerts:
    """The alerts of all reviews with a date, not in the future, and a sentiment."""
    frame = store.frame(
        f"SELECT review_id, {CUSTOMER} AS customer, product_id, brand, "
        "split_part(category, ' > ', 1) AS category, created_at::DATE AS day, "
        f"label = 'negative' AS negative FROM ({labelled(space)}) "
        f"WHERE {happened('created_at')} AND label IS NOT NULL ORDER BY created_at, review_id"
    )
    return find_in(frame)


def find_in(frame: pd.DataFrame) -> Alerts:
    """The alerts of a frame with review_id, customer, product_id, brand, category, day and negative, ordered by day."""
    if frame.empty:
        return Alerts([], 0.0, 0)
    day = pd.to_datetime(frame["day"])
    monday = day.min() - pd.Timedelta(days=int(day.min().weekday()))
    frame = frame.assign(week=((day - monday).dt.days // 7), at=(day - monday).dt.days).reset_index(drop=True)
    frame["person"] = frame.groupby(["customer", "negative"], sort=False).ngroup()
    scopes = _scopes(frame)
    weekly = math.log(52 * len(scopes) * len(ODDS) / (FALSE_PER_YEAR * (1 - SPIKE_SHARE)))
    voices = frame.iloc[scopes[0][1]]
    rho = _overdispersion(voices)
    found: list[_Candidate] = []
    for scope, rows in scopes:
        parent = 0.15 if not scope else float(voices["negative"].mean())
        found += _watch(frame, scope, rows, parent, weekly, rho, monday)
    found += _spikes(frame, scopes, rho, monday)
    alerts = _explain(frame, found, weekly, monday)
    return Alerts(sorted(alerts, key=lambda a: (a.raised, a.began), reverse=True), FALSE_PER_YEAR, len(scopes), day.max().date())


def _scopes(frame: pd.DataFrame) -> list[tuple[dict[str, str], np.ndarray]]:
    """The shop, then every category, brand and product with enough reviews, each with its row numbers: a customer's of one week and
    mood once."""
    made: list[tuple[dict[str, str], np.ndarray]] = [({}, np.flatnonzero(~frame.duplicated(VOICE)))]
    for column in ("category", "brand", "product_id"):
        first = frame[~frame.duplicated([column, *VOICE])]
        for value, labels in first.groupby(column).groups.items():
            rows = np.asarray(labels, np.int64)
            enough = len(rows) >= LEAST_REVIEWS and int(frame["negative"].to_numpy()[rows].sum()) >= LEAST_NEGATIVES
            if value and enough and len(rows) < len(made[0][1]):
                made.append(({column: str(value)}, rows))
    return made


def _overdispersion(frame: pd.DataFrame) -> float:
    """Intraclass correlation of the shop's weekly counts, from the squared Pearson residuals of its calmest weeks.

    They are compared with the mean of a chi-square variable below the same percentile, so that surges do not count as noise.
    """
    from scipy.stats import chi2

    weeks = frame.groupby("week")["negative"].agg(["sum", "count"])
    weeks = weeks[weeks["count"] >= 5]
    if len(weeks) < WARM_UP:
        return 0.01
    n, p = weeks["count"], max(0.01, float((weeks["sum"] / weeks["count"]).median()))
    residual = np.sort(((weeks["sum"] - n * p) ** 2 / (n * p * (1 - p) + 1e-9)).to_numpy())
    calm = residual[: max(1, int(CALM * len(residual)))]
    expected = chi2.cdf(chi2.ppf(CALM, 1), 3) / CALM
    dispersion = float(calm.mean()) / float(expected)
    return float(np.clip((dispersion - 1) / max(1.0, float(n.mean()) - 1), 0.002, 0.2))


def _log_beta_binomial(k: float, n: float, p: float, rho: float) -> float:
    """Up to the binomial coefficient, which cancels in ratios."""
    s = 1 / rho - 1
    a, b = p * s, (1 - p) * s
    lg = math.lgamma
    return lg(k + a) + lg(n - k + b) - lg(n + s) - lg(a) - lg(b) + lg(s)


def _raised_odds(p: float, ratio: float) -> float:
    odds = p / (1 - p) * ratio
    return odds / (1 + odds)


def _watch(
    frame: pd.DataFrame, scope: dict[str, str], rows: np.ndarray, parent: float, h: float, rho: float, monday: pd.Timestamp
) -> list[_Candidate]:
    """The CUSUMs of one scope over its weeks."""
    weeks = int(frame["week"].max()) + 1
    n = np.bincount(frame["week"].to_numpy()[rows], minlength=weeks)
    k = np.bincount(frame["week"].to_numpy()[rows], weights=frame["negative"].to_numpy()[rows].astype(float), minlength=weeks)
    made: list[_Candidate] = []
    used = np.ones(weeks, bool)
    sums, since = [0.0] * len(ODDS), [0] * len(ODDS)
    current: _Candidate | None = None
    quiet = 0
    first = int(np.argmax(n > 0))
    for week in range(first + (WARM_UP if not scope else 2), weeks):
        before = slice(max(0, week - MEMORY - GAP), max(0, week - GAP))
        kept = used[before]
        p0 = (k[before][kept].sum() + PRIOR * parent) / (n[before][kept].sum() + PRIOR)
        p0 = float(np.clip(p0, 0.01, 0.6))
        if current is not None:
            if n[week] and k[week] / n[week] < (current.baseline + _raised_odds(current.baseline, ODDS[0])) / 2:
                quiet += 1
            elif n[week]:
                quiet, current.last = 0, week
            used[week] = quiet == 0
            if quiet >= QUIET or week - current.last >= SILENT:
                current, sums, since = None, [0.0] * len(ODDS), [week + 1] * len(ODDS)
            continue
        for i, ratio in enumerate(ODDS):
            step = _log_beta_binomial(k[week], n[week], _raised_odds(p0, ratio), rho) - _log_beta_binomial(k[week], n[week], p0, rho)
            if sums[i] + step <= 0 or week - since[i] >= LONGEST:
                sums[i], since[i] = 0.0, week + 1
            else:
                sums[i] += step
        top = int(np.argmax(sums))
        if sums[top] > h and k[since[top] : week + 1].sum() >= LEAST_NEGATIVES:
            raised = min(
                (monday + pd.Timedelta(days=7 * (week + 1))).date(), (monday + pd.Timedelta(days=int(frame["at"].max()) + 1)).date()
            )
            current = _Candidate(scope, rows, since[top] * 7, raised, week, p0, rho)
            made.append(current)
            used[since[top] : week + 1] = False
            quiet = 0
    for candidate in made:
        candidate.last = candidate.last * 7 + 6
    return made


def _spikes(frame: pd.DataFrame, scopes: list[tuple[dict[str, str], np.ndarray]], rho: float, monday: pd.Timestamp) -> list[_Candidate]:
    """Single days far in the upper tail, for scopes with enough reviews a day."""
    from scipy.stats import betabinom

    span = int(frame["at"].max()) + 1
    busy = [(scope, rows) for scope, rows in scopes if len(rows) / span >= LEAST_A_DAY]
    made = []
    for scope, rows in busy:
        n = np.bincount(frame["at"].to_numpy()[rows], minlength=span)
        k = np.bincount(frame["at"].to_numpy()[rows], weights=frame["negative"].to_numpy()[rows].astype(float), minlength=span)
        alpha = FALSE_PER_YEAR * SPIKE_SHARE / (365 * len(busy))
        past = pd.Series(k).rolling(180, min_periods=28).sum().shift(7) / pd.Series(n).rolling(180, min_periods=28).sum().shift(7)
        p = past.clip(0.01, 0.6).to_numpy()
        known = np.flatnonzero(~np.isnan(p) & (k >= LEAST_NEGATIVES))
        s = 1 / rho - 1
        tail = betabinom.sf(k[known] - 1, n[known], p[known] * s, (1 - p[known]) * s)
        for at in known[tail < alpha]:
            when = (monday + pd.Timedelta(days=int(at) + 1)).date()
            made.append(_Candidate(scope, rows, int(at), when, int(at), float(p[at]), rho))
    return made


def _explain(frame: pd.DataFrame, found: list[_Candidate], h: float, monday: pd.Timestamp) -> list[Alert]:
    """Keep the candidates that explain the surges, the strongest first, each without the reviews of those before."""
    at, negative = frame["at"].to_numpy(), frame["negative"].to_numpy().astype(bool)
    free = np.ones(len(frame), bool)
    inside = [_once(frame, c.rows[(at[c.rows] >= c.began) & (at[c.rows] <= c.last)]) for c in found]
    waiting, alerts = list(range(len(found))), []
    while waiting:
        gains = {i: _gain(frame, inside[i][free[inside[i]]], found[i]) for i in waiting}
        best = _broadest(frame, max(waiting, key=lambda i: gains[i]), waiting, found, inside, free, h)
        waiting.remove(best)
        rows = inside[best][free[inside[best]]]
        if gains[best] < h or negative[rows].sum() < LEAST_NEGATIVES:
            continue
        said = _said(frame, found[best], rows)
        alerts.append(_alert(frame, found[best], rows, frame[said & negative], monday))
        free[said] = False
    return alerts


def _once(frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """The first of these rows of each customer and mood."""
    return rows[np.sort(np.unique(frame["person"].to_numpy()[rows], return_index=True)[1])]


def _of_scope(frame: pd.DataFrame, scope: dict[str, str]) -> np.ndarray:
    """Which rows a scope has, (rows,) of bool."""
    mine = np.ones(len(frame), bool)
    for name, value in scope.items():
        mine &= frame[name].to_numpy() == value
    return mine


def _said(frame: pd.DataFrame, found: _Candidate, rows: np.ndarray) -> np.ndarray:
    """Everything that the customers of these rows said in the surge in the same mood, (rows,) of bool."""
    at, person = frame["at"].to_numpy(), frame["person"].to_numpy()
    return _of_scope(frame, found.scope) & (at >= found.began) & (at <= found.last) & np.isin(person, person[rows])


def _broadest(
    frame: pd.DataFrame, best: int, waiting: list[int], found: list[_Candidate], inside: list[np.ndarray], free: np.ndarray, h: float
) -> int:
    """A wider scope instead of `best` where it deviates without the reviews of `best` too: then it is no matter of `best` alone."""
    mine = inside[best][free[inside[best]]]
    for i in sorted(waiting, key=lambda i: -len(found[i].rows)):
        if len(found[i].rows) <= len(found[best].rows):
            break
        both = np.isin(mine, inside[i]).mean() if len(mine) else 0.0
        rest = np.setdiff1d(inside[i][free[inside[i]]], mine)
        if both > 0.5 and _gain(frame, rest, found[i]) > h:
            return i
    return best


def _gain(frame: pd.DataFrame, rows: np.ndarray, candidate: _Candidate) -> float:
    """Log-likelihood of these rows' weeks at their own share over that at the baseline."""
    negative = frame["negative"].to_numpy()[rows].astype(float)
    if not len(rows) or negative.mean() <= candidate.baseline:
        return 0.0
    week = frame["week"].to_numpy()[rows]
    week = week - week.min()
    n, k = np.bincount(week), np.bincount(week, weights=negative)
    share = min(float(negative.mean()), 0.99)
    return sum(
        _log_beta_binomial(a, b, share, candidate.rho) - _log_beta_binomial(a, b, candidate.baseline, candidate.rho)
        for a, b in zip(k, n, strict=True)
        if b
    )


def _alert(frame: pd.DataFrame, found: _Candidate, rows: np.ndarray, driving: pd.DataFrame, monday: pd.Timestamp) -> Alert:
    at, negative = frame["at"].to_numpy(), frame["negative"].to_numpy().astype(bool)
    began, last, heard = (
        (monday + pd.Timedelta(days=int(day))).date()
        for day in (found.began, min(found.last, at.max()), at[_of_scope(frame, found.scope)].max())
    )
    newest = negative[found.rows[at[found.rows] > at.max() - RECENT_DAYS]]
    return Alert(
        found.scope,
        began,
        max(found.raised, began + timedelta(days=1)),
        last,
        float(negative[rows].mean()),
        found.baseline,
        len(rows),
        tuple(driving["review_id"].tolist()),
        customers=driving["customer"].nunique(),
        heard=heard,
        recent=float(newest.mean()) if len(newest) else None,
    )


def concerned(store: Store, space: Space | None, found: Sequence[Alert], selection: Selection) -> list[Alert]:
    """The alerts that reviews of the selection had a part in."""
    if selection == Selection():
        return list(found)
    driving = tuple(sorted({review for alert in found for review in alert.reviews}))
    mine = set(ids(store, space, replace(selection, review_ids=driving))) if driving else set()
    return [alert for alert in found if mine & set(alert.reviews)]
