"""Files that belong together: what one of the chosen says only by an id stands in another, which serves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamlit.delta_generator import DeltaGenerator

from workbench.components import context
from workbench.pages._uploads import Checked, Kept
from workbench.shop.importers import Chosen, Importer, Reading, layout


@dataclass(frozen=True)
class Box:
    """A chosen table: its place on the page, how it is to be read, what it is when it is read alone."""

    place: DeltaGenerator
    file: Kept
    reading: Reading
    alone: Checked

    @property
    def layout(self) -> Importer | None:
        return layout(context.home(), self.alone.columns, self.reading)

    @property
    def columns(self) -> set[str]:
        return set(self.alone.columns)


@dataclass(frozen=True)
class Needed:
    """What a file needs beside it: the files that were chosen with it, and the names of those that were not."""

    files: tuple[Chosen, ...] = ()
    lacking: tuple[str, ...] = ()


def needed(box: Box, boxes: Sequence[Box]) -> Needed:
    """The other files that this one is to be read beside, each with what was said of it."""
    files, lacking = [], []
    for one in box.layout.beside if box.layout else ():
        found = next((other for other in boxes if other is not box and set(one.needs) <= other.columns), None)
        if found:
            files.append(found.file.chosen(found.reading))
        else:
            lacking.append(one.name)
    return Needed(tuple(files), tuple(lacking))


def served(box: Box, boxes: Sequence[Box]) -> dict[str, str]:
    """The files that this one only serves, each with what it looks up here; {} for a table of its own, or where a person says so."""
    said = box.reading.as_table or box.reading.preset
    if said or not box.columns or box.layout:
        return {}
    others = [(other.file.shown, other.layout) for other in boxes if other is not box]
    return {name: one.name for name, found in others if found for one in found.beside if set(one.needs) <= box.columns}
