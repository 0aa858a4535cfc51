"""The words of a review: what a customer of a kind says of a product in a mood."""

from __future__ import annotations

import numpy as np

from workbench.shop.sample.people import Purchase
from workbench.shop.sample.phrases import (
    ASPECTS,
    CHINESE,
    CHINESE_ASPECT,
    CHINESE_THINGS,
    CLOSERS,
    GENERAL,
    OPENERS,
    VOICE,
)

TYPING_ERRORS = 0.13
NOISE = 0.05
STARS = ((1, 2), (3, 3), (5, 4))
FIRST = (0.55, 1.0, 0.68)


def _pick(random: np.random.Generator, of: tuple[str, ...]) -> str:
    return of[int(random.integers(0, len(of)))]


def mood_of(random: np.random.Generator, purchase: Purchase) -> int:
    """0 negative, 1 neutral, 2 positive."""
    if purchase.mood is not None:
        return int(random.choice(3, p=purchase.mood))
    negative = min(0.6, max(0.03, purchase.product.disappoints * (1 - 0.4 * purchase.person.kind.mild)))
    return int(random.choice(3, p=(negative, 0.1, 0.9 - negative)))


def stars_of(random: np.random.Generator, mood: int) -> int:
    """1 to 5 stars."""
    return STARS[mood][0 if random.random() < FIRST[mood] else 1]


def review(random: np.random.Generator, purchase: Purchase, mood: int) -> tuple[str, str]:
    """(headline, body)."""
    if random.random() < NOISE and purchase.mood is None:
        mood = int(random.integers(0, 3))
    if purchase.person.chinese:
        return "", _chinese(random, purchase, mood)
    opener = _pick(random, OPENERS[mood]).format(thing=purchase.product.thing, days=int(random.integers(2, 60)))
    sentences = [opener, *_aspects(random, purchase, mood)]
    if random.random() < 0.45:
        voiced = _pick(random, VOICE[purchase.person.kind.name])
        sentences[1] = f"{voiced} {sentences[1][0].lower()}{sentences[1][1:]}"
    sentences.append(_pick(random, CLOSERS[mood]))
    body = " ".join(s for s in sentences if s)
    title = opener.rstrip(".!") if random.random() < 0.5 else sentences[1].split(",")[-1].strip(" .!").capitalize()
    return title[:60], _mistyped(random, body) if random.random() < TYPING_ERRORS else body


def _aspects(random: np.random.Generator, purchase: Purchase, mood: int) -> list[str]:
    """One to three sentences about aspects; the incident's cause comes first, a mixed review says both good and bad."""
    known = {**ASPECTS[purchase.product.top], **GENERAL}
    names = [*[str(n) for n in random.permutation(list(ASPECTS[purchase.product.top]))][:2], str(random.choice(list(GENERAL)))]
    names = names[: int(random.choice([1, 2, 2, 3]))]
    moods = [mood if mood != 1 else int(random.choice([0, 1, 1, 2])) for _ in names]
    if purchase.cause in known and (mood == 0 or (purchase.mood is not None and mood == 1)):
        names, moods = [purchase.cause or "", *names[:1]], [mood, mood]
    made = []
    for name, m in zip(names, moods, strict=False):
        said = _pick(random, known[name][m])
        made.append(f"{said[0].upper()}{said[1:]}.")
    if len(made) == 2 and random.random() < 0.4:
        joint = " but " if moods[0] != moods[1] else " and "
        made = [made[0][:-1] + joint + made[1][0].lower() + made[1][1:]]
    return made


def _chinese(random: np.random.Generator, purchase: Purchase, mood: int) -> str:
    aspect = CHINESE_ASPECT.get(purchase.product.top, "quality")
    if purchase.cause == "delivery" or random.random() < 0.25:
        aspect = "delivery"
    opener = _pick(random, CHINESE["opener"][mood]).format(days=int(random.integers(2, 60)))
    said = [_pick(random, CHINESE[aspect][mood])]
    if aspect != "quality" and random.random() < 0.5:
        said.append(_pick(random, CHINESE["quality"][mood]))
    body = "，".join(said).format(thing=CHINESE_THINGS[purchase.product.top])
    return opener + body + _pick(random, CHINESE["closer"][mood])


def _mistyped(random: np.random.Generator, text: str) -> str:
    letters = list(text)
    for _ in range(int(random.integers(1, 4))):
        i = int(random.integers(1, len(letters) - 1))
        if letters[i].isalpha() and letters[i + 1 : i + 2] and letters[i + 1].isalpha():
            if random.random() < 0.5:
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
            else:
                del letters[i]
    return "".join(letters)
