"""A shop made of a seed: products, customers with tastes, orders, reviews, tickets, and the truth about them.

`truth.json` says what was planted. The app never reads it; tests measure against it.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from workbench.files import write_json
from workbench.home import Home
from workbench.shop.sample.catalogue import Product, products
from workbench.shop.sample.people import BEGIN, END, Person, Purchase, orders, people
from workbench.shop.sample.reviews import mood_of, review, stars_of
from workbench.shop.sample.story import happen, incidents
from workbench.shop.sample.tickets import INTENTS, ticket

FILES = ("products.csv", "users.csv", "events.csv", "reviews.csv", "tickets.csv")
EVENTS, PURCHASES, REVIEWS, TICKETS, CARTS = 20_000, 9_000, 5_000, 600, 2_600
Row = list[Any]


def build(home: Home, seed: int = 7) -> Path:
    """Write the sample shop's files into the home's sample folder, all or none; the same seed gives the same bytes."""
    random = np.random.default_rng(seed)
    catalogue, everyone = products(random), people(random)
    told = incidents(catalogue)
    bought, churn = happen(random, told, orders(random, everyone, catalogue), everyone, catalogue)
    bought = _at_most(random, bought, PURCHASES)
    reviewed = _reviewed(random, bought)
    partial = home.sample.with_name(f".sample-{uuid4().hex[:8]}")
    partial.mkdir(parents=True)
    _write(partial / "products.csv", "product_id title description brand category price", _product_rows(catalogue))
    _write(partial / "users.csv", "user_id country joined_at", ([p.id, p.country, p.joined.isoformat(sep=" ")] for p in everyone))
    events, moods = _events(random, bought, everyone, catalogue), [mood_of(random, p) for p in reviewed]
    returned = _returns(random, reviewed, moods)
    _write(
        partial / "events.csv",
        "event_id user_id product_id kind happened_at quantity price order_id",
        _numbered(events[: EVENTS - len(returned)] + returned),
    )
    _write(
        partial / "reviews.csv",
        "review_id product_id user_id rating title body created_at language helpful verified",
        _review_rows(random, reviewed, moods),
    )
    _write(partial / "tickets.csv", "ticket_id user_id product_id body intent created_at", _ticket_rows(random, bought))
    write_json(
        partial / "truth.json",
        {"users": {p.id: p.kind.name for p in everyone}, "incidents": [i.truth() for i in told], "churn": dict(sorted(churn.items()))},
    )
    if home.sample.exists():
        shutil.rmtree(home.sample)
    partial.rename(home.sample)
    return home.sample


def _write(path: Path, header: str, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows(rows)


def _product_rows(catalogue: list[Product]) -> Iterable[Row]:
    return ([p.id, p.title, p.description, p.brand, p.category, f"{p.price:.2f}"] for p in catalogue)


def _at_most(random: np.random.Generator, bought: list[Purchase], most: int) -> list[Purchase]:
    """All purchases that belong to an incident and a random part of the others, in time order."""
    marked = [p for p in bought if p.told or p.mood]
    rest = [p for p in bought if not (p.told or p.mood)]
    keep = sorted(random.permutation(len(rest))[: most - len(marked)])
    return sorted(marked + [rest[i] for i in keep], key=lambda p: (p.when, p.person.id, p.product.id))


def _reviewed(random: np.random.Generator, bought: list[Purchase]) -> list[Purchase]:
    """5,000 of the purchases: people told by an incident write more often; a few days after the purchase."""
    chance = np.array([5.0 if p.told and p.mood else 1.0 for p in bought]) * random.exponential(1.0, len(bought))
    chosen = np.sort(np.argsort(-chance, kind="stable")[:REVIEWS])
    return [replace(bought[i], when=min(END, bought[i].when + timedelta(days=4, hours=float(random.uniform(-30, 30))))) for i in chosen]


def _review_rows(random: np.random.Generator, reviewed: list[Purchase], moods: list[int]) -> Iterable[Row]:
    for i, (purchase, mood) in enumerate(zip(reviewed, moods, strict=True)):
        stars = stars_of(random, mood)
        title, body = review(random, purchase, mood)
        language = "zh" if purchase.person.chinese else "en"
        helpful = int(random.poisson(1.2 if mood else 2.5))
        yield [f"R{i + 1:05}", purchase.product.id, purchase.person.id, stars, title, body, _time(purchase.when), language, helpful, "true"]


def _events(random: np.random.Generator, bought: list[Purchase], everyone: list[Person], catalogue: list[Product]) -> list[Row]:
    """Purchases first, then the carts and views that led to them or to nothing."""
    made: list[Row] = []
    order, before = 0, ("", BEGIN)
    for p in bought:
        if (p.person.id, p.when) != before:
            order, before = order + 1, (p.person.id, p.when)
        quantity = int(random.choice([1, 1, 1, 1, 2]))
        made.append([p.person.id, p.product.id, "purchase", _time(p.when), quantity, f"{p.product.price:.2f}", f"O{order:05}"])
    for i in random.choice(len(bought), CARTS, replace=False):
        p = bought[int(i)]
        made.append([p.person.id, p.product.id, "cart", _time(p.when - timedelta(minutes=float(random.uniform(1, 90)))), "", "", ""])
    while len(made) < EVENTS:
        p = bought[int(random.integers(0, len(bought)))]
        same = [q for q in catalogue if q.top == p.product.top]
        seen = p.product if random.random() < 0.5 else same[int(random.integers(0, len(same)))]
        made.append([p.person.id, seen.id, "view", _time(p.when - timedelta(hours=float(random.uniform(0.1, 60)))), "", "", ""])
    return made


def _returns(random: np.random.Generator, reviewed: list[Purchase], moods: list[int]) -> list[Row]:
    """Some of those who were disappointed send the product back."""
    made = []
    for purchase, mood in zip(reviewed, moods, strict=True):
        if mood == 0 and random.random() < 0.35:
            when = min(END, purchase.when + timedelta(days=float(random.uniform(0.5, 5))))
            made.append([purchase.person.id, purchase.product.id, "return", _time(when), 1, f"{purchase.product.price:.2f}", ""])
    return made


def _numbered(rows: list[Row]) -> Iterable[Row]:
    ordered = sorted(rows, key=lambda r: (r[3], r[0], r[1], r[2]))
    return ([f"E{i + 1:05}", *row] for i, row in enumerate(ordered))


def _ticket_rows(random: np.random.Generator, bought: list[Purchase]) -> Iterable[Row]:
    names = list(INTENTS)
    chosen = sorted(random.choice(len(bought), TICKETS, replace=False))
    for i, at in enumerate(chosen):
        p, intent = bought[int(at)], names[int(random.integers(0, len(names)))]
        when = min(END, p.when + timedelta(days=float(random.uniform(0.5, 20))))
        yield [f"T{i + 1:03}", p.person.id, p.product.id, ticket(random, intent, p.product.thing), intent, _time(when)]


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"
