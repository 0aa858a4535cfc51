"""The wide parts of the model (wide and deep: Cheng et al. 2016), fitted before training to the training rows alone.

Words for each head on texts, numbers for each head on users, companions for next item: each says what a small encoder
has no place for or too few rows to learn, and is weighed against what was read on the validation rows (`calibrate`).
"""

from __future__ import annotations

from collections.abc import Collection

from workbench.encoder import companions
from workbench.encoder.corpus import Corpus, asked_numbers
from workbench.encoder.self_training import OwnAnswers
from workbench.encoder.towers import JointEncoder


def fit_wide(model: JointEncoder, corpus: Corpus, seed: int, words: Collection[str] | None = None) -> None:
    """Fit the wide part of every head, words (of these tasks where given) or numbers, to its training rows, and companions."""
    for name, rows in corpus.text_rows.items():
        if rows.task.objective == "classify" and (words is None or name in words):
            train, validation = (rows.rows(split) for split in ("train", "validation"))
            texts = [[corpus.texts[i] for i in rows.text[wanted]] for wanted in (train, validation)]
            model.text_head(name).words.fit((texts[0], rows.target[train]), (texts[1], rows.target[validation]), seed)
    for name, asked in corpus.user_rows.items():
        train, validation = (asked.rows(split) for split in ("train", "validation"))
        told = [asked_numbers(corpus, asked, wanted) for wanted in (train, validation)]
        model.user_head(name).numbers.fit((told[0], asked.target[train]), (told[1], asked.target[validation]))
    companions.fit(model.companions, corpus)


def fit_answered(model: JointEncoder, corpus: Corpus, own: OwnAnswers, names: Collection[str], seed: int) -> None:
    """Fit the words of these tasks anew, to their labelled rows and to the model's last answers."""
    for name in names:
        rows = corpus.text_rows[name]
        train = rows.rows("train")
        labelled, others = ([corpus.texts[i] for i in wanted] for wanted in (rows.text[train], own.texts[name]))
        model.text_head(name).words.fit_answered((labelled, rows.target[train]), (others, own.labels[name]), seed)
