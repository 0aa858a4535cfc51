"""What is derived of every version: each module of `workbench.insights` that has a function `derive`."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path

import workbench.insights
from workbench.shop.space import Space
from workbench.shop.store import Store

Report = Callable[[float, str], None]
Derive = Callable[[Store, Space, Report], None]


def derivations() -> dict[str, Derive]:
    """The functions `derive(store, space, report)` by their module's name, found by presence."""
    folder = Path(workbench.insights.__file__ or "").parent
    names = sorted(path.stem for path in folder.glob("[!_]*.py") if _has_derive(path))
    return {name: importlib.import_module(f"workbench.insights.{name}").derive for name in names}


def _has_derive(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == "derive" for node in body)
