"""A small shop with a published model version whose geometry is known, for tests of insights and pages.

Two tastes: products a0..a5 lie along the first axis, b0..b5 along the second; users u_a* bought
products of a, u_b* those of b. `b5` carries a large bias: everybody's favourite.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np

from workbench.home import Home
from workbench.registry import ModelVersion, Registry
from workbench.shop.space import write_space
from workbench.shop.store import Store

DIM = 8
START = datetime(2025, 1, 1)
NASTY = "<script>alert('x')</script> ![pixel](https://tracker.example/x.png) **bold** [link](https://tracker.example)"


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(DIM, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def product_vectors() -> dict[str, np.ndarray]:
    made = {f"a{i}": unit(1, 0.02 * i, 0.1 * (i - 2)) for i in range(6)}
    return made | {f"b{i}": unit(0.02 * i, 1, 0, 0.1 * (i - 2)) for i in range(6)}


def user_vectors() -> dict[str, np.ndarray]:
    made = {f"u_a{i}": unit(1, 0.1, 0.01 * i) for i in range(6)}
    return made | {f"u_b{i}": unit(0.1, 1, 0, 0.01 * i) for i in range(6)}


def fill(store: Store) -> None:
    """Products, purchases and reviews: u_ai bought ai, a(i+1), a(i+2) (mod 5), likewise b; all of b bought b5."""
    with store.transaction() as cursor:
        for key in product_vectors():
            group = "Audio" if key[0] == "a" else "Garden"
            cursor.execute(
                "INSERT INTO products (product_id, title, brand, category, price) VALUES (?, ?, ?, ?, ?)",
                [key, f"{group} thing {key}", f"Brand {key[0]}", group, 10.0],
            )
        number = 0
        for user in user_vectors():
            cursor.execute("INSERT INTO users (user_id) VALUES (?)", [user])
            group, at = user[2], int(user[3])
            owned = [f"{group}{(at + step) % 5}" for step in range(3)] + (["b5"] if group == "b" else [])
            for step, product in enumerate(owned):
                number += 1
                when = START + timedelta(days=step, hours=at)
                cursor.execute(
                    "INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES (?, ?, ?, 'purchase', ?)",
                    [f"e{number}", user, product, when],
                )
                if step == 0:
                    cursor.execute(
                        "INSERT INTO reviews (review_id, product_id, user_id, rating, title, body, created_at) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)",
                        [f"r{number}", product, user, 5.0, "Very good", NASTY if user == "u_a0" else "works", when + timedelta(days=9)],
                    )


METRIC = {"value": 0.31, "low": 0.27, "high": 0.35, "n": 400}


def figure(value: float, reach: float = 0.04, n: int = 400) -> dict[str, float]:
    return {"value": value, "low": round(value - reach, 4), "high": round(value + reach, 4), "n": n}


METRICS = {
    "tasks": {
        "next_item": {
            "metrics": {"ndcg_at_10": METRIC, "hr_at_10": figure(0.5, 0.05)},
            "baselines": {"popularity": {"ndcg_at_10": figure(0.11, 0.02)}, "item_neighbours": {"ndcg_at_10": figure(0.21, 0.03)}},
            "differences": {"ndcg_at_10": {"popularity": figure(0.2, 0.03), "item_neighbours": figure(0.1, 0.03)}},
            "groups": {
                "customer": {
                    "metric": "ndcg_at_10",
                    "groups": {
                        "old": {**figure(0.34, 0.05, 300), "rest": figure(0.12, 0.06, 85)},
                        "new": {**figure(0.22, 0.05, 85), "rest": figure(-0.12, 0.06, 85)},
                        "unborn": {"n": 15},
                    },
                    "gap": {**figure(0.12, 0.06, 85), "highest": "old", "lowest": "new"},
                }
            },
        },
        "sentiment": {
            "metrics": {"macro_f1": figure(0.7), "ece": {**figure(0.02, 0.01), "bins": [[0.55, 0.5, 40], [0.9, 0.91, 160]]}},
            "baselines": {"majority": {"macro_f1": figure(0.3, 0.01)}, "tfidf_logistic": {"macro_f1": figure(0.69)}},
            "differences": {"macro_f1": {"majority": figure(0.4), "tfidf_logistic": figure(0.01, 0.02), "parent": figure(0.05, 0.03)}},
        },
    },
    "left_out": {"intent": "needs two intents with at least 5 tickets each, there are 0"},
}
EVALUATION = {
    "tasks": {
        "next_item": {
            "baselines": {"single_task": {"ndcg_at_10": figure(0.25)}},
            "differences": {"ndcg_at_10": {"single_task": figure(0.06, 0.02)}},
        },
        "sentiment": {
            "baselines": {"single_task": {"macro_f1": figure(0.71)}},
            "differences": {"macro_f1": {"single_task": figure(-0.01, 0.02)}},
            "noise": {
                "typing_errors": {"metrics": {"macro_f1": figure(0.6)}, "differences": {"macro_f1": figure(-0.1, 0.03)}, "changed": 0.9},
                "case_changes": {"metrics": {"macro_f1": figure(0.7)}, "differences": {"macro_f1": figure(0.0, 0.0)}, "changed": 1.0},
            },
            "elsewhere": {
                "lamps": {
                    "metrics": {"macro_f1": figure(0.55)},
                    "baselines": {"tfidf_logistic": {"macro_f1": figure(0.45)}},
                    "differences": {"macro_f1": {"tfidf_logistic": figure(0.1)}},
                }
            },
        },
    },
}
CURVE = [
    {"step": 0, "epoch": 0, "task": "sentiment", "loss": 1.1},
    {"step": 20, "epoch": 1, "task": "sentiment", "metric": "macro_f1", "value": 0.6},
    {"step": 40, "epoch": 2, "task": "sentiment", "metric": "macro_f1", "value": 0.7},
]


def publish(home: Home, *, parent: str | None = None, promote: bool = True, data_version: int = 1) -> ModelVersion:
    """A complete version of the geometry above, promoted."""
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.settings(scale=float(np.log(10.0)), review_scale=1.0)
        products, users = product_vectors(), user_vectors()
        bias = np.array([3.0 if key == "b5" else 0.0 for key in products])
        space.vectors("products", list(products), np.stack(list(products.values())), bias)
        space.vectors("users", list(users), np.stack(list(users.values())))
        space.vectors("reviews", ["r1"], np.stack([unit(1, 0, 0.1)]))
        space.predictions("sentiment", ["negative", "neutral", "positive"], ["r1"], np.array([[0.1, 0.1, 0.8]]))
    (folder / "metrics.json").write_text(json.dumps({"version": version, **METRICS}), "utf-8")
    (folder / "curve.json").write_text(json.dumps(CURVE), "utf-8")
    (folder / "recipe.json").write_text(json.dumps({"name": "laptop", "dim": DIM, "epochs": 8}), "utf-8")
    made = registry.publish(version, {"parent": parent, "data_version": data_version, "recipe": "laptop", "kind": "train", "seconds": 1.0})
    if promote:
        registry.promote(version)
    return made
