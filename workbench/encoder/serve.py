"""A warm encoder that answers: `python -m workbench.encoder.serve <home> <version>`, one JSON line for each asked.

`texts` gives vectors of product or review texts, `user` the vector of a history, `predict` the
probabilities of a task's labels and whether a text is like nothing that the task learned from. What goes
wrong is answered as `{"problem", "fix"}`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import datetime
from typing import Any

import numpy as np
import torch

from workbench.encoder.batches import steps_of
from workbench.encoder.corpus import KINDS, UserSteps, days_of
from workbench.encoder.fast import FastLayers
from workbench.encoder.features import read_all
from workbench.encoder.scope import load_scopes
from workbench.encoder.weights import Loaded, load
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import version_vectors


class Server:
    """One loaded version with the vectors of its products and reviews."""

    def __init__(self, version: ModelVersion) -> None:
        self.loaded: Loaded = load(version)
        self.scopes = load_scopes(version.folder)
        precision = "fp32" if self.loaded.recipe.reading == "fp32" else "bf16"  # what is asked is little: int8 would gain nothing
        self.layers = FastLayers(self.loaded.model.backbone, precision)
        product_ids, self.products = version_vectors(version, "products")
        review_ids, reviews = version_vectors(version, "reviews")
        self.reviews = reviews if len(reviews) else np.zeros((0, self.loaded.recipe.dim), np.float32)
        self.product_place = {key: i for i, key in enumerate(product_ids)}
        self.review_place = {key: i for i, key in enumerate(review_ids)}

    @torch.no_grad()
    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request; WorkbenchError where it cannot be given."""
        op = asked.get("op")
        if op == "texts":
            product, model = asked.get("kind") == "product", self.loaded.model
            pooled = self._pooled(asked["texts"], "product" if product else "review")
            made = model.cold_products(pooled) if product else model.reviews(pooled)
            return {"vectors": made.tolist()}
        if op == "user":
            return {"vector": self._user(asked["events"])}
        if op == "predict":
            return self._predict(asked["task"], asked["texts"])
        raise WorkbenchError(f"Unknown request {op!r}; allowed are texts, user and predict.", "Ask one of these.")

    def _pooled(self, texts: list[str], reader: str) -> torch.Tensor:
        """The pooled vectors of texts of one kind, (texts, width)."""
        backbone = self.loaded.model.backbone
        made = [np.zeros((0, backbone.width), np.float32), *read_all(backbone, texts, self.layers, reader)]
        return torch.from_numpy(np.concatenate(made)).to(self.loaded.model.bias.device)

    def _predict(self, task: str, texts: list[str]) -> dict[str, Any]:
        labels = self.loaded.labels.get(task)
        if not labels or task in self.loaded.binary:
            known = ", ".join(name for name in self.loaded.labels if name not in self.loaded.binary) or "none"
            raise WorkbenchError(f"This version cannot predict {task!r} from texts; it can: {known}.", "Choose one of these tasks.")
        pooled = self._pooled(texts, self.loaded.readers.get(task, "review"))
        head = self.loaded.model.text_head(task)
        probabilities = head.probabilities(self.loaded.model.classify(task, pooled), texts).float().cpu().numpy()
        scope = self.scopes.get(task)
        outside = scope.outside(pooled.float().cpu().numpy()) if scope else np.zeros(len(texts), bool)
        shown = head.choose(probabilities)
        return {"labels": labels, "probabilities": probabilities.tolist(), "shown": shown.tolist(), "abstain": outside.tolist()}

    def _user(self, events: list[dict[str, Any]]) -> list[float]:
        known = [e for e in events if e.get("product_id") in self.product_place]
        if not known:
            raise WorkbenchError("The history holds no product that this version knows.", "Add one that it knows, or train a new version.")
        known.sort(key=lambda e: str(e.get("happened_at") or ""))
        user = self._steps(known)
        model = self.loaded.model
        steps = steps_of([user], [(0, len(known))], self.loaded.recipe.history_length)
        vectors, _ = model.users(steps, torch.from_numpy(self.products), torch.from_numpy(self.reviews))
        return [float(x) for x in vectors[0, -1]]

    def _steps(self, events: list[dict[str, Any]]) -> UserSteps:
        ratings = [e.get("rating") for e in events]
        times = [e.get("happened_at") for e in events]
        now = float(self.loaded.model.user.edges.nan_to_num(posinf=0.0)[-1]) + 1
        days = [days_of(datetime.fromisoformat(str(t))) if t else now for t in times]
        return UserSteps(
            "",
            np.array([self.product_place[e["product_id"]] for e in events], np.int64),
            np.array([self.review_place.get(e.get("review_id") or "", -1) for e in events], np.int64),
            np.array([KINDS.index(e["kind"]) if e.get("kind") in KINDS[1:] else KINDS.index("purchase") for e in events], np.int64),
            np.array([0 if r is None else int(min(5, max(1, round(float(r))))) for r in ratings], np.int64),
            np.array(days),
            np.zeros(len(events), bool),
            len(events),
            {},
        )


def main(home: str, version: str) -> int:
    """Answer until the input is closed."""
    # libraries may print; what the client reads stays clean
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        server = Server(Registry(Home.find(home)).get(version))
    except WorkbenchError as error:
        print(json.dumps({"problem": error.problem, "fix": error.fix}), file=out, flush=True)
        return 2
    print(json.dumps({"ready": True, "version": version}), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(server, line), ensure_ascii=False), file=out, flush=True)
    return 0


def _answer(server: Server, line: str) -> dict[str, Any]:
    try:
        return server.answer(json.loads(line))
    except WorkbenchError as error:
        return {"problem": error.problem, "fix": error.fix}
    except Exception as error:
        traceback.print_exc()  # to the process's stderr: what it prints there is told where it ends
        return {"problem": f"The encoder failed: {type(error).__name__}: {error}", "fix": "Try again; if it stays so, report these words."}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
