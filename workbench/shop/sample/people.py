"""The sample shop's customers: six kinds, each with its own tastes, rhythm and voice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from workbench.shop.sample.catalogue import BRANDS, THINGS, Product

BEGIN, END = datetime(2025, 5, 1), datetime(2026, 10, 31)
DAYS = (END - BEGIN).days
USERS = 1500


@dataclass(frozen=True)
class Kind:
    """A kind of customer: share of all, taste by category, median days between orders, how mild they judge (-1..1)."""

    name: str
    share: float
    taste: dict[str, float]
    rhythm: float
    mild: float


KINDS = (
    Kind("audiophile", 0.18, {"Electronics": 0.92}, 70, -0.25),
    Kind("home cook", 0.20, {"Kitchen": 0.92}, 60, 0.1),
    Kind("beauty lover", 0.20, {"Beauty": 0.6, "Fashion": 0.33}, 45, 0.0),
    Kind("athlete", 0.16, {"Sports": 0.92}, 65, -0.1),
    Kind("parent", 0.16, {"Toys": 0.6, "Stationery": 0.33}, 55, 0.2),
    Kind("gardener", 0.10, {"Garden": 0.92}, 75, 0.15),
)
COUNTRIES = ("Germany", "France", "Netherlands", "Austria", "Spain", "Sweden", "China")


@dataclass
class Person:
    """A customer with favourite brand and kind of thing in each category they like; `gone` is when they stop buying."""

    id: str
    kind: Kind
    joined: datetime
    chinese: bool
    country: str
    brands: dict[str, str]
    things: dict[str, str]
    gone: datetime | None = None

    def weight(self, product: Product) -> float:
        """How much they want a product."""
        top, sub = product.category.split(" > ")
        rest = (1 - sum(self.kind.taste.values())) / (len(THINGS) - len(self.kind.taste))
        taste = self.kind.taste.get(top, rest)
        return taste * product.popularity * (3.0 if self.brands[top] == product.brand else 1.0) * (3.0 if self.things[top] == sub else 1.0)


def people(random: np.random.Generator) -> list[Person]:
    """1,500 customers."""
    made = []
    kinds = random.choice(len(KINDS), USERS, p=[k.share for k in KINDS])
    for i, k in enumerate(kinds):
        joined = BEGIN + timedelta(days=int(random.integers(-200, int(DAYS * 0.6))))
        chinese = bool(random.random() < 0.1)
        country = COUNTRIES[-1] if chinese else COUNTRIES[int(random.integers(0, len(COUNTRIES) - 1))]
        brands = {top: found[int(random.integers(0, 4))] for top, found in BRANDS.items()}
        things = {top: list(found)[int(random.integers(0, 3))] for top, found in THINGS.items()}
        made.append(Person(f"U{i + 1:04}", KINDS[int(k)], joined, chinese, country, brands, things))
    return made


@dataclass(frozen=True)
class Purchase:
    """One product bought; `mood` (negative, neutral, positive) and `cause` are set where an incident decides them."""

    person: Person
    product: Product
    when: datetime
    mood: tuple[float, float, float] | None = None
    cause: str | None = None
    told: bool = False


def orders(random: np.random.Generator, everyone: list[Person], products: list[Product]) -> list[Purchase]:
    """Each customer's purchases, by taste and rhythm, from the day they join to the end or until they go."""
    made = []
    for person in everyone:
        weights = np.array([person.weight(p) for p in products])
        when = max(person.joined, BEGIN) + timedelta(days=float(random.exponential(person.kind.rhythm / 2)))
        while when < (person.gone or END):
            basket = random.choice(len(products), int(random.choice([1, 1, 2])), replace=False, p=weights / weights.sum())
            for i in basket:
                weights[i] *= 0.15
                made.append(Purchase(person, products[int(i)], when))
            when += timedelta(days=float(random.gamma(2.0, person.kind.rhythm / 2)), hours=float(random.uniform(-8, 8)))
    return made
