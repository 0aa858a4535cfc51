"""Whom a model serves worse: each task's figure by language, category, price band, new and old customers; and on uploaded rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.encoder.corpus import Corpus, TextRows
from workbench.encoder.evaluate import Metrics
from workbench.encoder.metrics import MacroF1, Metric, bootstrap
from workbench.encoder.ranking import held_users
from workbench.shop.store import Store
from workbench.tasks.labelled_rows import OF_SHOP, ORIGIN, UPLOADED, text_of

LEAST_ROWS, LEAST_OF_LABEL = 20, 5
MOST_GROUPS = 10
NEW_DAYS = 90
OTHER_SEED = 1
NEW, OLD = f"new, first seen at most {NEW_DAYS} days before", "old"
Groups = dict[str, dict[str, np.ndarray]]

_WRITTEN = """
SELECT r.{key}, {language}, r.product_id, date_diff('day', f.first, r.created_at)
FROM {table} r LEFT JOIN (SELECT user_id, min(happened_at) AS first FROM histories GROUP BY user_id) f USING (user_id)
"""
WRITTEN = {
    "review": _WRITTEN.format(table="reviews", key="review_id", language="r.language"),
    "ticket": _WRITTEN.format(table="tickets", key="ticket_id", language="NULL"),
}
"""What each kind of text that customers write tells of itself: its id, language, product and how many days its customer was known."""
_PRODUCTS = "SELECT product_id, string_split(category, ' > ')[1], price FROM products ORDER BY product_id"


def read_groups(store: Store, corpus: Corpus) -> Groups:
    """For each task and way to group it the group of every test row, (rows,) of words; "" where it is not known."""
    category, band = _of_products(store)
    written = {kind: {key: rest for key, *rest in store.rows(query)} for kind, query in WRITTEN.items()}
    made: Groups = {}
    for name, rows in corpus.text_rows.items():
        keys = [rows.keys[i] for i in rows.rows("test")]
        if rows.task.entity in written:
            found = [written[rows.task.entity].get(key, ("", "", None)) for key in keys]
            made[name] = {
                "language": _words([language for language, _, _ in found]),
                "category": _words([category.get(product) for _, product, _ in found]),
                "price": _words([band.get(product) for _, product, _ in found]),
                "customer": _words([_customer(days) for _, _, days in found]),
            }
        elif rows.task.entity == "product":
            made[name] = _unless_learned(rows, {"category": _words([category.get(key) for key in keys])})
            made[name]["price"] = _words([band.get(key) for key in keys])
        made.setdefault(name, {})[ORIGIN] = _words([UPLOADED if text_of(key) is not None else OF_SHOP for key in keys])
    for name, asked in corpus.user_rows.items():
        test = asked.rows("test")
        days = [now - corpus.users[u].days[0] for u, now in zip(asked.user[test], asked.now[test], strict=True)]
        last = [_last_product(corpus, u, end) for u, end in zip(asked.user[test], asked.end[test], strict=True)]
        made[name] = {
            "category": _words([category.get(product) for product in last]),
            "price": _words([band.get(product) for product in last]),
            "customer": _words([_customer(d) for d in days]),
        }
    if corpus.next_item:
        made[corpus.next_item.name] = _of_next_items(corpus, category, band)
    return made


def compare_groups(
    found: Metrics, groups: Groups, before: Metrics | None = None, *, labels: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """The figure that speaks for each task, by group: {task: {by: {"metric", "groups": {name: figure}, "gap"}}}.

    A figure has value, low, high, n and its difference to all other rows with an interval (`rest`); a group of
    fewer than LEAST_ROWS rows has its n alone. A macro F1 is that of the labels that each group has LEAST_OF_LABEL rows of,
    `labels` says how many `of` all, and where not all and they are known, `compared` which: a group without negatives would look
    better by what it lacks. `gap` is the highest less the
    lowest figure. Where `before` holds what the parent reaches on the same rows, a figure has its paired difference to
    that, too (`parent`).
    """
    made: dict[str, Any] = {}
    for task, ways in groups.items():
        metric, figure = next(iter(found[task].items()))
        older = (before or {}).get(task, {}).get(metric)
        older = older if older is not None and older["n"] == figure["n"] else None
        names = (labels or {}).get(task, ())
        compared = {by: told for by, words in ways.items() if (told := _by(figure, words, older, names))}
        if compared:
            made[task] = {by: {"metric": metric, **told} for by, told in compared.items()}
    return made


def add_groups(tasks: dict[str, Any], compared: dict[str, Any]) -> None:
    """Put what `compare_groups` found beside each task's metrics."""
    for task, by in compared.items():
        tasks[task]["groups"] = by


def _by(figure: Metric, words: np.ndarray, older: Metric | None, names: Sequence[str]) -> dict[str, Any] | None:
    """The figure of each group; None where there are not two groups that can be compared."""
    assert len(words) == figure["n"], "a group for each row"
    counts = [(name, n) for name, n in Counter(words.tolist()).most_common() if name][:MOST_GROUPS]
    large = [name for name, n in counts if n >= LEAST_ROWS]
    labels: dict[str, Any] = {}
    if isinstance(figure, MacroF1):
        large, common = _comparable(figure, words, large)
        labels = {"labels": len(common), "of": figure.classes}
        labels |= {"compared": [names[label] for label in common]} if names and len(common) < len(names) else {}
        older = older.over(common) if isinstance(older, MacroF1) else older
        figure = figure.over(common)
    told = {name: figure.among(np.flatnonzero(words == name)) for name in large}
    told = {name: its for name, its in told.items() if not np.isnan(its["value"])}
    if len(told) < 2:
        return None
    known = np.flatnonzero(words != "")
    groups: dict[str, dict[str, Any]] = {
        name: {**told[name], "rest": _apart(told[name], figure.among(known[words[known] != name]))} if name in told else {"n": n}
        for name, n in counts
    }
    for name in told if older is not None else ():
        assert older is not None
        groups[name]["parent"] = dict(told[name].minus(older.among(np.flatnonzero(words == name))))
    high, low = (pick(told, key=lambda name: told[name]["value"]) for pick in (max, min))
    return {"groups": groups, "gap": {**_apart(told[high], told[low]), "highest": high, "lowest": low}, **labels}


def _comparable(figure: MacroF1, words: np.ndarray, large: list[str]) -> tuple[list[str], np.ndarray]:
    """The groups that have rows enough of two labels or more, and the labels that all of these have; where that is not two, without
    the groups of fewest labels."""
    held = {name: np.bincount(figure.truth[words == name], minlength=figure.classes) >= LEAST_OF_LABEL for name in large}
    kept = sorted(large, key=lambda name: -int(held[name].sum()))
    while len(kept) > 1:
        common = np.flatnonzero(np.all([held[name] for name in kept], axis=0))
        if len(common) > 1:
            return kept, common
        kept.pop()
    return [], np.zeros(0, np.int64)


def _apart(one: Metric, other: Metric) -> dict[str, Any]:
    """The difference between the figures of two groups that share no row, with its interval; n is the smaller one's."""
    draws = one.draws - _drawn_apart(other)
    known = draws[~np.isnan(draws)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (float("nan"), float("nan"))
    return {"value": one["value"] - other["value"], "low": float(low), "high": float(high), "n": min(one["n"], other["n"])}


def _drawn_apart(figure: Metric) -> np.ndarray:
    """A figure's draws by another seed than its own: groups of equal n would be resampled alike, as if their rows were pairs."""
    return bootstrap(figure.statistic, figure["n"], OTHER_SEED).draws


def _of_products(store: Store) -> tuple[dict[str, str], dict[str, str]]:
    """(category, price band) of the products that have one; the bands are the thirds of the shop's prices."""
    rows = store.rows(_PRODUCTS)
    prices = np.array([price for _, _, price in rows if price is not None and price > 0])
    if len(np.unique(prices)) < 3:
        return {key: category for key, category, _ in rows if category}, {}
    low, high = np.quantile(prices, [1 / 3, 2 / 3])
    names = (f"up to {low:,.2f}", f"{low:,.2f} to {high:,.2f}", f"over {high:,.2f}")
    band = {key: names[int(price > low) + int(price > high)] for key, _, price in rows if price is not None and price > 0}
    return {key: category for key, category, _ in rows if category}, band


def _unless_learned(rows: TextRows, ways: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A task that learns the category itself is not grouped by it: each group would hold one label."""
    return {} if rows.task.name == "category" else ways


def _of_next_items(corpus: Corpus, category: dict[str, str], band: dict[str, str]) -> dict[str, np.ndarray]:
    """By the product that was taken, and by how long its customer was known then."""
    users, ends, target = held_users(corpus, "test")
    taken = [corpus.product_ids[t] for t in target]
    return {
        "category": _words([category.get(product) for product in taken]),
        "price": _words([band.get(product) for product in taken]),
        "customer": _words([_customer(user.days[end] - user.days[0]) for user, end in zip(users, ends, strict=True)]),
    }


def _last_product(corpus: Corpus, user: int, end: int) -> str:
    """The product of the last of a user's first `end` steps that has one; "" where none has."""
    known = corpus.users[user].product[:end]
    known = known[known >= 0]
    return corpus.product_ids[known[-1]] if len(known) else ""


def _customer(days: float | None) -> str | None:
    return None if days is None else NEW if days <= NEW_DAYS else OLD


def _words(found: list[str | None]) -> np.ndarray:
    return np.array([word or "" for word in found], object)
