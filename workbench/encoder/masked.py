"""Words hidden in the shop's own texts and guessed from those around them: what a base learns of a shop without labels.

Of each text 15 % of the tokens are hidden: 80 % of these behind the mask, 10 % behind any other word,
10 % stay as they are (Devlin et al. 2019). The output embedding is the input embedding (Press and Wolf 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.encoder.backbone import Backbone, Texts

HIDDEN, MASKED, SWAPPED = 0.15, 0.8, 0.1
MOST_HIDDEN = 2048  # in a batch: each needs a logit for every word of the base, 250,000 of them in some
NAME = "masked_words"


@dataclass
class MaskedBatch:
    """Texts as token ids with some hidden; `hidden` (rows, tokens) says which, `words` (hidden,) what they were."""

    texts: Texts
    hidden: Tensor
    words: Tensor

    def to(self, device: torch.device) -> MaskedBatch:
        return MaskedBatch(self.texts.to(device), self.hidden.to(device), self.words.to(device))


def hide(texts: Texts, tokenizer: Any, generator: torch.Generator) -> MaskedBatch:
    """Hide words of a batch of token ids, at least one in each text where they are not too many; never special tokens."""
    ids = texts.values
    special = torch.tensor(tokenizer.all_special_ids)
    word = texts.mask & ~torch.isin(ids, special)
    chance = torch.rand(ids.shape, generator=generator).masked_fill(~word, 2.0)
    hidden = word & ((chance < HIDDEN) | (chance == chance.amin(1, keepdim=True)))
    if hidden.sum() > MOST_HIDDEN:
        hidden &= chance <= chance[hidden].kthvalue(MOST_HIDDEN).values
    how = torch.rand(ids.shape, generator=generator)
    other = torch.randint(len(tokenizer), ids.shape, generator=generator)
    shown = torch.where(hidden & (how < MASKED), tokenizer.mask_token_id, ids)
    shown = torch.where(hidden & (how >= MASKED) & (how < MASKED + SWAPPED), other, shown)
    return MaskedBatch(Texts(shown, texts.mask, texts.readers), hidden, ids[hidden])


class MaskedWords(nn.Module):
    """Guesses the hidden words: a small network over the hidden states, then a product with the base's own word embeddings."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        width = backbone.width
        self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(backbone.words.num_embeddings))

    def forward(self, backbone: Backbone, batch: MaskedBatch) -> Tensor:
        """Logits of all words for each hidden one, (hidden, words)."""
        states = backbone.states(batch.texts)[batch.hidden]
        made: Tensor = self.norm(F.gelu(self.dense(states))) @ backbone.words.weight.T + self.bias
        return made
