"""How well a base reads a shop's texts: how many tokens it does not know, and into how small pieces it cuts.

A word that is unknown tells the base nothing. A script that it only knows letter by letter is read
without any unknown token, and yet not understood: then there is about one token for each letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from workbench.encoder.backbone import Backbone

SAMPLE = 5000
MOST_UNKNOWN = 0.03
MOST_TOKENS_PER_LETTER = 0.6  # English takes about 0.25, languages near it 0.45, a script read letter by letter 1
MOST_TOKENS_PER_IDEOGRAPH = 1.3
MULTILINGUAL = "intfloat/multilingual-e5-small"
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@dataclass(frozen=True)
class Legibility:
    """Shares in 0..1 over `texts` texts: unknown tokens of all, tokens for each character, ideographs among the characters."""

    unknown: float
    tokens_per_character: float
    ideographs: float
    texts: int

    def asdict(self) -> dict[str, float | int]:
        return asdict(self)

    def warning(self) -> str | None:
        """What to say when the base cannot read these texts; None when it can."""
        limit = MOST_TOKENS_PER_LETTER + self.ideographs * (MOST_TOKENS_PER_IDEOGRAPH - MOST_TOKENS_PER_LETTER)
        if self.unknown > MOST_UNKNOWN:
            found = f"The base reads {self.unknown:.0%} of your texts' tokens as unknown"
        elif self.tokens_per_character > limit:
            found = f"The base reads your texts nearly letter by letter ({self.tokens_per_character:.2f} tokens for each character)"
        else:
            return None
        return f"{found}: choose a multilingual base in the recipe, for example {MULTILINGUAL}, or train with recipe scratch."


def legibility(backbone: Backbone, texts: Sequence[str], *, seed: int = 0) -> Legibility:
    """Measured on all texts, or on a random sample of them where there are many."""
    chosen = np.random.default_rng(seed).permutation(len(texts))[:SAMPLE]
    sample = [texts[i] for i in sorted(chosen)]
    special, unknown = set(backbone.tokenizer.all_special_ids), backbone.tokenizer.unk_token_id
    tokens = [t for found in _uncut(backbone, sample) for t in found if t == unknown or t not in special]
    characters = sum(len("".join(text.split())) for text in sample)
    ideographs = sum(len(_IDEOGRAPH.findall(text)) for text in sample)
    return Legibility(
        sum(t == unknown for t in tokens) / max(1, len(tokens)),
        len(tokens) / max(1, characters),
        ideographs / max(1, characters),
        len(sample),
    )


def _uncut(backbone: Backbone, texts: list[str]) -> list[list[int]]:
    if not texts:
        return []
    # very long texts say nothing more, and a limit would count their cut ends as characters without tokens
    return list(backbone.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"])
