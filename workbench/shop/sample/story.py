"""What happened in the sample shop: incidents that a good alarm should find, and decoys that it should not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from workbench.shop.sample.catalogue import Product
from workbench.shop.sample.people import END, Person, Purchase

BAD = (0.78, 0.1, 0.12)
LATE = (0.5, 0.14, 0.36)
MIXED = (0.14, 0.56, 0.3)
GLAD = (0.05, 0.08, 0.87)


@dataclass(frozen=True)
class Incident:
    """Something that changes the reviews of a scope for a while; `extra` purchases come on top in its time."""

    scope: dict[str, str]
    began: datetime
    ended: datetime
    kind: str
    decoy: bool
    mood: tuple[float, float, float] | None
    cause: str | None = None
    extra: int = 0
    slow: bool = False

    def covers(self, product: Product, when: datetime) -> bool:
        """Whether a review of the product at this time belongs to it."""
        mine = {"product_id": product.id, "brand": product.brand, "category": product.top}
        return self.began <= when < self.ended and all(mine[k] == v for k, v in self.scope.items())

    def mood_at(self, when: datetime) -> tuple[float, float, float] | None:
        """The chances of a negative, neutral and positive review; a slow decline gets worse week by week."""
        if not self.slow or self.mood is None:
            return self.mood
        done = (when - self.began) / (self.ended - self.began)
        negative = 0.3 + 0.45 * min(1.0, 1.5 * done)
        return (negative, 0.12, 0.88 - negative)

    def truth(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "began": f"{self.began:%Y-%m-%d}",
            "ended": f"{self.ended:%Y-%m-%d}",
            "kind": self.kind,
            "decoy": self.decoy,
        }


def _popular(products: list[Product], top: str, place: int = 0) -> Product:
    return sorted((p for p in products if p.top == top), key=lambda p: -p.popularity)[place]


def incidents(products: list[Product]) -> list[Incident]:
    """Six incidents and three decoys."""
    phones, coffee, toy, new = (_popular(products, *where) for where in (("Electronics", 0), ("Kitchen", 1), ("Toys", 0), ("Sports", 3)))
    brand = "Lumière"
    return [
        Incident({"product_id": phones.id}, datetime(2025, 11, 3), datetime(2025, 12, 1), "bad batch", False, BAD, "battery", 26),
        Incident({"product_id": coffee.id}, datetime(2026, 5, 4), datetime(2026, 6, 1), "bad batch", False, BAD, "taste", 24),
        Incident({"product_id": toy.id}, datetime(2026, 8, 31), datetime(2026, 9, 28), "bad batch", False, BAD, "safety", 24),
        Incident({}, datetime(2026, 2, 2), datetime(2026, 2, 16), "courier's bad fortnight", False, LATE, "delivery", 60),
        Incident(
            {"category": "Fashion"}, datetime(2026, 3, 30), datetime(2026, 4, 27), "wrong size labels", False, (0.62, 0.14, 0.24), "fit", 30
        ),
        Incident({"brand": brand}, datetime(2026, 6, 29), datetime(2026, 10, 26), "slow decline", False, BAD, "skin", 50, slow=True),
        Incident({}, datetime(2025, 9, 8), datetime(2025, 9, 22), "sale that triples the volume", True, None, None, 620),
        Incident(
            {"category": "Stationery"},
            datetime(2025, 12, 29),
            datetime(2026, 1, 19),
            "mixed reviews of new paper",
            True,
            MIXED,
            "paper",
            36,
        ),
        Incident({"product_id": new.id}, datetime(2026, 7, 6), datetime(2026, 8, 3), "launch that people love", True, GLAD, None, 40),
    ]


def happen(
    random: np.random.Generator, told: list[Incident], bought: list[Purchase], everyone: list[Person], products: list[Product]
) -> tuple[list[Purchase], dict[str, str]]:
    """The purchases with the incidents' moods and extra purchases, and why some customers never come back."""
    made = [_mark(told, p) for p in bought]
    for incident in told:
        made += _extra(random, incident, everyone, products)
    churn = _leave(random, made, everyone)
    made = [p for p in made if p.person.gone is None or p.when <= p.person.gone]
    return made, churn


def _mark(told: list[Incident], purchase: Purchase) -> Purchase:
    for incident in told:
        if incident.mood and incident.covers(purchase.product, purchase.when + timedelta(days=4)):
            return replace(purchase, mood=incident.mood_at(purchase.when), cause=incident.cause, told=bool(incident.scope))
    return purchase


def _extra(random: np.random.Generator, incident: Incident, everyone: list[Person], products: list[Product]) -> list[Purchase]:
    fitting = [
        p for p in products if all({"product_id": p.id, "brand": p.brand, "category": p.top}[k] == v for k, v in incident.scope.items())
    ]
    span = (incident.ended - incident.began).total_seconds()
    made = []
    for _ in range(incident.extra):
        person = everyone[int(random.integers(0, len(everyone)))]
        for _ in range(12):
            other = everyone[int(random.integers(0, len(everyone)))]
            if sum(other.weight(p) for p in fitting[:20]) > sum(person.weight(p) for p in fitting[:20]):
                person = other
        weights = np.array([person.weight(p) for p in fitting])
        product = fitting[int(random.choice(len(fitting), p=weights / weights.sum()))]
        when = incident.began + timedelta(seconds=float(random.uniform(0, span))) - timedelta(days=4)
        mood = incident.mood_at(when + timedelta(days=4))
        made.append(Purchase(person, product, when, mood, incident.cause, told=True))
    return made


def _leave(random: np.random.Generator, bought: list[Purchase], everyone: list[Person]) -> dict[str, str]:
    """Who stops buying, and why: some after a bad experience, some for the price, some without one."""
    churn: dict[str, str] = {}
    for purchase in sorted(bought, key=lambda p: (p.when, p.person.id, p.product.id)):
        person = purchase.person
        bad = purchase.mood is not None and purchase.mood[0] > 0.4
        if bad and person.gone is None and random.random() < 0.3:
            person.gone = purchase.when + timedelta(days=9)
            churn[person.id] = "delivery trouble" if purchase.cause == "delivery" else "bad product"
    for person in everyone:
        if person.gone is None and random.random() < 0.09:
            person.gone = max(person.joined, END - timedelta(days=int(random.integers(120, 420)))) + timedelta(days=30)
            churn[person.id] = "price" if random.random() < 0.5 else "lost interest"
    return churn
