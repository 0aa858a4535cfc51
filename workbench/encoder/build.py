"""What a model is before it learns: products stand on their texts, reviews begin with what is reviewed often."""

from __future__ import annotations

import numpy as np
import torch

from workbench.encoder.backbone import Backbone
from workbench.encoder.corpus import Corpus
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder


def build(corpus: Corpus, recipe: Recipe, backbone: Backbone) -> JointEncoder:
    """An untrained model for a corpus."""
    model = JointEncoder(recipe, backbone, corpus.counts(), corpus.heads, masked=corpus.masked is not None)
    model.user.set_moments(np.concatenate([np.zeros(0), *(u.days[: u.train_end] for u in corpus.users)]))
    for rows in corpus.text_rows.values():
        if rows.task.objective == "contrast":
            counts = np.bincount(rows.target[rows.rows("train")], minlength=len(corpus.product_ids))
            model.review_bias.data.copy_(torch.log1p(torch.from_numpy(counts)))
    return model
