"""The charts of the sentiment page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.components import charts
from workbench.insights.alerts import Alert
from workbench.tasks.sentiment import LABELS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FEW = 4


def shares(trend: pd.DataFrame, found: list[Alert], every: str) -> Figure:
    """Shares stacked to 100 %, pale where `FEW` reviews or less stand for them, the negatives' interval, n below, alerts above."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.8, 0.2], vertical_spacing=0.04)
    few = trend["n"] <= FEW
    for label in LABELS:
        figure.add_bar(
            x=trend["period"], y=trend[label], name=label.capitalize(), hovertemplate="%{y:.0%}", row=1, col=1,
            marker={"color": charts.SENTIMENT[label], "opacity": [0.25 if pale else 0.85 for pale in few], "line": {"width": 0}},
        )  # fmt: skip
    outline = {"mode": "lines", "line": {"width": 1.5, "dash": "dot", "color": charts.NEGATIVE}, "hovertemplate": "%{y:.0%}"}
    low, high = trend["negative_low"].mask(few), trend["negative_high"].mask(few)
    figure.add_scatter(x=trend["period"], y=high, name="Negative, 95 % interval", **outline, row=1, col=1)
    figure.add_scatter(x=trend["period"], y=low, showlegend=False, name="lower end", **outline, row=1, col=1)
    figure.add_bar(x=trend["period"], y=trend["n"], name="Reviews", marker_color=charts.NEUTRAL, showlegend=False, row=2, col=1)
    if found:  # shapes have no entry of their own in the legend
        sign = {"symbol": "square", "color": charts.faint(charts.NEGATIVE, 0.5), "size": 11}
        figure.add_scatter(x=[None], y=[None], name="Alert", mode="markers", marker=sign, hoverinfo="skip", row=2, col=1)
    for alert in found:
        span = {"x0": str(alert.began), "x1": str(alert.ended), "fillcolor": charts.NEGATIVE}
        figure.add_shape(type="rect", y0=1.015, y1=1.05, line_width=0, **span, row=1, col=1)
        figure.add_vrect(**span, opacity=0.25, line_width=0, layer="below", row=2, col=1)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.06], tickvals=[0, 0.25, 0.5, 0.75, 1], row=1, col=1)
    figure.update_yaxes(title_text="reviews", row=2, col=1, nticks=3)
    figure.update_layout(hovermode="x unified", bargap=0, barmode="stack")
    return charts.tidy(figure, height=380)


def small(trend: pd.DataFrame) -> Figure:
    """One topic's share of negatives over time, with its interval, where more than `FEW` reviews stand for it."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    trend = trend.assign(**{name: trend[name].mask(trend["n"] <= FEW) for name in ("negative", "negative_low", "negative_high")})
    known = trend["negative"].notna()
    for _, run in trend[known].groupby((~known).cumsum()[known]):  # a band for each stretch: across a gap nothing is known
        edge = pd.concat([run["negative_high"], run["negative_low"][::-1]])
        figure.add_trace(
            Scatter(
                x=pd.concat([run["period"], run["period"][::-1]]), y=edge, mode="lines", line={"width": 0}, fill="toself",
                fillcolor=charts.faint(charts.NEGATIVE), hoverinfo="skip",
            )
        )  # fmt: skip
    figure.add_trace(
        Scatter(
            x=trend["period"], y=trend["negative"], mode="lines+markers", line={"color": charts.NEGATIVE}, marker={"size": 4},
            hovertemplate="%{y:.0%} negative",
        )
    )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return charts.tidy(figure, height=180, legend=False)


def of_labels(trend: pd.DataFrame, names: dict[str, str]) -> Figure:
    """The share of reviews with each label of one's own over time, where more than `FEW` reviews were read."""
    from plotly.graph_objects import Figure

    figure = Figure()
    trend = trend.assign(share=trend["share"].mask(trend["n"] <= FEW))
    for place, (label, rows) in enumerate(trend.groupby("label", sort=False)):
        figure.add_scatter(
            x=rows["period"], y=rows["share"], name=names[str(label)], mode="lines+markers", marker={"size": 4},
            line={"color": charts.colour(place)}, hovertemplate="%{y:.0%}",
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_layout(hovermode="x unified")
    return charts.tidy(figure, height=320)
