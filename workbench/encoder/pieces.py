"""The word pieces of texts, each distinct word cut once.

A BERT tokenizer treats a text word by word, and a space always ends a word, so that what it makes of a text is what
it makes of the text's words one after the other. Most words of a shop come again and again: they are looked up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import numpy as np

MOST_WORDS = 1_000_000  # some 200 MB; a fuller store begins anew


class Pieces:
    """Token ids of texts by one tokenizer, at most `max_length` of them with the two that enclose a text."""

    def __init__(self, backend: Any, max_length: int) -> None:
        """`backend` is a `tokenizers.Tokenizer` of the kind that `reads_words` says."""
        self.backend, self.max_length = backend, max_length
        first, last = self._uncut([""], enclosed=True)[0]
        self.first, self.last = [first], [last]
        self.known: dict[str, list[int]] = {}

    @classmethod
    def of(cls, tokenizer: Any, max_length: int) -> Pieces | None:
        """Those of a Hugging Face tokenizer; None for one that does not read word by word."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        return cls(backend, max_length) if backend is not None and reads_words(backend.to_str()) else None

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        words = [text.split(" ") for text in texts]
        self._learn(set(chain.from_iterable(words)))
        known, most = self.known.__getitem__, self.max_length - 2
        return [[*self.first, *islice(chain.from_iterable(map(known, found)), most), *self.last] for found in words]

    def _learn(self, words: set[str]) -> None:
        if len(self.known) > MOST_WORDS:
            self.known.clear()
        asked = list(words - self.known.keys())
        self.known.update(zip(asked, self._uncut(asked), strict=True))

    def _uncut(self, texts: list[str], *, enclosed: bool = False) -> list[list[int]]:
        """The ids as the backend has them, whatever length its last caller wanted."""
        self.backend.no_truncation()
        self.backend.no_padding()
        return [found.ids for found in self.backend.encode_batch_fast(texts, add_special_tokens=enclosed)]


def reads_words(tokenizer: str) -> bool:
    """Whether a tokenizer, as JSON, cuts a text at its spaces whatever stands beside them, and encloses it in two tokens."""
    told = json.loads(tokenizer)
    kinds = [(told.get(part) or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    reaching = any(token["lstrip"] or token["rstrip"] or token["single_word"] or " " in token["content"] for token in told["added_tokens"])
    encloses = [next(iter(part)) for part in (told.get("post_processor") or {}).get("single", [])]
    return (
        kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"]
        and not reaching
        and encloses == ["SpecialToken", "Sequence", "SpecialToken"]
    )


@lru_cache(1)
def _pieces(tokenizer: str, max_length: int) -> Pieces:
    from tokenizers import Tokenizer

    return Pieces(Tokenizer.from_str(tokenizer), max_length)


def read_words(tokenizer: str, max_length: int, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (int32) of texts end to end, and the count of each; for other processes, which keep what words they have met."""
    return end_to_end(_pieces(tokenizer, max_length)(texts))


def end_to_end(found: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (int32) end to end, and the count of each text."""
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    return np.fromiter(chain.from_iterable(found), np.int32, int(lengths.sum())), lengths
