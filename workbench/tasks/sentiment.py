"""Review sentiment: negative (1-2 stars), neutral (3) or positive (4-5), from the text alone.

What is learned are the stars in their order; labels are sums of stars. A row that people labelled says
only the label: any of its stars is right.
"""

from __future__ import annotations

import math

from workbench.shop.store import Store
from workbench.tasks.base import Examples, Outputs, Task, at_least
from workbench.tasks.labelled_rows import key_of, taught
from workbench.tasks.splits import split_of
from workbench.tasks.texts import review_splits, review_texts

LABELS = ["negative", "neutral", "positive"]
_OTHER_WORDS = {
    "negative": "bad awful terrible horrible poor worst hate unhappy angry dissatisfied disappointed complaint detractor 差评 负面 不满意",
    "neutral": "ok okay average mixed medium middle fair so-so none passive 中评 中性 一般",
    "positive": "good great excellent perfect best love happy satisfied praise promoter 好评 正面 满意",
}
MEANS = {word: label for label, words in _OTHER_WORDS.items() for word in words.split()}
_GRADES = range(5)


def _sides(lowest: int, highest: int) -> list[list[int]]:
    """What stars from `lowest` to `highest` say of the scale: the side of each threshold that they lie on, then themselves.

    The loss over these sets is the cumulative one of ordinal regression (Frank and Hall 2001; Cao,
    Mirjalili and Raschka 2020) beside that of the stars: a near miss costs less than a far one.
    """
    above = [[g for g in _GRADES if g >= t] for t in _GRADES if 0 < t <= lowest]
    below = [[g for g in _GRADES if g < t] for t in _GRADES if t > highest]
    return [*above, *below, list(range(lowest, highest + 1))]


_BY_STARS = [_sides(star, star) for star in _GRADES]
_BY_LABEL = [_sides(0, 1), _sides(2, 2), _sides(3, 4)]
STARS = Outputs(["1", "2", "3", "4", "5"], [0, 0, 1, 2, 2], _BY_STARS + _BY_LABEL, ordered=True)
_RATED = "SELECT count(*) FROM reviews WHERE rating IS NOT NULL AND body <> ''"
_TAUGHT = "SELECT count(*) FROM labels WHERE task = 'sentiment'"


def of_stars(stars: float) -> str:
    """The label that stars from 1 to 5 stand for."""
    return LABELS[0] if stars <= 2 else LABELS[1] if stars < 4 else LABELS[2]


def place_of(stars: float) -> int:
    """The whole stars nearest to `stars` that have its label, as a place in `STARS`: 3.5 are three, 1.5 are two."""
    whole = min(5, max(1, math.ceil(stars) if stars < 3 else math.floor(stars)))
    return whole - 1


def missing(store: Store) -> str | None:
    return at_least(store, f"SELECT ({_RATED}) + ({_TAUGHT})", 50, "reviews with stars and a text, or labelled rows")


def examples(store: Store) -> Examples:
    texts, splits = review_texts(store), review_splits(store)
    rows = store.rows("SELECT review_id, rating FROM reviews WHERE rating IS NOT NULL ORDER BY review_id")
    rows = [(key, stars) for key, stars in rows if texts[key]]
    made = Examples(
        [k for k, _ in rows],
        [texts[k] for k, _ in rows],
        [LABELS.index(of_stars(s)) for _, s in rows],
        [splits[k] for k, _ in rows],
        LABELS,
        outputs=STARS,
        told=[place_of(stars) for _, stars in rows],
    )
    # a review that is held out stays so when its text is uploaded with a label
    held = {texts[k]: splits[k] for k, _ in rows if splits[k] != "train"}
    for text, label in taught(store, "sentiment"):
        made.keys.append(key_of(text))
        made.texts.append(text)
        made.targets.append(LABELS.index(label if label in LABELS else of_stars(float(label))))
        made.told.append(len(STARS.names) + made.targets[-1] if label in LABELS else place_of(float(label)))
        made.splits.append(held.get(text, split_of(text)))
    return made


TASK = Task("sentiment", "Review sentiment", "classify", "review", "macro_f1", missing, examples, predicts="reviews")
