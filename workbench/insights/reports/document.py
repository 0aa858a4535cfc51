"""What a report is, before it becomes a file: sections of text, charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd


@dataclass(frozen=True)
class Bars:
    """Bars for each label, one for each series; `unit` "share" means values in 0..1. `stacked` puts them end to end."""

    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]
    unit: str = ""
    stacked: bool = False
    colours: Sequence[str] = ()


@dataclass(frozen=True)
class Points:
    """A map: places of things in groups."""

    title: str
    x: Sequence[float]
    y: Sequence[float]
    group: Sequence[str]


@dataclass(frozen=True)
class Lines:
    """Series over time; `marks` are days to point out."""

    title: str
    days: Sequence[date]
    series: Mapping[str, Sequence[float]]
    unit: str = ""
    colours: Sequence[str] = ()
    marks: Mapping[date, str] = field(default_factory=dict)


Chart = Bars | Points | Lines


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it: text first, then charts, then tables by caption."""

    title: str
    text: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A report: `facts` say what data and model it is from; `sheets` are its tables for a spreadsheet, the first is the CSV."""

    name: str
    title: str
    facts: Sequence[str]
    sections: Sequence[Section]
    sheets: Mapping[str, pd.DataFrame]
    made: date = field(default_factory=date.today)
