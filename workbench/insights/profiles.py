"""Who a set of users is: a segment or a selection, against the rest of the shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.insights.behaviour import MEASURES, REVIEWS, Behaviour
from workbench.insights.distinctive import log_odds, wilson

LEAST_Z = 1.96
LEAST_USERS = 3
LEAST_APART, OF_STARS = 0.15, 0.05
"""A name calls nothing low or high whose figure is nearer than this share to the shop's: 33 beside 35 are no low prices."""
MOODS = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class Measure:
    """A median (or mean probability) of the users against the shop's; `higher` is the probability that one of
    them has more of it than one of the others, ties counted half; `z` how many standard errors that is from one half."""

    name: str
    label: str
    unit: str
    value: float
    shop: float
    n: int
    higher: float
    z: float | None = None  # None in files that were made before it was told

    @property
    def sure(self) -> bool:
        """Whether they differ from the others beyond chance."""
        return self.z is None or abs(self.z) >= LEAST_Z


@dataclass(frozen=True)
class Over:
    """Something these users have more often: by how many of them, in what share of what they have, and of the others'."""

    name: str
    title: str
    n: int
    share: float
    elsewhere: float
    lift: float
    z: float


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval and what it is in the whole shop."""

    name: str
    n: int
    of: int
    share: float
    low: float
    high: float
    shop: float


@dataclass(frozen=True)
class Profile:
    """A set of users. Money is in the shop's currency; what the shop lacks is in `missing` with the reason."""

    size: int
    share_users: float
    revenue: float | None
    share_revenue: float | None
    measures: list[Measure]
    categories: list[Over]
    products: list[Over]
    words: list[Over]
    sentiment: list[Share]
    languages: list[Share]
    basis: str
    mood_basis: str
    word_basis: str = REVIEWS
    missing: dict[str, str] = field(default_factory=dict)
    labels: list[Share] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, value: dict[str, Any]) -> Profile:
        """The profile that `json` wrote."""
        lists: dict[str, type] = dict.fromkeys(("categories", "products", "words"), Over)
        lists |= {"measures": Measure, "sentiment": Share, "languages": Share, "labels": Share}
        read: dict[str, Any] = {key: [lists[key](**row) for row in part] if key in lists else part for key, part in value.items()}
        return cls(**read)

    def measure(self, name: str) -> Measure | None:
        return next((m for m in self.measures if m.name == name), None)


def profile(known: Behaviour, users: Sequence[str], *, most: int = 8) -> Profile:
    """What is known of `users`, with up to `most` over-indexed categories, products and words each."""
    inside = known.people.index.isin(list(users))
    people, value = known.people[inside], known.people["value"]
    has_money = bool(value.notna().any())
    revenue = float(people["value"].sum()) if has_money else None
    everything = float(value.sum())
    return Profile(
        size=len(people),
        share_users=len(people) / max(1, len(known.people)),
        revenue=revenue,
        share_revenue=revenue / everything if revenue is not None and everything > 0 else None,
        measures=_measures(known.people, inside, known.return_days),
        categories=_over(known.bought.drop_duplicates(["user_id", "category"]), "category", people.index, {}, most),
        products=_over(known.bought, "product_id", people.index, known.titles, most),
        words=_over(known.words, "word", people.index, {}, most),
        sentiment=_shares(known.moods, people.index, MOODS),
        languages=_languages(known.languages, people.index),
        basis=known.basis,
        mood_basis=known.mood_basis,
        word_basis=known.word_basis,
        missing=dict(known.missing),
        labels=_labels(known, people.index),
    )


def _measures(people: pd.DataFrame, inside: np.ndarray, days: int) -> list[Measure]:
    made = []
    for name in (*MEASURES, "returns"):
        if name not in people or people[name].notna().sum() == 0 or people[name].nunique() < 2:
            continue
        label, unit = MEASURES[name][:2] if name in MEASURES else (f"Buys again within {days} days", "share")
        column = people[name]
        mine, all_of = column[inside].dropna(), column.dropna()
        middle = pd.Series.mean if name == "returns" else pd.Series.median
        if len(mine):
            made.append(Measure(name, label, unit, float(middle(mine)), float(middle(all_of)), len(mine), *_higher(column, inside)))
    return made


def _higher(column: pd.Series, inside: np.ndarray) -> tuple[float, float]:
    """Mann and Whitney's U (1947) over its maximum, and its distance from one half in standard errors, ties taken into account; 0.5 and 0
    where there is nobody to compare with."""
    known = column.notna().to_numpy()
    ranks, mine = column.rank().to_numpy(), known & inside
    n, others = int(mine.sum()), int((known & ~inside).sum())
    if not n or not others:
        return 0.5, 0.0
    higher = float((ranks[mine].sum() - n * (n + 1) / 2) / (n * others))
    ties = np.unique(ranks[known], return_counts=True)[1].astype(float)
    error = ((n + others + 1 - (ties**3 - ties).sum() / ((n + others) * (n + others - 1))) / (12 * n * others)) ** 0.5
    return higher, float((higher - 0.5) / error) if error else 0.0


def _over(pairs: pd.DataFrame, column: str, users: pd.Index, titles: dict[str, str], most: int) -> list[Over]:
    """What occurs with these users more than with others beyond chance, the surest first; nothing that fewer than 3 have."""
    pairs = pairs.dropna(subset=[column])
    mine = pairs["user_id"].isin(users)
    if not mine.any():
        return []
    found = log_odds(pairs.loc[mine, column].value_counts(), pairs.loc[~mine, column].value_counts())
    found = found[(found["z"] >= LEAST_Z) & (found["n"] >= LEAST_USERS)].head(most)
    rows = zip(*(found[c].tolist() for c in ("name", "n", "share", "elsewhere", "lift", "z")), strict=True)
    return [Over(str(name), titles.get(str(name), str(name)), *numbers) for name, *numbers in rows]


def _shares(counts: pd.DataFrame, users: pd.Index, names: Sequence[str]) -> list[Share]:
    """Shares of the columns `names` in the counts of `users`, beside the whole shop's."""
    if counts.empty:
        return []
    mine, whole = counts.loc[counts["user_id"].isin(users), list(names)].sum(), counts[list(names)].sum()
    n, everything = int(mine.sum()), max(1, int(whole.sum()))
    return [Share(x, int(mine[x]), n, mine[x] / max(1, n), *wilson(mine[x], n), float(whole[x] / everything)) for x in names] if n else []


def _languages(spoken: pd.DataFrame, users: pd.Index) -> list[Share]:
    if spoken.empty:
        return []
    wide = spoken.pivot_table(index="user_id", columns="language", values="n", aggfunc="sum", fill_value=0).reset_index()
    shares = _shares(wide, users, [c for c in wide.columns if c != "user_id"])
    return sorted((s for s in shares if s.n), key=lambda s: -s.n)[:5]


def _labels(known: Behaviour, users: pd.Index) -> list[Share]:
    """Of each task of the user's own the shares of its labels, task after task; of a set of labels those that say yes."""
    made: list[Share] = []
    for task, counts in known.labels.groupby("task", sort=True) if len(known.labels) else ():
        wide = counts.pivot_table(index="user_id", columns="label", values="n", aggfunc="sum", fill_value=0).reset_index()
        shares = _shares(wide, users, sorted(set(counts["label"])))
        made += [replace(s, name=title) for s in shares if (title := known.label_titles.get(f"{task}: {s.name}"))]
    return made


def names(profiles: Sequence[Profile]) -> list[str]:
    """A name for each profile out of what sets it apart: categories (or words) first, then behaviour, then words; all different."""
    made: list[str] = []
    for found in profiles:
        parts = _name_parts(found)
        shortest = 2 if len(parts) > 1 and not parts[1].startswith("“") else 1
        longer = (" · ".join(parts[:k]) for k in range(shortest, len(parts) + 1))
        name = next((candidate for candidate in longer if candidate not in made), "")
        number = 2
        while not name or name in made:
            name = f"{' · '.join(parts[:2])} ({number})"
            number += 1
        made.append(name)
    return made


def _name_parts(found: Profile) -> list[str]:
    strong = [c for c in found.categories if c.lift >= 1.3]
    leading = [c.title.split(" > ")[-1] for c in strong if c.lift >= 0.5 * strong[0].lift][:2]
    spoken = [f"“{w}”" for w in _different([w.name for w in found.words])]
    traits = []
    for trait in sorted((m for m in found.measures if m.name in MEASURES and m.sure), key=lambda m: -abs(m.higher - 0.5)):
        high, low = MEASURES[trait.name][2:]
        if abs(trait.value - trait.shop) >= (OF_STARS if trait.unit == "stars" else LEAST_APART) * abs(trait.shop):
            traits += [high] if trait.higher >= 0.62 else [low] if trait.higher <= 0.38 and low else []
    if leading:
        return [" & ".join(leading), *traits, *spoken[:3]]
    if spoken:
        return [", ".join(spoken[:2]), *traits] if traits else [", ".join(spoken[:3]), *spoken[3:]]
    return ["All round", *traits]


def _different(words: Sequence[str]) -> list[str]:
    """Words that do not begin like one before them: one of mic, mics, microphone."""
    kept: list[str] = []
    for word in words:
        if not any(word.startswith(other[:4]) or other.startswith(word) for other in kept):
            kept.append(word)
    return kept
