"""Verbs of the insights: sentiment, alerts, segments, recommend, similar, report, quality."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from workbench.cli.shop import reading
from workbench.cli.tables import out_file
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.registry import Registry
from workbench.shop.space import Space
from workbench.shop.store import Store

Answer = tuple[dict[str, Any], str]


@contextmanager
def opened(home: Home) -> Iterator[tuple[Store, Space]]:
    """The shop and the active version's space; WorkbenchError before the first promotion."""
    registry = Registry(home)
    active = registry.active()
    if active is None:
        raise registry.none_active()
    with reading(home) as store:
        yield store, Space(store, active)


def sentiment(home: Home, given: Namespace) -> Answer:
    """Shares of negative, neutral and positive reviews by period, with n and intervals."""
    from workbench.insights.selection import Selection
    from workbench.insights.sentiment import source, total, trend

    with _perhaps(home) as (store, space):
        chosen = Selection(category=given.category or "", brand=given.brand or "", product_id=given.product or "")
        periods, whole, labels = trend(store, space, chosen, given.by), total(store, space, chosen), source(space)
    periods = periods.assign(period=periods["period"].astype(str).str[:10])
    document = {"every": given.by, "labels": labels, "total": _records(whole)[0], "trend": _records(periods)}
    lines = [f"{p['period']}  n {p['n']:5,}  negative {p['negative']:6.1%}  positive {p['positive']:6.1%}" for p in document["trend"]]
    return document, "\n".join([*lines, f"The labels are {labels}."])


def alerts(home: Home, given: Namespace) -> Answer:
    """Surges of negative reviews, newest first, with the bound on false ones."""
    from workbench.insights.alerts import find

    with _perhaps(home) as (store, space):
        document = find(store, space).json()
    lines = [
        f"{a['raised']}  began {a['began']}  negative {a['share']:.0%} against {a['baseline']:.0%}, n {a['n']:,}  "
        + (", ".join(f"{kind} {name}" for kind, name in a["scope"].items()) or "the whole shop")
        for a in document["alerts"]
    ]
    return document, "\n".join([*lines, f"At most {document['expected_false_per_year']:g} false alerts a year are to be expected."])


@contextmanager
def _perhaps(home: Home) -> Iterator[tuple[Store, Space | None]]:
    """The shop, and the active version's space where there is one; on stderr that it is missing."""
    registry = Registry(home)
    active = registry.active()
    if registry.missing():
        print(f"{registry.none_active()}\nThe answer is given without a model.", file=sys.stderr)
    with reading(home) as store:
        yield store, Space(store, active) if active else None


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values; dates in ISO form, what is not known as null."""
    return list(json.loads(frame.to_json(orient="records", date_format="iso", date_unit="s")))


def recommend(home: Home, given: Namespace) -> Answer:
    """The next items for a user."""
    from workbench.insights.recommend import for_user

    with opened(home) as (store, space):
        document = for_user(store, space, given.user).json()
    return document, _items(document)


def similar(home: Home, given: Namespace) -> Answer:
    """The products nearest to one."""
    from workbench.insights import recommend

    with opened(home) as (store, space):
        document = recommend.similar(store, space, given.product).json()
    return document, _items(document)


def _items(document: dict[str, Any]) -> str:
    return "\n".join(f"{item['score']:7.3f}  {item['product_id']}  {item['title']}  ({item['reason']})" for item in document["items"])


def segments(home: Home, given: Namespace) -> Answer:
    """The segments that were derived for the active version and the present data."""
    from workbench.insights import segments as insight

    with opened(home) as (store, space):
        found = insight.load(store, space)
    if found is None:
        raise WorkbenchError("No segments were derived for this data and model yet.", "Open the page Segments, or train again.")
    document = found.json()
    lines = [f"{s['id']:3}  {s['size']:6,}  {s['name']}" for s in document["segments"]]
    return document, "\n".join([*lines, f"noise {document['noise']:.1%}, stability {document['stability']:.2f}"])


def report(home: Home, given: Namespace) -> Answer:
    """Write what a person would hand on; the ending of --out says in which form."""
    from workbench.insights import reports

    out = out_file(given.out)
    reports.check(out)
    with opened(home) as (store, space):
        version = Registry(home).get(given.version) if given.version else space.version
        if given.what == "model":
            size = len(reports.model(store, version, out))
        else:
            size = len(getattr(reports, given.what)(store, Space(store, version), out))
    return {"out": str(out), "bytes": size, "version": version.id}, f"{out}: {size:,} bytes"


def quality(home: Home, given: Namespace) -> Answer:
    """What is odd about each table; with --rows the rows behind one check."""
    from workbench.insights import quality as found
    from workbench.shop.schema import TABLES

    if given.table and given.table not in TABLES:
        raise WorkbenchError(f"There is no table {given.table!r}; there are {', '.join(TABLES)}.", "Name one of these.")
    if given.rows and not given.table:
        raise WorkbenchError(f"--rows {given.rows} needs the table that it is a check of.", "Add --table TABLE.")
    with reading(home) as store:
        if given.rows:
            frame = found.behind(store, given.table, given.rows)
            return {"table": given.table, "check": given.rows, "rows": _records(frame)}, frame.to_string(index=False)
        counts = store.counts()
        names = [given.table] if given.table else [name for name, rows in counts.items() if rows]
        tables = {name: _quality_of(store, name, counts[name]) for name in names}
    lines = []
    for name, told in tables.items():
        lines.append(f"{name}: {told['rows']:,} rows")
        lines += [f"  {c['rows']:,} ({c['share']:.1%}) {c['meaning']} [{c['check']}]" for c in told["checks"]]
        lines += [f"  no row for {h['days']:,} days after {h['last_before']}" for h in told.get("holes", [])]
    return {"tables": tables}, "\n".join(lines) or "The shop is empty."


def _quality_of(store: Store, name: str, rows: int) -> dict[str, Any]:
    from workbench.insights import quality as found
    from workbench.shop.doubts import TIMES

    told: dict[str, Any] = {"rows": rows, "checks": _records(found.report(store, name)), "columns": _records(found.columns(store, name))}
    if name in TIMES:
        told["holes"] = _records(found.holes(store, name))
    if name == "reviews":
        told["languages"] = _records(found.languages(store))
    return told
