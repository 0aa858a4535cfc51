"""Rows that people labelled for a task, and the tasks that are theirs alone."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.shop.plain import clean
from workbench.shop.store import Store

ORIGIN, UPLOADED, OF_SHOP = "origin", "uploaded rows", "the shop's own rows"  # where rows of a task are from
KEY = "label:"  # before the text of an uploaded row: what names it among a task's rows
TABLES = {"reviews": "review", "products": "product", "tickets": "ticket"}  # whose rows get the labels: the kind of text


@dataclass(frozen=True)
class OwnTask:
    """A task of the user's own: its title, the table whose rows get its labels, and the label set that it is one label of."""

    name: str
    title: str
    about: str
    family: str


def key_of(text: str) -> str:
    """What names an uploaded row among the rows of a task."""
    return KEY + text


def text_of(key: str) -> str | None:
    """The text of the uploaded row that `key` names; None where it names a row of the shop."""
    return key.removeprefix(KEY) if key.startswith(KEY) else None


def taught(store: Store, task: str) -> list[tuple[str, str]]:
    """(text, label) of every distinct uploaded row for `task`; the newest label of a text counts."""
    rows = store.rows("SELECT text, label FROM labels WHERE task = ? ORDER BY created_at, label_id", [task])
    newest = {clean(text): label for text, label in rows}
    return sorted((text, label) for text, label in newest.items() if text)


_OWN = """
SELECT task, coalesce(arg_max(attributes->>'title', created_at), task), coalesce(arg_max(attributes->>'about', created_at), 'reviews'),
       coalesce(arg_max(attributes->>'family', created_at), task)
FROM labels GROUP BY task ORDER BY task
"""


def uploaded_tasks(store: Store) -> dict[str, OwnTask]:
    """All tasks that people uploaded labels for, by name; what is not theirs alone is among them."""
    return {name: OwnTask(name, title, about, family) for name, title, about, family in store.rows(_OWN)}
