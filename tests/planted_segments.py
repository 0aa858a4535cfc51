"""A shop of three planted kinds of users with a published model version, for tests of segments and reports.

Kind 0 buys much and cheap garden things and likes them, kind 1 buys little and dear audio things,
kind 2 buys toys, writes Chinese and complains. Ids, titles and words hold what must never be run.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np

from workbench.home import Home
from workbench.insights import segments
from workbench.insights.clusters import Clusters
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import Space, write_space
from workbench.shop.store import Store

CATEGORIES = ("Home > Garden", "Electronics > Audio", "Kids > Toys")
PRICES = (5.0, 200.0, 20.0)
ORDERS = (6, 2, 3)
TEXTS = ("lovely roses bloom <script>alert(1)</script>", "crisp treble and deep bass =SUM(A1)", "质量太差 孩子失望 broken wheels")
STARS = (5.0, 4.0, 1.0)
MOODS = np.array([[0.05, 0.05, 0.9], [0.1, 0.2, 0.7], [0.9, 0.05, 0.05]])
START = datetime(2025, 1, 1)
DIM = 16
EACH = 40


def users(each: int = EACH) -> dict[str, int]:
    """User id to kind; the first of each kind has an id that a spreadsheet would take for a formula."""
    return {(f"=HYPERLINK({k})" if i == 0 else f"u{k}-{i:03d}"): k for k in range(3) for i in range(each)}


def fill(store: Store, *, prices: bool = True, reviews: bool = True, each: int = EACH) -> None:
    products = [
        (f"p{k}-{j}", f"<b>{CATEGORIES[k].split()[-1]}</b> thing {j}", CATEGORIES[k], PRICES[k] + j if prices else None)
        for k in range(3)
        for j in range(5)
    ]
    events, written = [], []
    for number, (user, kind) in enumerate(users(each).items()):
        for step in range(ORDERS[kind]):
            when = START + timedelta(days=20 * step + number % 7)
            events.append((f"e{number}-{step}", user, f"p{kind}-{(number + step) % 5}", "purchase", when))
        if reviews:
            language = "zh" if kind == 2 else "en"
            written.append((f"r{number}", f"p{kind}-{number % 5}", user, STARS[kind], TEXTS[kind], START + timedelta(days=130), language))
    with store.transaction() as cursor:
        _insert(cursor, "products (product_id, title, category, price)", products)
        _insert(cursor, "users (user_id)", [(user,) for user in users(each)])
        _insert(cursor, "events (event_id, user_id, product_id, kind, happened_at)", events)
        if written:
            _insert(cursor, "reviews (review_id, product_id, user_id, rating, body, created_at, language)", written)


def _insert(cursor, into: str, rows: list[tuple]) -> None:
    cursor.executemany(f"INSERT INTO {into} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def vectors(each: int = EACH) -> np.ndarray:
    """Unit vectors of shape (users, DIM): a direction for each kind and some noise."""
    random = np.random.default_rng(3)
    made = np.eye(DIM)[[kind for kind in users(each).values()]] + 0.12 * random.normal(size=(3 * each, DIM))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def publish(home: Home, *, each: int = EACH, tasks: bool = True, parent: str | None = None, read: np.ndarray | None = None) -> ModelVersion:
    """A version, active, that reads the users as `vectors` says or as `read` (users, DIM) holds."""
    registry = Registry(home)
    version, folder = registry.new_folder()
    known = users(each)
    with write_space(folder / "vectors.duckdb") as space:
        space.settings(scale=1.0)
        space.vectors("users", list(known), vectors(each) if read is None else read)
        space.vectors("products", [f"p{k}-{j}" for k in range(3) for j in range(5)], np.eye(DIM)[np.repeat(np.arange(3), 5)])
        if tasks:
            kinds = list(known.values())
            keys = [f"r{number}" for number in range(len(known))]
            space.predictions("sentiment", ["negative", "neutral", "positive"], keys, MOODS[kinds])
            back = np.array([0.9, 0.5, 0.1])[kinds]
            space.predictions("return", ["stays_away", "returns"], list(known), np.stack([1 - back, back], 1))
    left_out = {} if tasks else {"return": "needs purchases over at least 210 days"}
    (folder / "metrics.json").write_text(json.dumps({"version": version, "tasks": {}, "left_out": left_out}), "utf-8")
    made = registry.publish(version, {"parent": parent, "data_version": 1, "recipe": "laptop", "kind": "train", "seconds": 1.0})
    registry.promote(version)
    return made


def clusters(kinds: list[int]) -> Clusters:
    """What clustering would find, without UMAP: the kinds, every tenth user unclear."""
    group = np.array(kinds)
    core = np.arange(len(group)) % 10 != 0
    angle = 2 * np.pi * group / 3 + np.linspace(0, 0.5, len(group))
    places = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    return Clusters(places, group, core, np.where(core, 1.0, 0.6).astype(np.float32), float(1 - core.mean()), 0.97, len(group), 10)


def none(rows: int) -> Clusters:
    """What clustering finds among users who are all alike: nothing."""
    return Clusters(
        np.zeros((rows, 2), np.float32), np.full(rows, -1), np.zeros(rows, bool), np.zeros(rows, np.float32), 1.0, 1.0, rows, 10
    )


def ready(home: Home, store: Store, **shop: bool) -> tuple[Space, segments.Segments]:
    """A filled shop with a version and saved segments."""
    fill(store, **shop)
    space = Space(store, publish(home, tasks=shop.get("reviews", True)))
    known = dict(sorted(users().items()))
    segments.save(store, space, list(known), clusters(list(known.values())))
    found = segments.load(store, space)
    assert found is not None
    return space, found
