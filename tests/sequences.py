"""Next-item sets in the usual layout as a corpus: one user a line with the items in order, one item a line with its text.

Such files hold no times. In order "file" the last item of a line is the test's and the one before is
validation's; in order "swapped" a hash of the user decides which of the two comes last, because the
order that a file happens to have within a day says what comes next. What holds in both orders holds.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from workbench.encoder.corpus import Corpus, user_steps
from workbench.errors import WorkbenchError
from workbench.shop.plain import clean
from workbench.tasks.histories import History
from workbench.tasks.next_item import TASK

ORDERS = ("file", "swapped")
NO_TIME = datetime(1970, 1, 1)


def read_set(sequences: Path, texts: Path, ids: Path | None = None, order: str = "file") -> tuple[Corpus, dict[str, object]]:
    """The corpus of a set and what is to be known of its order.

    `ids` holds the same users and items line by line under the ids of `texts`, where `sequences` has others.
    Raises WorkbenchError where no item has a text.
    """
    lines = dict(_lines(sequences))
    items = {item for taken in lines.values() for item in taken}
    said = {key: clean(" ".join(words)) for key, words in _lines(texts)}
    names = same_items(list(lines.values()), [taken for _, taken in _lines(ids)]) if ids else {item: item for item in items}
    known = {item: said[names[item]] for item in items if names.get(item) in said}
    if not known:
        raise WorkbenchError(
            f"None of the {len(items):,} items of {sequences.name} has a text in {texts.name}.",
            "Give the file that has the same lines under the ids of the texts: --ids FILE",
        )
    by_id = np.mean([taken == sorted(taken) for taken in lines.values()])
    facts = {"users": len(lines), "items": len(items), "items_with_text": len(known), "order": order, "lines_sorted_by_id": float(by_id)}
    return corpus_of({user: ordered(user, taken, order) for user, taken in lines.items()}, {i: known.get(i, "") for i in items}), facts


def _lines(file: Path) -> Iterator[tuple[str, list[str]]]:
    """The first word of each line and the others."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    for line in content.decode("utf-8").splitlines():
        if line.strip():
            first, *others = line.split()
            yield first, others


def same_items(ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]]) -> dict[str, str]:
    """Our items to theirs: the two that lie in the same lines; where several do, none is taken."""
    found: dict[tuple[int, ...], str] = {}
    twice = set()
    for item, where in _where(theirs).items():
        twice |= {where} & found.keys()
        found[where] = item
    return {item: found[where] for item, where in _where(ours).items() if where in found and where not in twice}


def _where(lines: Sequence[Sequence[str]]) -> dict[str, tuple[int, ...]]:
    made: dict[str, list[int]] = defaultdict(list)
    for number, items in enumerate(lines):
        for item in items:
            made[item].append(number)
    return {item: tuple(where) for item, where in made.items()}


def ordered(user: str, taken: list[str], order: str) -> list[str]:
    """A user's items; in order "swapped" the last two change places for half of the users, by a hash."""
    if order == "swapped" and len(taken) > 1 and hashlib.sha256(user.encode()).digest()[0] % 2:
        return [*taken[:-2], taken[-1], taken[-2]]
    return taken


def corpus_of(histories: Mapping[str, Sequence[str]], texts: Mapping[str, str]) -> Corpus:
    """A corpus of nothing but products with their texts and of users' purchases in order."""
    product_ids = sorted(texts)
    place = {key: i for i, key in enumerate(product_ids)}
    distinct = {text: i for i, text in enumerate(dict.fromkeys(texts[key] for key in product_ids if texts[key]))}
    product_text = np.array([distinct.get(texts[key], -1) for key in product_ids], np.int64)
    users = [user_steps(_history(user, taken), place, {}) for user, taken in histories.items()]
    return Corpus(
        texts=list(distinct),
        readers=["product"] * len(distinct),
        product_ids=product_ids,
        product_text=product_text,
        review_ids=[],
        review_text=np.zeros(0, np.int64),
        tickets={},
        users=users,
        text_rows={},
        user_rows={},
        next_item=TASK,
        now=0.0,
    )


def _history(user: str, taken: Sequence[str]) -> History:
    n = len(taken)
    return History(
        user,
        products=list(taken),
        kinds=["purchase"] * n,
        ratings=[None] * n,
        reviews=[None] * n,
        times=[NO_TIME] * n,
        paid=[0.0] * n,
        target=[item not in taken[:i] for i, item in enumerate(taken)],
    )
