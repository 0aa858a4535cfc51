"""A report as Markdown: text and tables; what customers wrote cannot become markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from workbench.insights.reports.document import Bars, Chart, Report
from workbench.insights.reports.html import cell

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def render(report: Report) -> bytes:
    """The report as UTF-8 Markdown (GitHub's tables); of charts bars are kept, as tables."""
    lines = [f"# {literal(report.title)}", "", *_paragraphs([*report.facts, f"Made on {report.made.isoformat()}."])]
    for section in report.sections:
        lines += [f"## {literal(section.title)}", "", *_paragraphs(section.text)]
        for caption, frame in [*map(_bars, section.charts), *section.tables.items()]:
            if len(frame):
                lines += [f"**{literal(caption)}**", "", *_table(frame), ""]
    return ("\n".join(lines).rstrip() + "\n").encode("utf-8")


def literal(text: str) -> str:
    """`text` so that Markdown shows it as it is, in one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;")


def _paragraphs(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in (literal(line), "")]


def _bars(chart: Chart) -> tuple[str, pd.DataFrame]:
    return (
        (chart.title, pd.DataFrame({"": list(chart.labels), **chart.series})) if isinstance(chart, Bars) else (chart.title, pd.DataFrame())
    )


def _table(frame: pd.DataFrame) -> list[str]:
    numbers = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    head = "| " + " | ".join(literal(str(name)) for name in frame.columns) + " |"
    rule = "|" + "|".join("---:" if number else "---" for number in numbers) + "|"
    rows = ["| " + " | ".join(literal(cell(value)) for value in row) + " |" for row in frame.itertuples(index=False)]
    return [head, rule, *rows]
