from dataclasses import replace

import numpy as np
import pytest
import torch
from small_shop import prepared

from workbench.encoder.evaluate import measure
from workbench.encoder.reading_cost import cost_in_words, cost_of_reading


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """(corpus, model, features, pooled texts) of a shop whose base reads in full precision."""
    tasks = ["sentiment", "review_to_product", "next_item"]
    _, made = prepared(tmp_path_factory.mktemp("shop"), tasks, reading="fp32")
    return made.corpus, made.model.eval(), made.features, made.features.pooled()


def test_int8_is_beside_full_precision_on_the_test_rows_of_each_task_on_texts(shop, monkeypatch):
    corpus, model, features, pooled = shop
    random = np.random.default_rng(0)
    worse = pooled + random.normal(0, pooled.std(), pooled.shape).astype(np.float32)
    found, full = measure(model, corpus, worse, "test"), measure(model, corpus, pooled, "test")
    monkeypatch.setattr(features, "precision", "int8")
    monkeypatch.setattr(features, "agreement", lambda: {"precision": "int8", "texts": 9, "mean_cosine": 0.994, "cosine_p1": 0.97})
    cost = cost_of_reading(model, corpus, features, worse, found)
    assert set(cost["tasks"]) == {"sentiment", "review_to_product"}
    for task in cost["tasks"]:
        for metric, to in cost["tasks"][task].items():
            assert to["value"] == pytest.approx(found[task][metric]["value"] - full[task][metric]["value"], abs=1e-4) and to["n"] > 0
    lost = cost["tasks"]["review_to_product"]["recall_at_10"]
    assert lost["value"] != 0
    words = cost_in_words(cost, corpus)
    assert words.startswith("Texts are read in int8: cosine to full precision 0.994 on average, 0.970")
    assert f"Review to product, recall at 10 {lost['value']:+.4f} ({lost['low']:+.4f} to {lost['high']:+.4f})" in words


def test_other_precisions_tell_their_cosines_alone(shop):
    corpus, model, features, pooled = shop
    cost = cost_of_reading(model, replace(corpus, next_item=None, user_rows={}), features, pooled, {})
    assert cost["precision"] == "fp32" and "tasks" not in cost and cost_in_words(cost, corpus) is None
    assert torch.allclose(torch.from_numpy(features.exactly(np.arange(5))), torch.from_numpy(pooled[:5]), atol=1e-3)
