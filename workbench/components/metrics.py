"""Figures of a version on a page: what `insights.figures` says of them, and how a change is drawn."""

from __future__ import annotations

from typing import Any

from workbench.insights.figures import (
    BASELINES,
    LEAST_ROWS,
    METRICS,
    MODEL,
    TOO_FEW,
    Headline,
    digits,
    headlines,
    span,
    table,
    title,
    verdict,
)

__all__ = [
    "BASELINES",
    "LEAST_ROWS",
    "METRICS",
    "MODEL",
    "TOO_FEW",
    "Headline",
    "delta",
    "digits",
    "headlines",
    "span",
    "table",
    "title",
    "verdict",
]


def delta(change: float, verdict: str) -> dict[str, Any]:
    """A change as options of `st.metric`: colour and arrow only for better or worse, green where less is better too."""
    words = digits(change, signed=True)
    sure = verdict in ("better", "worse")
    way = "normal" if (change > 0) == (verdict == "better") else "inverse"
    return {
        "delta": "±0" if float(words) == 0 else words,
        "delta_color": way if sure else "off",
        "delta_arrow": "auto" if sure else "off",
    }
