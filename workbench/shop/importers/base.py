"""What an importer is: one file in this folder that defines `IMPORTER`, found by its presence.

An importer recognises a layout by its columns and says, for each table of the shop, which column
or expression fills which canonical column. Expressions are SQL over the file's own column names
in braces, say `{asin}`; what they make of a row is checked against the canonical types.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import dataclass, field

import workbench.shop.importers as package

TEXTS = {"reviews": ("title", "body"), "tickets": ("body",)}  # what people wrote
_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Fill:
    """How a file fills one table: canonical column to expression.

    `set_apart` names reasons and the condition of the rows that are counted but
    not kept; `group` makes one row of many by aggregate expressions (for tables derived from lines);
    `count` names conditions whose rows are kept and counted.
    """

    columns: dict[str, str]
    set_apart: dict[str, str] = field(default_factory=dict)
    group: str = ""
    count: dict[str, str] = field(default_factory=dict)
    attributes: bool = True


@dataclass(frozen=True)
class Beside:
    """Another file that a layout needs: its columns are known as `name.column`, one of its rows for each `key`."""

    name: str
    needs: tuple[str, ...]
    on: str
    key: str

    def joined(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{self.name}.{column}" for column in columns)


@dataclass(frozen=True)
class Importer:
    """A layout: `needs` are the columns it is recognised by; `fills` come in order, the lines' own table first."""

    name: str
    title: str
    needs: tuple[str, ...]
    fills: dict[str, Fill]
    rule: str = ""
    beside: tuple[Beside, ...] = ()

    def recognises(self, columns: tuple[str, ...]) -> bool:
        return set(self.needs) <= set(columns)

    @property
    def table(self) -> str:
        return next(iter(self.fills))


def importers() -> dict[str, Importer]:
    """Every layout known, by name, the most demanding first."""
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        made = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "IMPORTER", None)
        found += [made] if isinstance(made, Importer) else list(made or ())
    return {i.name: i for i in sorted(found, key=lambda i: (-len(i.needs), i.name))}


def bind(expression: str, columns: tuple[str, ...]) -> str | None:
    """The expression over c0, c1, …; None when the file lacks one of its columns. A hash is of those that it has."""
    place = {name: f"c{i}" for i, name in enumerate(columns)}
    hashed = expression.startswith("md5(")
    if not hashed and any(name not in place for name in _BRACES.findall(expression)):
        return None
    return _BRACES.sub(lambda found: place.get(found.group(1), "NULL"), expression)


def used(expressions: list[str]) -> set[str]:
    """The file's columns that the expressions read."""
    return {name for expression in expressions for name in _BRACES.findall(expression)}


def text(column: str) -> str:
    """A text, empty as missing."""
    return f"nullif(trim({{{column}}}), '')"
