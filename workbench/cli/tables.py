"""Files of texts that people give to finetune and predict: read as text, columns guessed by name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError

TEXT_NAMES = ("text", "body", "review", "review_body", "reviewtext", "comment", "content", "message", "sentence", "title")
LABEL_NAMES = ("label", "labels", "sentiment", "intent", "class", "category", "target", "rating", "stars")


def rows(path: Path) -> pd.DataFrame:
    """The file's rows, every cell as text."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise WorkbenchError(f"There is no file {path}.", "Check the name.") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{path} is not UTF-8.", "Save it as CSV in UTF-8 and try again.") from None
    except pd.errors.EmptyDataError:
        raise WorkbenchError(f"{path} is empty.", "Give a CSV file with a header line.") from None
    except pd.errors.ParserError as error:
        raise WorkbenchError(f"{path} is not a well-formed CSV file: {error}", "Correct the line and try again.") from None


def text_column(frame: pd.DataFrame, named: str | None) -> str:
    """The column of the texts: the one named, else one with a usual name, else the one with the longest texts."""
    found = _column(frame, named, TEXT_NAMES, "--text")
    return found or str(max(frame.columns, key=lambda c: frame[c].str.len().mean()))


def label_column(frame: pd.DataFrame, named: str | None, text: str) -> str:
    """The column of the labels: the one named, else one with a usual name, else the only other one."""
    found = _column(frame, named, LABEL_NAMES, "--label")
    others = [str(c) for c in frame.columns if c != text]
    if found is None and len(others) != 1:
        raise WorkbenchError(f"Which column holds the labels? There are: {', '.join(others) or 'no others'}.", "Say it with --label.")
    return found or others[0]


def _column(frame: pd.DataFrame, named: str | None, usual: tuple[str, ...], option: str) -> str | None:
    names = [str(c) for c in frame.columns]
    if named is not None:
        if named not in names:
            raise WorkbenchError(f"The file has no column {named!r}; it has: {', '.join(names)}.", f"Name one of these with {option}.")
        return named
    folded = {name.strip().lower(): name for name in names}
    return next((folded[name] for name in usual if name in folded), None)
