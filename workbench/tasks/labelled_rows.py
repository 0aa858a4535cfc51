"""Rows that people labelled for a task."""

from __future__ import annotations

from workbench.shop.store import Store
from workbench.tasks.texts import clean


def taught(store: Store, task: str) -> list[tuple[str, str]]:
    """(text, label) of every distinct uploaded row for `task`; the newest label of a text counts."""
    rows = store.rows("SELECT text, label FROM labels WHERE task = ? ORDER BY created_at, label_id", [task])
    newest = {clean(text): label for text, label in rows}
    return sorted((text, label) for text, label in newest.items() if text)


def uploaded_tasks(store: Store) -> list[str]:
    """The names of all tasks that people uploaded labels for."""
    return [name for (name,) in store.rows("SELECT DISTINCT task FROM labels ORDER BY task")]
