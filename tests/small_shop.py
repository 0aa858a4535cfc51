"""A small shop with taste and mood that the encoder learns in seconds."""

import json
from datetime import datetime, timedelta

import numpy as np
from tiny_base import tiny_base

from workbench.encoder.__main__ import main
from workbench.encoder.corpus import read_corpus
from workbench.encoder.make import prepare
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.recipe import Recipe
from workbench.home import Home
from workbench.run import Run
from workbench.shop.store import Store

RECIPE = "epochs = 2\npatience = 2\nmax_length = 32\nuser_passes = 10\n"
GOOD, BAD = "Wonderful {}, I love it and use it every day", "Terrible {}, it broke at once and I want my money back"


def fill(store: Store, *, reviews: bool = True, events: bool = True) -> None:
    """12 products of two kinds, 130 users who like one kind, a year of purchases, reviews with a mood."""
    random = np.random.default_rng(3)
    names = [("guitar", "Music"), ("lamp", "Home")]
    with store.transaction() as cursor:
        for p in range(12):
            kind, category = names[p % 2]
            cursor.execute(
                "INSERT INTO products (product_id, title, category, price) VALUES (?, ?, ?, ?)",
                [f"p{p:02}", f"{kind} number {p}", category, 10 + p],
            )
        for u in range(130):
            day = datetime(2024, 1, 1) + timedelta(days=int(random.integers(0, 60)))
            for step, k in enumerate(random.permutation(6)[:5]):
                product = f"p{2 * k + u % 2:02}"
                day += timedelta(days=int(random.integers(5, 90)))
                if events:
                    cursor.execute(
                        "INSERT INTO events (event_id, user_id, product_id, kind, happened_at, price) VALUES (?, ?, ?, 'purchase', ?, 10)",
                        [f"e{u}-{step}", f"u{u:03}", product, day],
                    )
                if reviews and step < 2:
                    stars = int(random.choice([1, 5]))
                    body = (GOOD if stars == 5 else BAD).format(f"{names[u % 2][0]} {u}-{step}")
                    cursor.execute(
                        "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                        [f"r{u}-{step}", product, f"u{u:03}", stars, body, day + timedelta(days=1)],
                    )


def make_home(folder, **what) -> Home:
    home = Home.find(folder).make()
    (home.models / "recipes").mkdir()
    (home.models / "recipes" / "quick.toml").write_text(RECIPE)
    with Store.open(home) as store:
        fill(store, **what)
        store.snapshot()
    return home


def work(home: Home, kind: str = "train", **spec):
    """Run the encoder in this process: (exit code, result or error)."""
    with Store.open(home) as store:
        snapshot = store.snapshot()
    run = Run.create(home, kind, {"snapshot": str(snapshot), "recipe": "quick", **spec})
    code = main(str(run.folder))
    return code, json.loads((run.folder / ("encoder.json" if code == 0 else "encoder_error.json")).read_text())


def prepared(folder, tasks=None, probed=None, **settings):
    """(recipe, what was prepared by it) of the shop in a new home, over a tiny base; `settings` are the recipe's."""
    home = make_home(folder)
    recipe = Recipe(base=str(tiny_base(home.root / "base")), max_length=16, trackers="none", **settings)
    with Store.open(home) as store:
        corpus = with_masked_words(read_corpus(store, tasks), recipe)
    return recipe, prepare(corpus, recipe, home.root, lambda done, step: None, probed=probed)
