"""Texts as hurried people write them: typing errors, capitals, words out of order. A text always comes out the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

WORDS_WITH_AN_ERROR = 0.2
WORDS_IN_CAPITALS = 0.5
PAIRS_SWAPPED = 0.3
LEAST_LETTERS = 4
ROWS_OF_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def typing_errors(text: str, random: Random) -> str:
    """One error in about every fifth word: letters swapped, one left out, doubled, or the key beside it."""
    words = text.split(" ")
    return " ".join(_mistyped(w, random) if len(w) >= LEAST_LETTERS and random.random() < WORDS_WITH_AN_ERROR else w for w in words)


def case_changes(text: str, random: Random) -> str:
    """About half of the words in capitals."""
    return " ".join(word.upper() if random.random() < WORDS_IN_CAPITALS else word for word in text.split(" "))


def word_order(text: str, random: Random) -> str:
    """About a third of the neighbouring words change places."""
    words, at = text.split(" "), 0
    while at + 1 < len(words):
        if random.random() < PAIRS_SWAPPED:
            words[at], words[at + 1] = words[at + 1], words[at]
            at += 1
        at += 1
    return " ".join(words)


NOISES: dict[str, Callable[[str, Random], str]] = {
    "typing_errors": typing_errors,
    "case_changes": case_changes,
    "word_order": word_order,
}


def noisy(texts: Sequence[str], kind: str, seed: int = 0) -> list[str]:
    """The texts with one of `NOISES`; what happens to a text depends on the seed and the text alone."""
    return [NOISES[kind](text, Random(f"{seed}:{text}")) for text in texts]


def _mistyped(word: str, random: Random) -> str:
    at = random.randrange(len(word) - 1)
    error = random.randrange(4)
    if error == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if error == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + (word[at] * 2 if error == 2 else _beside(word[at], random)) + word[at + 1 :]


def _beside(letter: str, random: Random) -> str:
    """A key beside this letter; the letter itself where it is not on these rows."""
    for row in ROWS_OF_KEYS:
        at = row.find(letter.lower())
        if at >= 0:
            found = random.choice(row[max(0, at - 1) : at] + row[at + 1 : at + 2])
            return found.upper() if letter.isupper() else found
    return letter
