"""Tables as people read them: headings with a capital, as high as their rows, a dash where nothing is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd
import streamlit as st

ROW = 35  # pixels, Streamlit's own
WRAPPED = 66  # pixels: text wraps in rows above 4 rem
LINE, LETTER, MOST_LINES = 20, 7, 8
MOST = 10
NOTHING = "–"


def show(
    frame: pd.DataFrame,
    alt: str,
    key: str,
    *,
    column_config: Mapping[str, Any] | None = None,
    right: Iterable[str] = (),
    most: int = MOST,
    row_height: int | None = None,
    **options: Any,
) -> Any:
    """Draw `frame` as literal text, `most` rows in sight unless `height` is given; `right`: columns of figures in words."""
    return st.dataframe(
        frame,
        hide_index=True,
        alt=alt,
        key=key,
        column_config=headings(frame, column_config, right),
        row_height=row_height,
        placeholder=NOTHING,
        **{"height": height(len(frame), most=most, row=row_height or ROW), **options},
    )


def heading(name: str) -> str:
    """A column's name for people: "data_version" is "Data version"; a letter alone is a symbol and stays."""
    words = name.replace("_", " ").strip()
    return words if len(words) < 2 else words[0].upper() + words[1:]


def headings(frame: pd.DataFrame, given: Mapping[str, Any] | None = None, right: Iterable[str] = ()) -> dict[str, Any]:
    """The column configuration `given` for `frame`, every heading with a capital; columns `right` stand right, as numbers do."""
    made, standing = dict(given or {}), set(right)
    for name in frame.columns:
        config = made.get(name, str(name))
        if config is None:  # hidden
            continue
        if isinstance(config, str):
            config = st.column_config.Column(config)
        alignment = {"alignment": "right"} if name in standing else {}
        made[name] = {**config, **alignment, "label": heading(config.get("label") or str(name))}
    return made


def reading(texts: Iterable[str], width: int) -> int:
    """The height of rows for reading `texts` that wrap in a column `width` pixels wide: as many lines as the longest needs, at most 8."""
    lines = max((-(-len(text) * LETTER // width) + text.count("\n") for text in texts), default=0)
    return max(WRAPPED, 8 + LINE * min(lines, MOST_LINES))


def height(rows: int, *, most: int = MOST, row: int = ROW) -> int | Literal["content"]:
    """As high as all rows; where there are more than `most`, half of the next shows that they go on."""
    return "content" if rows <= most else ROW + most * row + row // 2
