"""How an uploaded file is read: the guesses, each changeable, and the questions that they leave open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from workbench.shop.importers import Question, Reading
from workbench.shop.importers.reading import DELIMITERS, ENCODINGS, SCALES

GUESSED = "as guessed"
ASKED = {
    "dates": "Dates are written",
    "decimal": "The decimal sign is a",
    "encoding": "The text is written in",
    "delimiter": "Columns are divided by",
    "part": "Sheet",
    "scale": "Ratings go from",
}
WORDS = {
    "dayfirst": "day first (31/12/2024)",
    "monthfirst": "month first (12/31/2024)",
    "yearfirst": "year first (24-12-31)",
    "point": "point (1,234.5)",
    "comma": "comma (1.234,5)",
}
MASK = "Mask personal data in texts and columns"
MASKED = (
    "Mail addresses, phones, cards, IBANs, id numbers, postal addresses and names that something tells (“my name is”, a column of "
    "names), by patterns, and columns whose names say that they are personal. Other names inside sentences are not found. User ids "
    "that are mail addresses, phones or, in a column of names, names become keyed hashes."
)
CHANGEABLE = {
    "encoding": ENCODINGS,
    "delimiter": tuple(DELIMITERS),
    "decimal": ("point", "comma"),
    "dates": ("dayfirst", "monthfirst", "yearfirst"),
    "scale": SCALES,
}


def changed(file: str, reading: Reading, names: Sequence[str] = tuple(CHANGEABLE), *, texts: bool = True, ids: bool = True) -> Reading:
    """The reading with what a person changed about the guesses `names` of a file, its personal data in `texts` and its users' `ids`."""
    said: dict[str, Any] = {}
    with st.expander("How it is read", icon=":material/tune:"):
        for place, name in zip(st.columns(len(names)), names, strict=True):
            picked = place.selectbox(ASKED[name], [GUESSED, *CHANGEABLE[name]], format_func=_words, key=f"how-{name}-{file}")
            if picked != GUESSED:
                said[name] = picked
        if texts:
            said["personal"] = "mask" if st.checkbox(MASK, value=True, key=f"mask-{file}", help=MASKED) else "keep"
        if ids:
            said["pseudonyms"] = st.checkbox("Store a keyed hash instead of each user id", key=f"pseudonyms-{file}")
    return reading.but(**said)


def answered(file: str, reading: Reading, questions: tuple[Question, ...]) -> Reading:
    """The reading with the answers to what is not certain; questions without an answer stay open."""
    said: dict[str, Any] = {}
    for question in questions:
        st.text(question.text)
        picked = st.segmented_control(ASKED[question.about], list(question.choices), format_func=_words, key=f"ask-{question.about}-{file}")
        if picked:
            said[question.about] = picked
    return reading.but(**said)


def _words(choice: str) -> str:
    return WORDS.get(choice) or (choice.replace("-", " to ") if choice in SCALES else choice)
