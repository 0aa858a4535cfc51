"""What a model is before it learns: products begin with what is taken together, reviews with what is reviewed often."""

from __future__ import annotations

import numpy as np
import torch

from workbench.encoder.backbone import Backbone
from workbench.encoder.baselines.ranking import training_histories
from workbench.encoder.corpus import Corpus
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder

RIDGE = 200.0


def build(corpus: Corpus, recipe: Recipe, backbone: Backbone) -> JointEncoder:
    """An untrained model for a corpus, its products' own parts initialised from what is taken together."""
    own = ridge_factors(corpus, recipe.dim)
    model = JointEncoder(recipe, backbone, corpus.counts(), corpus.heads, own=own, masked=corpus.masked is not None)
    model.user.set_moments(np.concatenate([np.zeros(0), *(u.days[: u.train_end] for u in corpus.users)]))
    for rows in corpus.text_rows.values():
        if rows.task.objective == "contrast":
            counts = np.bincount(rows.target[rows.rows("train")], minlength=len(corpus.product_ids))
            model.review_bias.data.copy_(torch.log1p(torch.from_numpy(counts)))
    return model


def ridge_factors(corpus: Corpus, dim: int) -> np.ndarray:
    """Factors F of the ridge regression of each product on a user's others, (products, <= dim): F F' is its truncated hat matrix.

    With the training histories X = U S V' (truncated SVD) F = V sqrt(S^2 / (S^2 + RIDGE)); its diagonal apart this
    is what EASE (Steck 2019) solves. Rows have mean length 1; empty where there is nothing to factor.
    """
    from sklearn.decomposition import TruncatedSVD

    taken = training_histories(corpus).matrix.astype(np.float64)
    users, n = taken.shape
    if min(users, n) < 4 or not taken.nnz or not corpus.next_item:
        return np.zeros((0, 0))
    svd = TruncatedSVD(min(dim, n - 1, users - 1), algorithm="randomized", n_iter=5, random_state=0).fit(taken)
    shrunk = svd.singular_values_**2 / (svd.singular_values_**2 + RIDGE)
    found = svd.components_.T * np.sqrt(shrunk)
    return np.asarray(found / max(np.linalg.norm(found, axis=1).mean(), 1e-9))
