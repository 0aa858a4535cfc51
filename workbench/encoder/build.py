"""What a model is before it learns: products stand on their texts and on what was said of them, reviews on what is reviewed often."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from workbench.encoder.backbone import Backbone
from workbench.encoder.corpus import Corpus, TextRows
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder

ROWS_AT_A_TIME = 50_000
Read = Callable[[np.ndarray], np.ndarray]
"""Indices of texts to their pooled vectors, (texts, width)."""


def build(corpus: Corpus, recipe: Recipe, backbone: Backbone) -> JointEncoder:
    """An untrained model for a corpus."""
    model = JointEncoder(recipe, backbone, corpus.counts(), corpus.heads, masked=corpus.masked is not None)
    model.user.set_moments(np.concatenate([np.zeros(0), *(u.days[: u.train_end] for u in corpus.users)]))
    for rows in _contrasts(corpus):
        counts = np.bincount(rows.target[rows.rows("train")], minlength=len(corpus.product_ids))
        model.review_bias.data.copy_(torch.log1p(torch.from_numpy(counts)))
    return model


@torch.no_grad()
def begin_at_what_was_said(model: JointEncoder, corpus: Corpus, read: Read) -> None:
    """Let what an untrained model's products have of their own begin at the centroid of the reviews that teach them, where there are any.

    `read` reads as the untrained base does. In the joint space each is then where its reviews are; learning moves it from there.
    """
    for rows in _contrasts(corpus):
        products, said = _centroids(rows, read)
        model.own.weight[products] = model.reviews(said.to(model.own.weight.device))


def _contrasts(corpus: Corpus) -> list[TextRows]:
    return [rows for rows in corpus.text_rows.values() if rows.task.objective == "contrast"]


def _centroids(rows: TextRows, read: Read) -> tuple[torch.Tensor, torch.Tensor]:
    """The products that have training texts, (products,), and the mean direction of the texts of each, (products, width)."""
    train = rows.rows("train")
    products, place = np.unique(rows.target[train], return_inverse=True)
    made = torch.zeros(len(products), read(rows.text[:0]).shape[1])
    for at in range(0, len(train), ROWS_AT_A_TIME):
        part = slice(at, at + ROWS_AT_A_TIME)
        found = torch.from_numpy(np.asarray(read(rows.text[train[part]]), np.float32))
        made.index_add_(0, torch.from_numpy(place[part]), torch.nn.functional.normalize(found, dim=-1))
    return torch.from_numpy(products), torch.nn.functional.normalize(made, dim=-1)
