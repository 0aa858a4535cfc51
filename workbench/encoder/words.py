"""Noise in the words of the texts that training reads: words left out, words exchanged for near ones.

Leaving out is the word dropout of Iyyer et al. (2015): a token is hidden from the trained layers and
from the pooling. Exchanging needs token ids, so it acts only where every layer is trained; the near
words are the nearest of the base's own embeddings among the words that the training texts use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from workbench.encoder.backbone import Backbone, Texts
from workbench.encoder.recipe import Recipe

NEAREST, LEAST_COSINE, LEAST_USES = 5, 0.5, 3


class WordNoise:
    """What a recipe does to the words of each batch; `tokens` are the token ids of the texts that training reads."""

    def __init__(self, recipe: Recipe, backbone: Backbone, tokens: Iterable[Sequence[int]]) -> None:
        self.drop, self.exchange = recipe.word_dropout, recipe.synonyms
        self.near = NearWords(backbone, tokens) if self.exchange else None

    def __call__(self, texts: Texts, random: np.random.Generator) -> Texts:
        """The batch with other words; `random` alone decides which."""
        if self.near is not None:
            texts = replace(texts, values=self.near.exchange(texts.values, self.exchange, random))
        return replace(texts, mask=hidden(texts.mask, self.drop, random)) if self.drop else texts


def hidden(mask: Tensor, share: float, random: np.random.Generator) -> Tensor:
    """The mask (rows, tokens) without a share of its tokens; the first of each text stays."""
    kept = torch.from_numpy(random.random(tuple(mask.shape)) >= share)
    kept[:, 0] = True
    return mask & kept


class NearWords:
    """For the words that the training texts use: the nearest ones in the base's embeddings."""

    def __init__(self, backbone: Backbone, tokens: Iterable[Sequence[int]]) -> None:
        pieces = backbone.tokenizer.convert_ids_to_tokens(list(range(len(backbone.tokenizer))))
        self.begins = begins_word(pieces)
        uses = np.bincount(np.fromiter((i for ids in tokens for i in ids), np.int64), minlength=len(pieces))
        wordlike = np.array([piece.strip("▁Ġ").isalpha() and len(piece.strip("▁Ġ")) > 2 for piece in pieces])
        self.words = np.flatnonzero(self.begins & wordlike & (uses >= LEAST_USES))
        self.table: Tensor = backbone.model.get_input_embeddings().weight.detach()
        self.near = np.full((len(pieces), NEAREST), -1, np.int64)
        for part in np.array_split(self.words, max(1, len(self.words) // 1024)):
            self._find(part)

    @torch.no_grad()
    def _find(self, part: np.ndarray) -> None:
        unit = torch.nn.functional.normalize(self.table[torch.from_numpy(self.words)].float(), dim=1)
        here = torch.from_numpy(np.searchsorted(self.words, part)).to(unit.device)
        cosine = unit[here] @ unit.T
        cosine[torch.arange(len(part), device=here.device), here] = -1
        best = cosine.topk(min(NEAREST, len(self.words)), dim=1)
        found = np.where(best.values.cpu().numpy() >= LEAST_COSINE, self.words[best.indices.cpu().numpy()], -1)
        self.near[part, : found.shape[1]] = found

    def exchange(self, ids: Tensor, share: float, random: np.random.Generator) -> Tensor:
        """Token ids (rows, tokens) with a share of the whole words exchanged; the rest of a broken word is left alone."""
        found = ids.numpy()
        after = np.concatenate([self.begins[found[:, 1:]], np.ones((len(found), 1), bool)], 1)
        other = self.near[found, random.integers(0, NEAREST, found.shape)]
        wanted = (random.random(found.shape) < share) & after & (other >= 0)
        return torch.from_numpy(np.where(wanted, other, found).astype(np.int64))


def begins_word(pieces: Sequence[str]) -> np.ndarray:
    """Whether each piece of a vocabulary begins a word, (pieces,): by "##" of WordPiece, else by "▁" or "Ġ"."""
    marked = any(piece.startswith(("▁", "Ġ")) for piece in pieces)
    own = ("▁", "Ġ", "[", "<")
    return np.array([piece.startswith(own) if marked else not piece.startswith("##") for piece in pieces], bool)
