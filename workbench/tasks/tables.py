"""A file of texts that are taught or to be labelled, as text cells, and which of its columns are text and label."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.shop.importers import Question, Reading
from workbench.shop.importers.cells import read_cells

MOST_ROWS = 500_000
SHOWN = 80


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row: its line in the file (the header is line 1), column, value and the next step."""

    row: int
    column: str
    value: str
    problem: str
    fix: str


@dataclass(frozen=True)
class Table:
    """A file that was read: `frame` holds text cells, indexed by the line each row begins in.

    `words` say what it was taken for, `questions` what of that is not certain; `problems` are the rows left out.
    """

    frame: pd.DataFrame
    words: str
    questions: tuple[Question, ...] = ()
    problems: list[Problem] = field(default_factory=list)


def read_table(path: Path, name: str | None = None, reading: Reading | None = None) -> Table:
    """The table in a file that came as `name`, as every file of a shop is read; one column of texts will do.

    Raises WorkbenchError for what keeps the whole of it from being read.
    """
    found = read_cells(path, name or path.name, reading or Reading(), MOST_ROWS)
    frame = found.frame.apply(_whole)
    rows, columns = len(frame), len(frame.columns)
    size = f"{rows:,} row{'' if rows == 1 else 's'}, {columns} column{'' if columns == 1 else 's'}"
    told = [found.words, size, *found.notes]
    problems = [
        Problem(one.line, one.column, one.value[:SHOWN], one.reason, "Mend the line; the other rows are not touched by it.")
        for one in found.problems
    ]
    return Table(frame, " · ".join(told), found.questions, problems)


def _whole(column: pd.Series[str]) -> pd.Series[str]:
    """A column of whole numbers that were exported as fractions (1.0, 0.0) as people write them."""
    filled = column[column != ""]
    return column.str.removesuffix(".0") if len(filled) and filled.str.fullmatch(r"-?\d+\.0").all() else column


def two_columns(table: Table) -> Table:
    """`table`, or WorkbenchError where it cannot hold a text and a label."""
    if len(table.frame.columns) < 2:
        raise WorkbenchError(
            f"The file was read as one column, {str(table.frame.columns[0])[:60]!r}; a text and a label column are needed.",
            "Save it with commas, semicolons or tabs between the columns.",
        )
    return table


_TEXTS = (
    "text",
    "body",
    "review_body",
    "reviewtext",
    "review_text",
    "review",
    "instruction",
    "utterance",
    "query",
    "comment",
    "content",
    "message",
)
_LABELS = ("label", "labels", "class", "intent", "sentiment", "category", "target", "rating", "stars", "star_rating", "overall", "score")


def text_column(frame: pd.DataFrame) -> str:
    """The likely column of the texts."""
    return propose(frame)[0] if len(frame.columns) > 1 else str(frame.columns[0])


def propose(frame: pd.DataFrame) -> tuple[str, str]:
    """The likely text and label column: by name, else the column of the longest cells and the one of the fewest different ones."""
    names = list(frame.columns)
    head = frame.head(2000)
    text = _named(names, _TEXTS) or max(names, key=lambda name: head[name].str.len().mean() if len(head) else 0)
    others = [name for name in names if name != text]
    label = _named(others, _LABELS) or min(others, key=lambda name: (_distinct(head[name]), names.index(name)))
    return text, label


def _named(names: list[str], wanted: tuple[str, ...]) -> str | None:
    folded = {name.casefold().replace(" ", "_"): name for name in reversed(names)}
    return next((folded[word] for word in wanted if word in folded), None)


def _distinct(cells: Any) -> int:
    """How many different cells; one that never changes is no label."""
    found = int(cells.nunique())
    return found if found > 1 else 10**9
