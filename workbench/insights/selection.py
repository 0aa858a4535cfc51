"""Which reviews are meant: the filters of the sentiment page as SQL with bound values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

SEPARATOR = " > "


@dataclass(frozen=True)
class Selection:
    """Filters on reviews; an empty one means everything. `end` is the last day, inclusive; `taught` a label of a task of one's own
    as `own_labels.own_labels` names it."""

    category: str = ""
    brand: str = ""
    product_id: str = ""
    ratings: tuple[int, ...] = ()
    language: str = ""
    start: date | None = None
    end: date | None = None
    sentiment: str = ""
    text: str = ""
    review_ids: tuple[str, ...] = ()
    taught: str = ""

    def within(self, scope: dict[str, str]) -> Selection:
        """This selection narrowed to an alert's scope."""
        return replace(self, **scope)  # type: ignore[arg-type]

    def where(self) -> tuple[str, list[Any]]:
        """A condition over `labelled` (see sentiment.py) and its values."""
        parts: list[tuple[str, list[Any]]] = []
        if self.category:
            parts.append(("(category = ? OR starts_with(category, ?))", [self.category, self.category + SEPARATOR]))
        for column, value in (
            ("brand", self.brand),
            ("product_id", self.product_id),
            ("language", self.language),
            ("label", self.sentiment),
        ):
            if value:
                parts.append((f"{column} = ?", [value]))
        if self.ratings:
            parts.append(("round(rating) IN (SELECT unnest(?::INTEGER[]))", [list(self.ratings)]))
        if self.start:
            parts.append(("created_at >= ?", [self.start]))
        if self.end:
            parts.append(("created_at < ?::DATE + 1", [self.end]))
        if self.text:
            parts.append(("contains(lower(concat_ws(' ', title, body)), lower(?))", [self.text]))
        if self.taught:
            parts.append(("list_contains(taught, ?)", [self.taught]))
        if self.review_ids:
            parts.append(("review_id IN (SELECT unnest(?))", [list(self.review_ids)]))
        return " AND ".join(sql for sql, _ in parts) or "true", [v for _, values in parts for v in values]
