"""A report as one HTML file that opens without a network: script, charts and style inside, customers' text escaped.

The page's policy allows no request at all, so nothing that a customer wrote can call out.
"""

from __future__ import annotations

import html
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.insights.reports.document import Bars, Chart, Lines, Points, Report

PALETTE = ("#1B82C4", "#E08E0B", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6BC8", "#A89A1E")
GREY = "#8A929E"
SYMBOLS = ("circle", "diamond", "square", "cross")  # where colours begin again, another shape tells two of a colour apart


def render(report: Report) -> bytes:
    """The report as UTF-8 HTML."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    sections: list[dict[str, Any]] = []
    scripts: list[list[Any]] = []
    for number, section in enumerate(report.sections):
        charts: list[dict[str, Any]] = []
        for place, chart in enumerate(section.charts):
            name, figure = f"chart-{number}-{place}", _figure(chart)
            scripts.append([name, figure])
            charts.append({"id": name, "title": chart.title, "height": figure["layout"]["height"]})
        tables = [_table(caption, frame) for caption, frame in section.tables.items() if len(frame)]
        sections.append({"title": section.title, "text": section.text, "charts": charts, "tables": tables})
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = environment.get_template("template.html").render(
        report=report, sections=sections, plotly=Markup(_plotly()), scripts=Markup(_json(scripts)) if scripts else ""
    )
    return page.encode("utf-8")


@lru_cache(maxsize=1)
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")


def _json(value: Any) -> str:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(value, ensure_ascii=False)
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        text = text.replace(sign, code)
    return text


def _literal(text: str) -> str:
    """`text` so that plotly shows it as it is, not as markup."""
    return html.escape(text, quote=False)


def _table(caption: str, frame: pd.DataFrame) -> dict[str, Any]:
    columns = [{"name": str(name), "number": pd.api.types.is_numeric_dtype(frame[name])} for name in frame.columns]
    return {"caption": caption, "columns": columns, "rows": [[cell(v) for v in row] for row in frame.itertuples(index=False)]}


def cell(value: Any) -> str:
    """A table's cell as text."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float | np.floating):
        return f"{value:,.2f}" if abs(float(value)) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int | np.integer) and not isinstance(value, bool) else str(value)


def _figure(chart: Chart) -> dict[str, Any]:
    if isinstance(chart, Bars):
        return _bars(chart)
    return _points(chart) if isinstance(chart, Points) else _lines(chart)


def _layout(height: int, **more: Any) -> dict[str, Any]:
    clear = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "traceorder": "normal"}
    return {"height": height, "margin": {"l": 8, "r": 8, "t": 40, "b": 32}, "legend": legend, "hovermode": "closest", **clear, **more}


def _colour(colours: Any, place: int) -> str:
    return str(colours[place]) if place < len(colours) else PALETTE[place % len(PALETTE)]


def _bars(chart: Bars) -> dict[str, Any]:
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": _literal(name),
            "y": [_literal(label) for label in chart.labels],
            "x": [float(v) for v in values],
            "marker": {"color": _colour(chart.colours, place)},
        }
        for place, (name, values) in enumerate(chart.series.items())
    ]
    height = 110 + len(chart.labels) * (30 if chart.stacked else 18 * max(1, len(chart.series)) + 12)
    xaxis = {"tickformat": ".0%" if chart.unit == "share" else ",", "automargin": True}
    return {
        "data": data,
        "layout": _layout(
            height, barmode="stack" if chart.stacked else "group", xaxis=xaxis, yaxis={"autorange": "reversed", "automargin": True}
        ),
    }


def _points(chart: Points) -> dict[str, Any]:
    group = np.asarray(list(chart.group), object)
    x, y = np.asarray(chart.x, float).round(3), np.asarray(chart.y, float).round(3)
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": _literal(str(name)),
            "x": x[group == name].tolist(),
            "y": y[group == name].tolist(),
            "hoverinfo": "name",
            "marker": {"size": 5, "opacity": 0.75, "color": _colour((), place), "symbol": SYMBOLS[place // len(PALETTE) % len(SYMBOLS)]},
        }
        for place, name in enumerate(dict.fromkeys(group.tolist()))
    ]
    hidden = {"visible": False}
    return {"data": data, "layout": _layout(520, xaxis=hidden, yaxis={**hidden, "scaleanchor": "x"})}


def _lines(chart: Lines) -> dict[str, Any]:
    days = [day.isoformat() for day in chart.days]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": _literal(name),
            "x": days,
            "y": [None if v is None or np.isnan(v) else float(v) for v in values],
            "marker": {"color": _colour(chart.colours, place), "size": 4},
        }
        for place, (name, values) in enumerate(chart.series.items())
    ]
    shapes = [
        {
            "type": "line",
            "x0": day.isoformat(),
            "x1": day.isoformat(),
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"dash": "dot", "color": GREY},
        }
        for day in chart.marks
    ]
    notes = [
        {"x": day.isoformat(), "yref": "paper", "y": 1, "text": _literal(text), "showarrow": False, "yanchor": "top", "xanchor": "left"}
        for day, text in chart.marks.items()
    ]
    yaxis = {"tickformat": ".0%" if chart.unit == "share" else ",", "rangemode": "tozero", "automargin": True}
    return {"data": data, "layout": _layout(360, yaxis=yaxis, xaxis={"automargin": True}, shapes=shapes, annotations=notes)}
