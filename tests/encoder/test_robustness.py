"""Noise reaches every task that reads what people write, and no other."""

from dataclasses import replace

import numpy as np
import pytest
from small_shop import prepared

from workbench.encoder.evaluate import measure
from workbench.encoder.robustness import under_noise


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """(corpus, model, pooled texts) of a shop with reviews in its histories."""
    _, made = prepared(tmp_path_factory.mktemp("shop"), ["sentiment", "next_item", "return"], reading="fp32")
    return made.corpus, made.model.eval(), made.features.pooled()


def noise(shop, read, corpus=None):
    known, model, pooled = shop
    corpus = corpus or known
    return under_noise(model, corpus, pooled, read, measure(model, corpus, pooled, "test"), lambda done, step: None)


def test_the_reviews_in_histories_are_noisy_too(shop):
    corpus, _, pooled = shop
    asked = []

    def strange(texts, readers):
        asked.append(len(texts))
        return np.random.default_rng(0).normal(0, 1, (len(texts), pooled.shape[1])).astype(np.float32)

    found = noise(shop, strange)
    assert set(found) == {"sentiment", "next_item", "return"}
    assert asked[0] > len(np.unique(corpus.text_rows["sentiment"].text[corpus.text_rows["sentiment"].rows("test")]))
    for task, metric in (("next_item", "ndcg_at_10"), ("return", "auc"), ("sentiment", "macro_f1")):
        assert found[task]["typing_errors"]["differences"][metric]["value"] != 0, task


def test_noise_that_changes_no_vector_changes_no_figure(shop):
    corpus, _, pooled = shop
    rows = corpus.text_rows["sentiment"]
    asked = np.unique(rows.text[rows.rows("test")])
    found = noise(shop, lambda texts, readers: pooled[asked], replace(corpus, user_rows={}, next_item=None))
    assert set(found) == {"sentiment"} and set(found["sentiment"]) == {"typing_errors", "case_changes", "word_order"}
    written = found["sentiment"]["case_changes"]
    assert written["differences"]["macro_f1"]["value"] == pytest.approx(0)
    assert written["metrics"]["macro_f1"]["n"] == len(rows.rows("test")) and written["changed"] > 0.5


def test_tasks_on_users_who_wrote_nothing_are_left_out(shop):
    corpus, _, pooled = shop
    silent = replace(corpus, review_text=np.full(len(corpus.review_text), -1))
    assert set(noise(shop, lambda texts, readers: pooled[: len(texts)], silent)) == {"sentiment"}
    assert noise(shop, None, replace(silent, text_rows={})) == {}
