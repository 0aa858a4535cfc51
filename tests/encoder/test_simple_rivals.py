"""The simple methods learn what they can: centroids of what was said, trees with the settings that validation rows prefer."""

from types import SimpleNamespace

import numpy as np
import pytest

from workbench.encoder.baselines import texts, users
from workbench.encoder.corpus import TextRows, UserRows
from workbench.tasks.base import tasks

WORDS = ["strings", "battery", "cable", "pedal", "stand", "bow", "reed", "drum", "mute", "pick", "strap", "lamp"]
SPLITS = np.array(["train"] * 6 + ["validation"] * 2 + ["test"] * 2)


def said_of_products():
    """12 products whose own texts say nothing; ten reviews of each name what it is."""
    said = [f"this {word} is fine number {i}" for word in WORDS for i in range(10)]
    ids = [f"p{i}" for i in range(len(WORDS))]
    rows = TextRows(
        tasks()["review_to_product"],
        np.arange(len(said)),
        np.repeat(np.arange(len(WORDS)), 10),
        np.tile(SPLITS, len(WORDS)),
        [f"r{i}" for i in range(len(said))],
        ids,
    )
    return SimpleNamespace(texts=said, product_ids=ids, product_text=np.full(len(ids), -1)), rows


def test_centroids_know_a_product_by_what_was_said_of_it_and_the_untrained_base_does_not():
    corpus, rows = said_of_products()
    found = texts.contrast(corpus, rows, np.eye(len(corpus.texts), dtype=np.float32))
    assert set(found) == {"popularity", "frozen_nearest", "tfidf_centroids", "frozen_centroids"}
    assert found["tfidf_centroids"]["recall_at_5"]["value"] == 1.0 > found["frozen_nearest"]["recall_at_5"]["value"]
    frozen = np.repeat(np.eye(len(WORDS), dtype=np.float32), 10, axis=0)
    assert texts.contrast(corpus, rows, frozen)["frozen_centroids"]["recall_at_5"]["value"] == 1.0


@pytest.mark.parametrize("parts", [7, 1000])
def test_ranks_do_not_depend_on_the_parts_they_are_made_in(monkeypatch, parts):
    monkeypatch.setattr(texts, "PART", parts)
    corpus, rows = said_of_products()
    assert texts.contrast(corpus, rows, np.eye(len(corpus.texts), dtype=np.float32))["tfidf_centroids"]["recall_at_5"]["value"] == 1.0


def test_trees_take_the_settings_that_rank_the_validation_rows_best(monkeypatch):
    random = np.random.default_rng(0)
    told = random.normal(size=(900, 4))
    target = (told[:, 0] * told[:, 1] > 0).astype(int)  # no single split tells it
    split = np.array(["train", "validation", "test"])[np.arange(900) % 3]
    rows = UserRows(tasks()["return"], np.arange(900), np.zeros(900), np.zeros(900), target, split, ["stays_away", "returns"])
    monkeypatch.setattr(users, "asked_numbers", lambda corpus, asked, at: told[at])
    monkeypatch.setattr(users, "FIXED", (1, 0.01, 1))
    found = users.binary(None, rows)
    assert found["rfm_boosting_tuned"]["auc"]["value"] > 0.9 > found["rfm_boosting"]["auc"]["value"]
