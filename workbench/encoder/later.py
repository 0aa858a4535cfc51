"""Rows that came after a version was made, read by that version: one more read-only file beside its first.

New products stand on their texts alone, as products nobody bought. Users are all read again, because what they did
since counts too. Nothing of the version's own files is changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.encoder.ahead import ahead
from workbench.encoder.batches import steps_of
from workbench.encoder.corpus import UserSteps, numbers, reader_of, user_steps
from workbench.encoder.fast import FastLayers
from workbench.encoder.features import read_all
from workbench.encoder.track import engine
from workbench.encoder.weights import Loaded, load
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.run import Run
from workbench.shop.space import SpaceWriter, version_predicted, version_vectors, write_space
from workbench.shop.store import Store
from workbench.tasks.base import Task
from workbench.tasks.histories import histories
from workbench.tasks.texts import clean, product_texts, review_texts
from workbench.tasks.uploaded import tasks_of

USERS_PER_BATCH = 256
Report = Callable[[float, str], None]


@dataclass
class Known:
    """Ids and vectors that a version has, and those that are added to it."""

    ids: list[str]
    vectors: np.ndarray

    def add(self, ids: list[str], vectors: np.ndarray) -> None:
        self.ids += ids
        self.vectors = np.concatenate([self.vectors.reshape(-1, vectors.shape[1]), vectors])

    @property
    def place(self) -> dict[str, int]:
        return {key: at for at, key in enumerate(self.ids)}


@dataclass
class Shop:
    """What of a snapshot the version has not seen: texts by key and table; and all histories."""

    texts: dict[str, dict[str, str]]
    histories: list[Any]
    tasks: dict[str, Task]
    data_version: int


def embed_later(home: Home, run: Run, *, snapshot: Path, version: str) -> dict[str, Any]:
    """Read what `version` has not seen of `snapshot`; returns the result that `workbench embed` prints."""
    began = time.monotonic()
    registry = Registry(home)
    found = registry.get(version)
    loaded = load(found)
    products, reviews = (Known(*version_vectors(found, entity)) for entity in ("products", "reviews"))
    with Store.open_snapshot(home, snapshot) as store:
        shop = _unseen(store, found, loaded, set(products.ids), set(reviews.ids))
    rows = {table: len(texts) for table, texts in shop.texts.items()}
    if found.seen < shop.data_version:
        later = _Later(loaded, shop, products, reviews, run.report)
        registry.add(version, later.write, {"data_version": shop.data_version, "rows": rows})
        rows["users"] = later.users
    return {"version": version, "data_version": shop.data_version, "rows": rows, "seconds": round(time.monotonic() - began, 1)}


def _unseen(store: Store, found: ModelVersion, loaded: Loaded, products: set[str], reviews: set[str]) -> Shop:
    tasks = {name: task for name, task in tasks_of(store).items() if name in loaded.labels}
    on_tickets = [name for name, task in tasks.items() if task.predicts == "tickets"]
    answered = set.intersection(*(version_predicted(found, name) for name in on_tickets)) if on_tickets else set()
    tickets = {key: clean(body) for key, body in store.rows("SELECT ticket_id, body FROM tickets ORDER BY ticket_id")} if on_tickets else {}
    texts = {
        "products": {key: text for key, text in product_texts(store).items() if text and key not in products},
        "reviews": {key: text for key, text in review_texts(store).items() if text and key not in reviews},
        "tickets": {key: text for key, text in tickets.items() if text and key not in answered},
    }
    return Shop(texts, histories(store), tasks, store.data_version)


class _Later:
    """Writes the file of one embedding."""

    def __init__(self, loaded: Loaded, shop: Shop, products: Known, reviews: Known, report: Report) -> None:
        self.loaded, self.shop, self.products, self.reviews, self.report = loaded, shop, products, reviews, report
        self.model = loaded.model if loaded.ranges else loaded.model.to(engine().device)  # what is read in int8 is read by the processor
        self.layers = FastLayers(self.model.backbone, loaded.recipe.reading, loaded.ranges)
        self.users = 0

    @torch.no_grad()
    def write(self, path: Path) -> None:
        with write_space(path) as space:
            for entity, table in (("product", "products"), ("review", "reviews"), ("ticket", "tickets")):
                for keys, texts, pooled in self._read(table, reader_of(entity)):
                    self._vectors(space, table, keys, pooled)
                    self._predictions(space, table, keys, texts, pooled)
            self._users(space)

    def _read(self, table: str, reader: str) -> Iterator[tuple[list[str], list[str], torch.Tensor]]:
        """Keys with their texts and these pooled, each distinct text read once, part after part."""
        keys_of: dict[str, list[str]] = {}
        for key, text in self.shop.texts[table].items():
            keys_of.setdefault(text, []).append(key)
        texts, at = list(keys_of), 0
        for pooled in ahead(read_all(self.model.backbone, texts, self.layers, reader)):
            part = [(key, row) for row in range(len(pooled)) for key in keys_of[texts[at + row]]]
            told = [texts[at + row] for _, row in part]
            at += len(pooled)
            self.report(0.9 * at / max(1, len(texts)), f"reading {len(texts):,} new texts of {table}")
            yield [key for key, _ in part], told, torch.from_numpy(pooled[[row for _, row in part]]).to(self.model.bias.device)

    def _vectors(self, space: SpaceWriter, table: str, keys: list[str], pooled: torch.Tensor) -> None:
        if table == "tickets":
            return
        made = self.model.cold_products(pooled) if table == "products" else self.model.reviews(pooled)
        vectors = made.float().cpu().numpy()
        space.vectors(table, keys, vectors, np.full(len(keys), self.model.unbought_bias()) if table == "products" else None)
        (self.products if table == "products" else self.reviews).add(keys, vectors)

    def _predictions(self, space: SpaceWriter, table: str, keys: list[str], texts: list[str], pooled: torch.Tensor) -> None:
        for name, task in self.shop.tasks.items():
            if task.predicts == table and name not in self.loaded.binary:
                head = self.model.text_head(name)
                shares = head.probabilities(self.model.classify(name, pooled), texts).float().cpu().numpy()
                space.predictions(name, self.loaded.labels[name], keys, shares, head.choose(shares))

    def _users(self, space: SpaceWriter) -> None:
        """All users as their histories are now, and the answers to what is asked of users."""
        place, review_place = self.products.place, self.reviews.place
        everybody = [user_steps(history, place, review_place) for history in self.shop.histories]
        now = max((float(user.days[-1]) for user in everybody if len(user.days)), default=0.0)
        device, self.users = self.model.bias.device, len(everybody)
        tables = [torch.from_numpy(known.vectors).float().to(device) for known in (self.products, self.reviews)]
        if not len(tables[1]):
            tables[1] = torch.zeros((0, self.loaded.recipe.dim), device=device)
        for at in range(0, len(everybody), USERS_PER_BATCH):
            users = everybody[at : at + USERS_PER_BATCH]
            vectors, states = self._read_users(users, *tables)
            space.vectors("users", [user.user for user in users], vectors.float().cpu().numpy())
            told = torch.from_numpy(np.stack([numbers(user, len(user.days), now) for user in users])).to(device)
            for name in (name for name in self.loaded.binary if name in self.shop.tasks):
                yes = self.model.user_head(name).probability(self.model.binary(name, states, told)).float().cpu().numpy()
                space.predictions(name, self.loaded.labels[name], [user.user for user in users], np.stack([1 - yes, yes], 1))
            self.report(0.9 + 0.1 * at / len(everybody), f"reading {len(everybody):,} users")

    def _read_users(self, users: list[UserSteps], products: torch.Tensor, reviews: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        length = self.loaded.recipe.history_length
        spans = [(max(0, len(user.product) - length), len(user.product)) for user in users]
        vectors, states = self.model.users(steps_of(users, spans, length).to(products.device), products, reviews)
        return vectors[:, -1], states[:, -1]
