"""Verbs of the insights: sentiment, alerts, segments, recommend, similar, report."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    active = Registry(home).active()
    if active is None:
        raise WorkbenchError("No model version is active.", "Train one with: workbench train")
    with reading(home) as store:
        yield store, Space(store, active)


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
        size = len(getattr(reports, given.what)(store, space, out))
    return {"out": str(out), "bytes": size, "version": space.version.id}, f"{out}: {size:,} bytes"
