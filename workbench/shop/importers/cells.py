"""A file's rows as text cells, read as every file is, for what does not become a table of the shop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.shop.importers import raw
from workbench.shop.importers.raw import Problem
from workbench.shop.importers.reading import Question, Reading
from workbench.shop.importers.source import open_source
from workbench.shop.importers.stage import MEMORY
from workbench.shop.store import connect


@dataclass(frozen=True)
class Cells:
    """A file that was read: `frame` holds text cells, "" where there is none, indexed by the line each row begins in.

    `words` say how it was read, `notes` what was mended, `questions` what is not certain; `problems` are rows left out.
    """

    frame: pd.DataFrame
    words: str
    notes: tuple[str, ...]
    questions: tuple[Question, ...]
    problems: list[Problem]


def read_cells(path: Path, name: str, reading: Reading, most: int) -> Cells:
    """The rows of a file, of one column or more; WorkbenchError where it is no table or has more than `most` rows.

    `name` is what the file came as.
    """
    with TemporaryDirectory() as made:
        folder = Path(made)
        source = open_source(folder, path, name, reading, narrow=True)
        connection = connect(folder / "cells.duckdb", allow=(folder,), files=(source.path,), memory=MEMORY)
        try:
            problems = raw.load(connection, source)
            row = connection.execute("SELECT count(*) FROM raw").fetchone()
            if row and row[0] > most:
                raise WorkbenchError(
                    f"{source.shown} has {row[0]:,} rows; at most {most:,} are allowed.", "Split it, or keep a sample of it."
                )
            frame = connection.execute("SELECT * FROM raw ORDER BY line").df()
        finally:
            connection.close()
    frame = frame.set_index("line").set_axis(list(source.columns), axis=1).fillna("").astype(str)
    filled = frame.apply(lambda column: column.str.strip() != "").any(axis=1)
    return Cells(frame[filled], source.words, source.notes, source.questions, problems)
