"""Rows that carry several labels of a set: each label becomes a task of its own that says yes or no, named after the set."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.tasks.classes import LEAST_PER_LABEL
from workbench.tasks.labelled import Labelled, cell_word, read_labelled

DIVIDERS = (";", "|", "、", "，", ",")
YES, NO = "yes", "no"
_TRUE = {"1", "true", "yes", "y", "x", "✓", "是"}
_LONGEST = 40


def divider(cells: Sequence[str]) -> str | None:
    """What divides the labels of a cell: the first of `DIVIDERS` that some cells hold; None where each holds one label."""
    return next((sign for sign in DIVIDERS if any(sign in cell for cell in cells)), None)


def sets_of(frame: pd.DataFrame, labels: Sequence[str]) -> list[set[str]]:
    """The labels of each row: those of one column's cell, or the columns that are ticked; spelled as the file spells them first."""
    if len(labels) > 1:
        ticked = frame[list(labels)].to_dict("records")
        return _spelled_alike([[name for name in labels if cell_word(row[name]).casefold() in _TRUE] for row in ticked])
    cells = [cell_word(cell) for cell in frame[labels[0]]]
    sign = divider(cells)
    return _spelled_alike([[part.strip() for part in (cell.split(sign) if sign else [cell]) if part.strip()] for cell in cells])


def _spelled_alike(rows: Sequence[Sequence[str]]) -> list[set[str]]:
    """The labels of each row, those that differ in capitals alone as one."""
    first: dict[str, str] = {}
    return [{first.setdefault(label.casefold(), label) for label in row} for row in rows]


def read_several(frame: pd.DataFrame, name: str, text: str, labels: Sequence[str], about: str) -> list[Labelled]:
    """One yes-or-no task for each label that enough rows have and lack, as uploads of the set `name`.

    Raises WorkbenchError where no label has enough of both.
    """
    found = sets_of(frame, labels)
    counts = Counter(label for row in found for label in row)
    made = [_task(frame, text, label, found, about, name) for label in sorted(counts)]
    usable = [one for one in made if one.refusal is None]
    if not usable:
        listed = ", ".join(f"{label!r}: {n}" for label, n in counts.most_common(30)) or "none"
        raise WorkbenchError(
            f"No label has {LEAST_PER_LABEL} rows that carry it and {LEAST_PER_LABEL} that do not: {listed}.", "Label more rows."
        )
    return usable


def _task(frame: pd.DataFrame, text: str, label: str, found: Sequence[set[str]], about: str, name: str) -> Labelled:
    rows = pd.DataFrame({text: frame[text].tolist(), "label": [YES if label in row else NO for row in found]}, index=frame.index)
    made = read_labelled(rows, _name(name, label), text, "label")
    return replace(made, title=f"{name}: {label}", about=about, family=name)


def _name(family: str, label: str) -> str:
    """The task of a label of a set, of letters a-z, digits and _: the same in every file, and no other label's.

    What the letters do not tell, other signs and all beyond 40 letters, a hash of the label tells.
    """
    plain, word = label.casefold(), re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")
    if plain == word.replace("_", " ") and len(name := f"{family}_{word}") <= _LONGEST:
        return name
    end = "_" + hashlib.sha256(plain.encode()).hexdigest()[:6]
    return f"{family}_{word}"[: _LONGEST - len(end)].rstrip("_") + end
