"""Figures with their intervals as dots on a line, one row for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.components import charts

VERDICTS = {"better": charts.POSITIVE, "worse": charts.NEGATIVE}
LABEL_ROW, SERIES_ROW = 36, 18


@dataclass(frozen=True)
class Dots:
    """One series: its name, colour and rows of (label, figure with value, low and high)."""

    name: str
    colour: str
    rows: Sequence[tuple[str, Mapping[str, Any]]]


def by_verdict(rows: Sequence[tuple[str, Mapping[str, Any], str]], names: Mapping[str, str]) -> list[Dots]:
    """Rows of (label, figure, verdict) as a series for each verdict: blue for better, red for worse, grey where nothing is sure."""
    found = dict.fromkeys(word for _, _, word in rows)
    return [
        Dots(names.get(word, word), VERDICTS.get(word, charts.NEUTRAL), [(label, its) for label, its, w in rows if w == word])
        for word in found
    ]


def show(series: Sequence[Dots], key: str, alt: str, *, axis: str = "", zero: bool = False, side_by_side: bool = False) -> None:
    """Draw the series; `zero` marks the line of no difference, `side_by_side` moves series with the same labels apart."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for dots in series:
        apart = {"offsetgroup": dots.name, "orientation": "h"} if side_by_side else {}
        figure.add_scatter(x=[its["value"] for _, its in dots.rows], y=[label for label, _ in dots.rows], **_look(dots), **apart)
    labels = list(dict.fromkeys(label for dots in series for label, _ in dots.rows))
    rows = {"categoryorder": "array", "categoryarray": labels[::-1], "automargin": True}
    figure.update_layout(xaxis_title=axis, yaxis=rows)
    if side_by_side:  # only then: grouped dots without an orientation are moved along the axis of their values
        figure.update_layout(scattermode="group", scattergap=0.3)
    if zero:
        figure.add_vline(x=0, line_width=1, line_color=charts.NEUTRAL)
    row = max(LABEL_ROW, SERIES_ROW * len(series)) if side_by_side else LABEL_ROW
    charts.show(charts.tidy(figure, height=(130 if axis else 100) + row * len(labels)), key=key, alt=alt[:900])


def _look(dots: Dots) -> dict[str, Any]:
    found = [its for _, its in dots.rows]
    return {
        "name": dots.name,
        "mode": "markers",
        "marker": {"color": dots.colour, "size": 11},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [its["high"] - its["value"] for its in found],
            "arrayminus": [its["value"] - its["low"] for its in found],
            "thickness": 1.5,
        },
        "hovertemplate": "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
    }
