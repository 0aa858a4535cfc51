"""Rows that came or changed after a version was made, read by that version: one more read-only file beside its first.

New products stand on their texts alone, as products nobody bought; changed ones keep what the version learned of them beside
their texts. Users are all read again, because what they did since counts too. Nothing of the version's own files is changed.

A row has changed where its own text has another sum than that which was read. Rows that an earlier release read have
no sum and are compared with nothing: of them only new ones are read. So it is with a product without a text of its own, whose
reviews speak for it: it is read again once it has one.
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
from workbench.encoder.weights import Loaded, load
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.run import Run
from workbench.shop.plain import clean
from workbench.shop.space import SpaceWriter, version_predicted, version_sums, version_vectors, write_space
from workbench.shop.store import Store
from workbench.shop.text_sums import TextSums, text_sums
from workbench.tasks.base import Task
from workbench.tasks.histories import histories
from workbench.tasks.texts import product_texts, review_texts
from workbench.tasks.uploaded import tasks_of

USERS_PER_BATCH = 256
Report = Callable[[float, str], None]


@dataclass
class Known:
    """Ids and vectors that a version has, and those that are added to it; where an id is twice, the last counts."""

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
    """What of a snapshot the version has not seen: texts by key and table, and the sums of all; and all histories."""

    texts: dict[str, dict[str, str]]
    sums: TextSums
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
        tasks = {name: task for name, task in tasks_of(store).items() if name in loaded.labels}
        known = _known(found, tasks, products, reviews)
        sums = text_sums(store)
        shop = Shop(_unseen(store, known, sums), sums, histories(store), tasks, store.data_version)
    rows = {table: len(texts) for table, texts in shop.texts.items()}
    changed = {table: len(texts.keys() & known.get(table, {}).keys()) for table, texts in shop.texts.items()}
    if found.seen < shop.data_version:
        later = _Later(loaded, shop, products, reviews, run.report)
        registry.add(version, later.write, {"data_version": shop.data_version, "rows": rows, "changed": changed})
        rows["users"] = later.users
    seconds = round(time.monotonic() - began, 1)
    return {"version": version, "data_version": shop.data_version, "rows": rows, "changed": changed, "seconds": seconds}


def _known(found: ModelVersion, tasks: dict[str, Task], products: Known, reviews: Known) -> dict[str, dict[str, int | None]]:
    """The keys that the version has seen, by table, each with the sum of the text that it read; None where none was kept.

    A ticket counts as seen where every task on tickets has answered it; without such a task there is no table of tickets.
    """
    made: dict[str, dict[str, int | None]] = {
        "products": {**dict.fromkeys(products.ids), **version_sums(found, "products")},
        "reviews": {**dict.fromkeys(reviews.ids), **version_sums(found, "reviews")},
    }
    for name in (name for name, task in tasks.items() if task.predicts == "tickets"):
        answered = {**dict.fromkeys(version_predicted(found, name)), **version_sums(found, f"predictions_{name}")}
        made["tickets"] = {key: said for key, said in answered.items() if key in made.get("tickets", answered)}
    return made


def _unseen(store: Store, known: dict[str, dict[str, int | None]], sums: TextSums) -> dict[str, dict[str, str]]:
    """The texts, by table and key, of rows that are not known or say something else than what was read."""
    tickets = store.rows("SELECT ticket_id, body FROM tickets ORDER BY ticket_id") if "tickets" in known else []
    texts = {"products": product_texts(store), "reviews": review_texts(store), "tickets": {key: clean(body) for key, body in tickets}}

    def unseen(table: str, key: str) -> bool:
        return key not in known[table] or known[table][key] not in (None, sums[table][key])

    return {table: {key: text for key, text in found.items() if text and unseen(table, key)} for table, found in texts.items()}


class _Later:
    """Writes the file of one embedding."""

    def __init__(self, loaded: Loaded, shop: Shop, products: Known, reviews: Known, report: Report) -> None:
        self.loaded, self.shop, self.products, self.reviews, self.report = loaded, shop, products, reviews, report
        self.model = loaded.model.to(loaded.device())
        self.layers = FastLayers(self.model.backbone, loaded.recipe.reading, loaded.ranges)
        self.learned = {key: place for place, key in enumerate(loaded.products)}
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
            self.report(0.9 * at / max(1, len(texts)), f"reading {len(texts):,} new or changed texts of {table}")
            yield [key for key, _ in part], told, torch.from_numpy(pooled[[row for _, row in part]]).to(self.model.bias.device)

    def _vectors(self, space: SpaceWriter, table: str, keys: list[str], pooled: torch.Tensor) -> None:
        if table == "tickets":
            return
        made, bias = self._products(keys, pooled) if table == "products" else (self.model.reviews(pooled), None)
        vectors = made.float().cpu().numpy()
        space.vectors(table, keys, vectors, bias, self.shop.sums[table])
        (self.products if table == "products" else self.reviews).add(keys, vectors)

    def _products(self, keys: list[str], pooled: torch.Tensor) -> tuple[torch.Tensor, np.ndarray]:
        """Vectors and biases of products, (rows, dim) and (rows,): what was learned of one beside its text stays."""
        made, bias = self.model.cold_products(pooled), np.full(len(keys), self.model.unbought_bias())
        learned = [(row, self.learned[key]) for row, key in enumerate(keys) if key in self.learned]
        if learned:
            rows, places = torch.tensor(learned, device=pooled.device).T
            made[rows] = self.model.products(pooled[rows], places)
            bias[rows.cpu().numpy()] = self.model.bias[places].float().cpu().numpy()
        return made, bias

    def _predictions(self, space: SpaceWriter, table: str, keys: list[str], texts: list[str], pooled: torch.Tensor) -> None:
        for name, task in self.shop.tasks.items():
            if task.predicts == table and name not in self.loaded.binary:
                head = self.model.text_head(name)
                shares = head.probabilities(self.model.classify(name, pooled), texts).float().cpu().numpy()
                space.predictions(name, self.loaded.labels[name], keys, shares, head.choose(shares), self.shop.sums[table])

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
