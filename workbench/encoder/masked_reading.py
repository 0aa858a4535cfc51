"""Masked words in a training: whether they are learned, and how many of the hidden words are guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from workbench.encoder import metrics
from workbench.encoder.corpus import Corpus
from workbench.encoder.features import Features
from workbench.encoder.masked import NAME, MaskedBatch, hide
from workbench.encoder.metrics import Metric
from workbench.encoder.recipe import Recipe
from workbench.encoder.towers import JointEncoder

TEXTS_PER_BATCH = 64
MOST_TEXTS = 2000
FROZEN = (
    "the recipe freezes layers and computes them once: what was hidden would already be in what they said of the words around it; "
    "it needs top_layers = -1"
)
OFF = "the recipe has masked_words = false"
NOT_NAMED = "the recipe has masked_words = true, but the tasks to be learned were named without it"


def with_masked_words(corpus: Corpus, recipe: Recipe, only: list[str] | None = None) -> Corpus:
    """The corpus with masked words where the recipe has them and can have them, else without.

    The reason is noted where the recipe or `only` asked for them.
    """
    if recipe.masked_words and only is not None and NAME not in only:
        return replace(corpus, masked=None, left_out={**corpus.left_out, NAME: NOT_NAMED})
    if recipe.masked_words and recipe.top_layers < 0:
        return corpus
    left_out = {name: why for name, why in corpus.left_out.items() if recipe.masked_words or name != NAME}
    if corpus.masked and (recipe.masked_words or NAME in (only or [])):
        left_out[NAME] = FROZEN if recipe.masked_words else OFF
    return replace(corpus, masked=None, left_out=left_out)


@torch.no_grad()
def measure_masked(
    model: JointEncoder, corpus: Corpus, features: Features, seed: int
) -> tuple[dict[str, Metric], dict[str, dict[str, Metric]]]:
    """Share of the hidden words of test texts that are guessed, and that of guessing the most frequent training word always."""
    assert model.masked is not None
    random = torch.Generator().manual_seed(seed)
    tokenizer, device = features.backbone.tokenizer, model.bias.device
    most = most_frequent(features, corpus.masked_texts("train"), set(tokenizer.all_special_ids))
    test = np.random.default_rng(seed).permutation(corpus.masked_texts("test"))[:MOST_TEXTS]
    ours, theirs = [np.zeros(0)], [np.zeros(0)]
    for at in range(0, len(test), TEXTS_PER_BATCH):
        batch: MaskedBatch = hide(features.batch(test[at : at + TEXTS_PER_BATCH]), tokenizer, random)
        guess = model.masked(features.backbone, batch.to(device)).argmax(1).cpu()
        ours.append((guess == batch.words).numpy().astype(float))
        theirs.append((batch.words == most).numpy().astype(float))
    return {"accuracy": metrics.mean(np.concatenate(ours))}, {"majority": {"accuracy": metrics.mean(np.concatenate(theirs))}}


def most_frequent(features: Features, texts: np.ndarray, special: set[int]) -> int:
    """The token that these texts hold most often, special ones aside."""
    counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *(np.array(features.words(i)) for i in texts)]))
    counts[[token for token in special if token < len(counts)]] = 0
    return int(counts.argmax()) if len(counts) else 0
