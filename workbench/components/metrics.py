"""Figures of a version on a page: what `insights.figures` says of them, and how a change is drawn."""

from __future__ import annotations

from typing import Any

from workbench.insights.figures import BASELINES, LEAST_ROWS, METRICS, MODEL, Headline, headlines, table, title, verdict

__all__ = ["BASELINES", "LEAST_ROWS", "METRICS", "MODEL", "Headline", "delta", "headlines", "table", "title", "verdict"]


def delta(change: float, verdict: str) -> dict[str, Any]:
    """A change as options of `st.metric`: colour and arrow only for better or worse, green where less is better too."""
    told = f"{change:+.3f}"
    sure = verdict in ("better", "worse")
    way = "normal" if (change > 0) == (verdict == "better") else "inverse"
    return {
        "delta": "±0" if float(told) == 0 else told,
        "delta_color": way if sure else "off",
        "delta_arrow": "auto" if sure else "off",
    }
