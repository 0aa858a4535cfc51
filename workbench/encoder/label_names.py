"""The words of a label are an example of it: where rows are few, they tell as much as several of them.

A label such as `lost_or_stolen_card` says what its texts are about; the base reads it close to them
(labels as texts: Yin, Hay and Roth 2019; Luo et al. 2021). With many rows they tell nothing new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from workbench.encoder.corpus import Corpus, TextRows, reader_of

_BREAKS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_YES_OR_NO = {"yes", "no", "true", "false", "other", "none", "misc"}


def in_words(label: str) -> str:
    """What a label says as a text; "" where it says nothing, as a number does."""
    said = " ".join(word for word in _BREAKS.split(label) if word).lower()
    return said if any(map(str.isalpha, said)) and len(said) > 1 and said not in _YES_OR_NO else ""


def learn_names(corpus: Corpus, tasks: Iterable[str]) -> None:
    """Add to the rows that these tasks learn one for each label that has such rows and says something: its words.

    A name that is also the text of a held-out row of the task is left out, and so are labels that stand for finer outputs.
    """
    place = {text: i for i, text in enumerate(zip(corpus.texts, corpus.readers, strict=True))}
    for name in tasks:
        rows = corpus.text_rows[name]
        if rows.outputs.names != rows.labels:
            continue
        held, reader = {corpus.texts[i] for i in rows.text[rows.split != "train"]}, reader_of(rows.task.entity)
        names = {int(target): in_words(rows.labels[target]) for target in np.unique(rows.target[rows.rows("train")])}
        names = {target: said for target, said in names.items() if said and said not in held}
        for said in names.values():
            if (said, reader) not in place:
                place[said, reader] = len(corpus.texts)
                corpus.texts.append(said)
                corpus.readers.append(reader)
        if names:
            corpus.text_rows[name] = _longer(rows, np.array([place[said, reader] for said in names.values()]), np.array(list(names)))


def _longer(rows: TextRows, text: np.ndarray, target: np.ndarray) -> TextRows:
    keys = [*rows.keys, *(f"name:{rows.labels[t]}" for t in target)]
    split = np.array([*rows.split, *["train"] * len(text)])
    told = np.append(rows.told, target)  # outputs that are the labels have one target for each label, in their order
    return TextRows(rows.task, np.append(rows.text, text), np.append(rows.target, target), split, keys, rows.labels, rows.outputs, told)
