"""What a model is before it learns."""

import numpy as np
import pytest
import torch
from small_shop import prepared

from workbench.encoder import build
from workbench.encoder.build import begin_at_what_was_said
from workbench.encoder.singly import only


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    tasks = ["sentiment", "review_to_product", "next_item"]
    return prepared(tmp_path_factory.mktemp("shop"), tasks, reading="fp32")[1]


def taught(shop, split="train"):
    """(texts, products) of the reviews of a split."""
    rows = shop.corpus.text_rows["review_to_product"]
    return rows.text[rows.rows(split)], rows.target[rows.rows(split)]


def test_a_product_begins_where_the_reviews_that_teach_it_are(shop):
    texts, products = taught(shop)
    product = products[0]
    its = torch.nn.functional.normalize(torch.from_numpy(shop.frozen[texts[products == product]]), dim=-1).mean(0, keepdim=True)
    with torch.no_grad():
        expected = shop.model.reviews(torch.nn.functional.normalize(its, dim=-1))[0]
    assert torch.allclose(shop.model.own.weight[product], expected, atol=1e-5)
    others = np.setdiff1d(np.arange(len(shop.corpus.product_ids) + 1), products)
    assert len(others) and shop.model.own.weight[others].norm(dim=1).max() < 0.9, "what nobody reviewed begins as it did"


def test_no_review_that_is_held_out_says_where_a_product_begins(shop):
    asked = []

    def read(texts):
        asked.extend(texts.tolist())
        return shop.frozen[texts]

    begin_at_what_was_said(shop.model, shop.corpus, read)
    assert set(asked) == set(taught(shop)[0].tolist())


def test_many_reviews_are_read_in_parts_to_the_same_end(shop, monkeypatch):
    begin_at_what_was_said(shop.model, shop.corpus, lambda texts: shop.frozen[texts])
    whole = shop.model.own.weight.clone()
    monkeypatch.setattr(build, "ROWS_AT_A_TIME", 7)
    begin_at_what_was_said(shop.model, shop.corpus, lambda texts: shop.frozen[texts])
    assert torch.allclose(whole, shop.model.own.weight, atol=1e-5)


def test_a_model_of_other_tasks_begins_as_it_did(shop):
    before = shop.model.own.weight.clone()
    begin_at_what_was_said(shop.model, only(shop.corpus, "next_item"), None)
    assert torch.equal(before, shop.model.own.weight)
