"""What a model is before it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_shop import make_home, prepared
from tiny_base import tiny_base

from workbench.encoder import build, make
from workbench.encoder.build import begin_at_what_was_said
from workbench.encoder.corpus import read_corpus
from workbench.encoder.recipe import Recipe
from workbench.encoder.singly import only
from workbench.shop.store import Store

SILENT = np.array([1, 4, 5])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop of which the products in `SILENT` have no text of their own."""
    tasks = ["sentiment", "review_to_product", "next_item"]
    made = prepared(tmp_path_factory.mktemp("shop"), tasks, reading="fp32")[1]
    made.corpus.silent[SILENT] = True
    return made


def begun(shop, corpus=None):
    """What the products have of their own at the beginning, (products, dim), and the texts that were read for it."""
    asked = []

    def read(texts):
        asked.extend(texts.tolist())
        return shop.frozen[texts]

    torch.nn.init.zeros_(shop.model.own.weight)
    begin_at_what_was_said(shop.model, corpus or shop.corpus, read)
    return shop.model.own.weight.detach().clone(), asked


def test_a_review_that_says_what_a_product_is_called_begins_where_the_product_is(shop):
    made = build.build(shop.corpus, Recipe(), shop.model.backbone)
    pooled = torch.from_numpy(shop.frozen[:5])
    with torch.no_grad():
        assert torch.equal(made.reviews(pooled), made.cold_products(pooled))
    made.review.weight.data.add_(1.0)
    assert not torch.equal(made.review.weight, made.product.weight), "each learns for itself"


def test_a_product_without_a_text_begins_where_the_reviews_that_teach_it_are(shop):
    rows, (own, asked) = shop.corpus.text_rows["review_to_product"], begun(shop)
    train = rows.rows("train")
    for product in SILENT:
        its = torch.nn.functional.normalize(torch.from_numpy(shop.frozen[rows.text[train][rows.target[train] == product]]), dim=-1)
        with torch.no_grad():
            expected = shop.model.reviews(torch.nn.functional.normalize(its.mean(0, keepdim=True), dim=-1))[0]
        assert torch.allclose(own[product], expected, atol=1e-5)
    assert set(np.flatnonzero(own.any(1).numpy())) == set(SILENT), "what has a text begins on it"
    assert set(asked) == set(rows.text[train][np.isin(rows.target[train], SILENT)].tolist()), "no review that is held out is read"


def test_many_reviews_are_read_in_parts_to_the_same_end(shop, monkeypatch):
    whole, _ = begun(shop)
    monkeypatch.setattr(build, "ROWS_AT_A_TIME", 7)
    assert torch.allclose(whole, begun(shop)[0], atol=1e-5)


def test_where_every_product_has_a_text_or_none_is_reviewed_nothing_is_read(shop):
    own, asked = begun(shop, only(shop.corpus, "next_item"))
    assert not own.any() and not asked
    told = replace(shop.corpus, silent=np.zeros(len(shop.corpus.product_ids), bool))
    own, asked = begun(shop, told)
    assert not own.any() and not asked


@pytest.mark.parametrize("probed", [None, np.array([3])], ids=["training", "fine-tuning"])
def test_every_training_from_the_bare_base_begins_so(tmp_path, monkeypatch, probed):
    told = []
    monkeypatch.setattr(make, "begin_at_what_was_said", lambda model, corpus, read: told.append(read(np.array([0, 1]))))
    _, made = prepared(tmp_path, ["sentiment", "review_to_product"], reading="fp32", probed=probed)
    [read] = told
    assert read.shape == (2, made.features.backbone.width) and np.abs(read).min(1).all(), "read, whatever is probed"


def test_a_product_without_a_title_begins_so_though_headlines_stand_for_its_text(tmp_path):
    home = make_home(tmp_path)
    with Store.open(home) as store:
        untitled = {key for (key,) in store.rows("SELECT product_id FROM reviews GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 2")}
        with store.transaction() as cursor:
            cursor.execute(
                "UPDATE products SET title = NULL, brand = NULL, description = NULL WHERE product_id IN (SELECT unnest(?))",
                [sorted(untitled)],
            )
        corpus = read_corpus(store, ["review_to_product"])
    recipe = Recipe(base=str(tiny_base(home.root / "base")), max_length=16, trackers="none", reading="fp32")
    made = make.prepare(corpus, recipe, home.root, lambda done, step: None)
    its = np.flatnonzero([key in untitled for key in corpus.product_ids])
    assert len(its) == 2 and (corpus.product_text[its] >= 0).all() and np.array_equal(np.flatnonzero(corpus.silent), its)
    lengths = made.model.own.weight[: len(corpus.product_ids)].norm(dim=1)
    assert torch.allclose(lengths[its], torch.ones(2), atol=1e-4), "a direction, from reviews"
    assert (lengths[~corpus.silent] < 0.9).all(), "the others begin near nothing"
