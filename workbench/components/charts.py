"""Charts with their tables: one palette that colour-blind eyes can tell apart, on light and dark ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from workbench.components.downloads import table

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NEGATIVE = "#D55E00"
NEUTRAL = "#8A929E"
POSITIVE = "#1B82C4"
CATEGORICAL = ["#1B82C4", "#E08E0B", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6BC8", "#A89A1E"]
SYMBOLS = ["circle", "diamond", "square", "cross"]
SENTIMENT = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE}
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d"], "responsive": True}


def colour(position: int) -> str:
    """The colour of the category at `position`; -1 (noise, the rest) is grey."""
    return NEUTRAL if position < 0 else CATEGORICAL[position % len(CATEGORICAL)]


def symbol(position: int) -> str:
    """The marker of the category at `position`: where colours begin again, another shape tells two of a colour apart."""
    return SYMBOLS[max(0, position) // len(CATEGORICAL) % len(SYMBOLS)]


def faint(colour: str, opacity: float = 0.2) -> str:
    """`colour` (#RRGGBB) as an rgba() for bands and fills."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def tidy(figure: Figure, *, height: int = 320, legend: bool = True) -> Figure:
    """The house's margins, legend above the plot and hover; no colour of its own for the ground."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 36 if legend else 12, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0, "title_text": ""},
        showlegend=legend,
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},  # at the edge: above, it lay on the legend
        colorway=CATEGORICAL,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def show(
    figure: Figure,
    *,
    key: str,
    alt: str,
    table: pd.DataFrame | None = None,
    on_select: str | None = None,
    selection_mode: tuple[str, ...] = ("box", "lasso"),
) -> Any:
    """Draw `figure` with `alt` for screen readers and, folded below it, the `table` it was drawn from.

    With `on_select="rerun"` the selection is returned as Streamlit gives it.
    """
    options: dict[str, Any] = {"on_select": on_select, "selection_mode": selection_mode} if on_select else {}
    answer = st.plotly_chart(figure, key=key, alt=alt, config=CONFIG, **options)
    if table is not None:
        behind(table, key)
    return answer


def behind(frame: pd.DataFrame, key: str) -> None:
    """The table behind a chart, folded, with its downloads."""
    with st.expander("Table", icon=":material/table:"):
        table(frame, key, f"{key}-behind")
