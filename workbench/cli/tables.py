"""Files of texts that people give to finetune and predict: read as text, columns guessed by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.tasks.tables import propose, read_file

MOST_NAMED = 20


def out_file(name: str) -> Path:
    """The file that --out names; WorkbenchError where it cannot be written, before any work is done."""
    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"lies in {path.parent}, which is no folder"
        raise WorkbenchError(f"--out {name!r} {what}.", "Name a file in a folder that exists.")
    return path


def rows(path: Path) -> pd.DataFrame:
    """The file's rows, every cell as text; rows that cannot be read are named on stderr."""
    table = read_file(path)
    for problem in table.problems[:MOST_NAMED]:
        print(f"line {problem.row}: {problem.problem}. {problem.fix}", file=sys.stderr)
    return table.frame


def columns(frame: pd.DataFrame, text: str | None, label: str | None) -> tuple[str, str]:
    """The text and the label column: those named, else the likely ones."""
    _check(frame, label, "--label")
    text = text_column(frame.drop(columns=[label]) if label and label != text else frame, text)
    others = [str(c) for c in frame.columns if c != text]
    if not others:
        raise WorkbenchError(f"The file has only the column {text!r}.", "Give one column of texts and one of labels.")
    likely = propose(frame)[1]
    return text, label or (likely if likely in others else others[0])


def text_column(frame: pd.DataFrame, named: str | None) -> str:
    """The column of the texts: the one named, else the likely one."""
    _check(frame, named, "--text")
    return named or (str(frame.columns[0]) if len(frame.columns) == 1 else propose(frame)[0])


def _check(frame: pd.DataFrame, named: str | None, option: str) -> None:
    names = [str(c) for c in frame.columns]
    if named is not None and named not in names:
        raise WorkbenchError(f"The file has no column {named!r}; it has: {', '.join(names)}.", f"Name one of these with {option}.")
