"""Files of texts that people give to finetune and predict: read as text, columns guessed by name."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.shop.importers import Reading
from workbench.tasks import tables

MOST_NAMED = 20


def out_file(name: str, option: str = "--out") -> Path:
    """The file that an option names; WorkbenchError where it cannot be written, before any work is done."""
    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"lies in {path.parent}, which is no folder"
        raise WorkbenchError(f"{option} {name!r} {what}.", "Name a file in a folder that exists.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise WorkbenchError(f"{option} {name!r} may not be written by you.", "Name a file in a folder that you may write to.")
    return path


def rows(given: Namespace) -> pd.DataFrame:
    """The rows of the file that is given, every cell as text; rows that cannot be read are named on stderr.

    WorkbenchError asks for what is not certain of it.
    """
    table = tables.read_table(Path(given.file), reading=Reading.of(encoding=given.encoding, delimiter=given.delimiter, part=given.part))
    for question in table.questions:
        raise question.error()
    print(table.words, file=sys.stderr)
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
    likely = tables.propose(frame)[1]
    return text, label or (likely if likely in others else others[0])


def text_column(frame: pd.DataFrame, named: str | None) -> str:
    """The column of the texts: the one named, else the likely one."""
    _check(frame, named, "--text")
    return named or tables.text_column(frame)


def _check(frame: pd.DataFrame, named: str | None, option: str) -> None:
    names = [str(c) for c in frame.columns]
    if named is not None and named not in names:
        raise WorkbenchError(f"The file has no column {named!r}; it has: {', '.join(names)}.", f"Name one of these with {option}.")
