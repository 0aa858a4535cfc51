"""What a person would hand on: reports as HTML, Markdown, PDF, XLSX or CSV."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export import to_csv, to_xlsx
from workbench.insights.reports.document import Report
from workbench.registry import ModelVersion
from workbench.shop.space import Space
from workbench.shop.store import Store

FORMATS = {
    "html": "text/html",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "md": "text/markdown",
}


def segments(store: Store, space: Space, target: str | Path) -> bytes:
    """The segment report in a format ("html", "md", "pdf", "xlsx" or "csv"), or as the file `target` by its ending.

    Returns the bytes; where `target` is a file it is written whole or not at all. CSV holds the members.
    """
    from workbench.insights.reports.of_segments import report

    check(target)
    return deliver(report(store, space), target)


def sentiment(store: Store, space: Space | None, target: str | Path, reviews: Sequence[str] | None = None) -> bytes:
    """The sentiment report of `reviews` (ids; None: all), delivered as `segments`. CSV holds the shares over time."""
    from workbench.insights.reports.of_sentiment import report

    check(target)
    return deliver(report(store, space, reviews), target)


def model(store: Store, version: ModelVersion, target: str | Path) -> bytes:
    """The model card of a version, delivered as `segments`. CSV holds every figure."""
    from workbench.insights.reports.of_model import report

    check(target)
    return deliver(report(store, version), target)


def check(target: str | Path) -> str:
    """The format that `target` asks for; WorkbenchError names those there are."""
    text = str(target)
    kind = text.lower() if text.lower() in FORMATS else Path(text).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise WorkbenchError(f"A report cannot be written as {text!r}.", f"Name a file that ends in {', '.join('.' + f for f in FORMATS)}.")
    return kind


def deliver(made: Report, target: str | Path) -> bytes:
    """Render `made` and, where `target` is a file, write it."""
    kind = check(target)
    data = render(made, kind)
    if str(target).lower() not in FORMATS:
        _write(Path(target), data)
    return data


def render(made: Report, kind: str) -> bytes:
    """The report's bytes in one of `FORMATS`."""
    if kind == "html":
        from workbench.insights.reports import html

        return html.render(made)
    if kind == "md":
        from workbench.insights.reports import markdown

        return markdown.render(made)
    if kind == "pdf":
        from workbench.insights.reports import pdf

        return pdf.render(made)
    return to_xlsx(made.sheets) if kind == "xlsx" else to_csv(next(iter(made.sheets.values())))


def _write(path: Path, data: bytes) -> None:
    if not path.parent.is_dir():
        raise WorkbenchError(f"There is no folder {path.parent}.", "Make it, or name a file in a folder that exists.")
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
