"""A report as PDF: the same text, tables and charts, drawn by reportlab.

Chinese is set in STSong-Light, which every PDF reader brings along; customers' text is escaped,
so that it can hold no markup.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from workbench.insights.reports.document import Bars, Chart, Lines, Points, Report
from workbench.insights.reports.html import PALETTE, cell

MOST_ROWS = 60
_LATIN = re.compile(r"^[\x00-\u00ff\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026]*$")
_SONG = "STSong-Light"
_WIDTH = 500.0


def render(report: Report) -> bytes:
    """The report as PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import KeepTogether, SimpleDocTemplate, Spacer

    pdfmetrics.registerFont(UnicodeCIDFont(_SONG))
    story: list[Any] = [_paragraph(report.title, "Title")]
    story += [_paragraph(line, "Facts") for line in (*report.facts, f"Made on {report.made.isoformat()}.")]
    for section in report.sections:
        story.append(_paragraph(section.title, "Part"))
        story += [_paragraph(line, "BodyText") for line in section.text]
        for chart in section.charts:
            story.append(KeepTogether([_paragraph(chart.title, "Facts"), _drawing(chart), Spacer(1, 6)]))
        for caption, frame in section.tables.items():
            story += _table(caption, frame)
    buffer = io.BytesIO()
    document = SimpleDocTemplate(buffer, pagesize=A4, margin=36, leftMargin=46, rightMargin=46, title=report.title, author="", invariant=1)
    document.build(story, onFirstPage=_page_number, onLaterPages=_page_number)
    return buffer.getvalue()


def _page_number(canvas: Any, document: Any) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawRightString(document.pagesize[0] - 46, 24, str(document.page))


def _paragraph(text: str, style: str, bold: bool = False) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
    from reportlab.platypus import Paragraph

    sheet = getSampleStyleSheet()
    own = {
        "Part": ParagraphStyle("Part", sheet["Heading2"], keepWithNext=1),
        "Facts": ParagraphStyle("Facts", sheet["BodyText"], fontSize=8.5, leading=11, textColor=HexColor("#5b6675")),
        "Cell": ParagraphStyle("Cell", sheet["BodyText"], fontSize=7.5, leading=9.5, spaceBefore=0),
    }
    chosen = own.get(style) or sheet[style]
    shown = escape(text.replace("\x00", ""))
    if not _LATIN.match(text):
        chosen = ParagraphStyle(f"{style}-song", chosen, fontName=_SONG, wordWrap="CJK")
    return Paragraph(f"<b>{shown}</b>" if bold and chosen.fontName != _SONG else shown, chosen)


def _table(caption: str, frame: pd.DataFrame) -> list[Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Spacer, Table

    if frame.empty:
        return []
    shown = frame.head(MOST_ROWS)
    rows = [[_paragraph(str(c), "Cell", bold=True) for c in shown.columns]]
    rows += [[_paragraph(cell(v), "Cell") for v in row] for row in shown.itertuples(index=False)]
    style = [("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor("#d9dfe7")), ("BACKGROUND", (0, 0), (-1, 0), HexColor("#f5f7fa"))]
    style += [("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)]
    made = Table(rows, colWidths=_widths(shown), repeatRows=1, style=style, hAlign="LEFT")
    cut = [_paragraph(f"The first {MOST_ROWS} of {len(frame)} rows; the spreadsheet holds all.", "Facts")] if len(frame) > MOST_ROWS else []
    return [_paragraph(caption, "Facts"), made, *cut, Spacer(1, 6)]


def _widths(frame: pd.DataFrame) -> list[float]:
    """Columns as wide as their longest text needs, within reason, filling the page."""
    longest = [max(len(cell(v)) for v in frame[name]) for name in frame.columns]
    headings = [max(len(word) for word in str(name).split()) + 3 for name in frame.columns]
    wanted = np.maximum(np.clip(np.array(longest, float), 5, 34), np.array(headings, float))
    return [float(w) for w in _WIDTH * wanted / wanted.sum()]


def _drawing(chart: Chart) -> Any:
    if isinstance(chart, Bars):
        return _bars(chart)
    return _points(chart) if isinstance(chart, Points) else _lines(chart)


def _hex(colours: Sequence[str], place: int) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(colours[place] if place < len(colours) else PALETTE[place % len(PALETTE)])


def _font(text: str) -> str:
    return "Helvetica" if _LATIN.match(text) else _SONG


def _sign(x: float, y: float, radius: float, colours: Sequence[str], place: int) -> Any:
    """A dot in the colour of `place`; where colours begin again, a square tells two of a colour apart."""
    from reportlab.graphics.shapes import Circle, Rect

    fill: dict[str, Any] = {"fillColor": _hex(colours, place), "strokeColor": None}
    if place // len(PALETTE) % 2:
        return Rect(x - radius, y - radius, 2 * radius, 2 * radius, **fill)
    return Circle(x, y, radius, **fill)


def _legend(drawing: Any, names: Sequence[str], colours: Sequence[str], top: float) -> None:
    from reportlab.graphics.shapes import String

    x, y = 0.0, top
    for place, name in enumerate(names):
        text = name if len(name) <= 44 else name[:43] + "…"
        width = 18 + 4.2 * len(text)
        if x + width > _WIDTH:
            x, y = 0.0, y - 12
        drawing.add(_sign(x + 3.5, y + 3, 3.5, colours, place))
        drawing.add(String(x + 10, y, text, fontSize=8, fontName=_font(text)))
        x += width


def _legend_lines(names: Sequence[str]) -> int:
    return 1 + int(sum(18 + 4.2 * min(44, len(n)) for n in names) // (_WIDTH * 0.8))


def _bars(chart: Bars) -> Any:
    from reportlab.graphics.shapes import Drawing, Rect, String

    names = list(chart.series)
    step = 16 if chart.stacked else 9 * len(names) + 8
    height = step * len(chart.labels) + 14 * _legend_lines(names) + 8
    drawing, left = Drawing(_WIDTH, height), 170.0
    totals = np.array([list(v) for v in chart.series.values()], float)
    most = max(1e-9, float((totals.sum(0) if chart.stacked else totals).max())) if totals.size else 1.0
    _legend(drawing, names, chart.colours, height - 10)
    for row, label in enumerate(chart.labels):
        y = height - 14 * _legend_lines(names) - step * (row + 1)
        text = label if len(label) <= 36 else label[:35] + "…"
        drawing.add(String(left - 6, y + step / 2 - 5, text, fontSize=8, textAnchor="end", fontName=_font(text)))
        x = left
        for place, name in enumerate(names):
            value = float(chart.series[name][row])
            width = value / most * (_WIDTH - left - 40)
            low = y if chart.stacked else y + 9 * (len(names) - 1 - place)
            drawing.add(Rect(x, low, width, 10 if chart.stacked else 8, fillColor=_hex(chart.colours, place), strokeColor=None))
            if not chart.stacked:
                drawing.add(String(x + width + 3, low + 1, f"{value:.0%}" if chart.unit == "share" else f"{value:,.0f}", fontSize=7))
            x += width if chart.stacked else 0
    return drawing


def _points(chart: Points) -> Any:
    from reportlab.graphics.shapes import Drawing

    names = list(dict.fromkeys(chart.group))
    top = 14 * _legend_lines(names)
    size = 300.0
    drawing = Drawing(_WIDTH, size + top)
    _legend(drawing, names, (), size + top - 10)
    x, y = _scaled(chart.x, _WIDTH - 20), _scaled(chart.y, size - 10)
    for a, b, group in zip(x, y, chart.group, strict=True):
        drawing.add(_sign(10 + a, 5 + b, 1.4, (), names.index(group)))
    return drawing


def _scaled(values: Sequence[float], size: float) -> np.ndarray:
    given = np.asarray(values, float)
    scaled: np.ndarray = (given - given.min()) / max(1e-9, float(np.ptp(given))) * size
    return scaled


def _lines(chart: Lines) -> Any:
    from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, String

    names, height = list(chart.series), 190.0
    top = 14 * _legend_lines(names)
    drawing = Drawing(_WIDTH, height + top)
    _legend(drawing, names, chart.colours, height + top - 10)
    days = np.array([d.toordinal() for d in chart.days], float)
    if not len(days):
        return drawing
    values = np.array([[np.nan if v is None else v for v in s] for s in chart.series.values()], float)
    most = max(1e-9, float(np.nanmax(values))) if np.isfinite(values).any() else 1.0
    first, span = float(days.min()), max(1.0, float(np.ptp(days)))

    def across(day: float) -> float:
        return 40 + (day - first) / span * (_WIDTH - 60)

    for share in (0.0, 0.5, 1.0):
        y = 20 + share * (height - 40)
        text = f"{share * most:.0%}" if chart.unit == "share" else f"{share * most:,.0f}"
        drawing.add(Line(40, y, _WIDTH - 20, y, strokeColor=_hex(("#d9dfe7",), 0), strokeWidth=0.5))
        drawing.add(String(36, y - 3, text, fontSize=7, textAnchor="end"))
    for day, text in chart.marks.items():
        drawing.add(
            Line(
                across(day.toordinal()), 20, across(day.toordinal()), height - 20, strokeColor=_hex(("#8A929E",), 0), strokeDashArray=[2, 2]
            )
        )
        drawing.add(String(across(day.toordinal()) + 2, height - 18, text[:30], fontSize=7, fontName=_font(text)))
    for place in range(len(names)):
        points = [(across(d), 20 + v / most * (height - 40)) for d, v in zip(days, values[place], strict=True)]
        for part in _unbroken(points):
            if len(part) > 1:
                drawing.add(PolyLine([c for point in part for c in point], strokeColor=_hex(chart.colours, place), strokeWidth=1.2))
            else:
                drawing.add(Circle(*part[0], 1.2, fillColor=_hex(chart.colours, place), strokeColor=None))
    for day in (chart.days[0], chart.days[-1]):
        anchor = "start" if day == chart.days[0] else "end"
        drawing.add(String(across(day.toordinal()), 8, day.isoformat(), fontSize=7, textAnchor=anchor))
    return drawing


def _unbroken(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Points in runs between those that are not known."""
    return [list(run) for known, run in groupby(points, lambda point: bool(np.isfinite(point[1]))) if known]
