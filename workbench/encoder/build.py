"""What a model is before it learns: products stand on their texts, or where they have none on what was said of them.

Reviews begin with the products' projection: what the base reads alike lies together from the start.
"""

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
    model.review.load_state_dict(model.product.state_dict())
    model.user.set_moments(np.concatenate([np.zeros(0), *(u.days[: u.train_end] for u in corpus.users)]))
    for rows in _contrasts(corpus):
        counts = np.bincount(rows.target[rows.rows("train")], minlength=len(corpus.product_ids))
        model.review_bias.data.copy_(torch.log1p(torch.from_numpy(counts)))
    return model


@torch.no_grad()
def begin_at_what_was_said(model: JointEncoder, corpus: Corpus, read: Read) -> None:
    """Let products without a text of their own begin at the centroid of the reviews that teach them.

    Beside the few headlines that stand for their text nothing else says yet where they are. `read` reads as the untrained base
    does; `model` is untrained. Where there is a text the reviews move the product from there.
    """
    for rows in _contrasts(corpus):
        train = rows.rows("train")
        silent = train[corpus.silent[rows.target[train]]]
        if len(silent):
            products, said = _centroids(rows, silent, read)
            model.own.weight[products] = model.reviews(said.to(model.own.weight.device))


def _contrasts(corpus: Corpus) -> list[TextRows]:
    return [rows for rows in corpus.text_rows.values() if rows.task.objective == "contrast"]


def _centroids(rows: TextRows, chosen: np.ndarray, read: Read) -> tuple[np.ndarray, torch.Tensor]:
    """The products that the `chosen` rows are about, (products,), and the mean direction of the texts of each, (products, width)."""
    products, place = np.unique(rows.target[chosen], return_inverse=True)
    made: torch.Tensor | float = 0.0
    for at in range(0, len(chosen), ROWS_AT_A_TIME):
        part = slice(at, at + ROWS_AT_A_TIME)
        found = torch.nn.functional.normalize(torch.from_numpy(np.asarray(read(rows.text[chosen[part]]), np.float32)), dim=-1)
        made = made + found.new_zeros(len(products), found.shape[1]).index_add_(0, torch.from_numpy(place[part]), found)
    assert isinstance(made, torch.Tensor), "rows to take the mean of"
    return products, torch.nn.functional.normalize(made, dim=-1)
