"""JSON as people export it: lines, an array, an object around one array, an object of records by key, Python's own notation."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from workbench.errors import WorkbenchError

Shape = Literal["lines", "array"]
MOST_AT_ONCE = 512 * 1024**2
HEAD = 2000


def first_character(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(200).lstrip()[:1]


def shape(path: Path, shown: str) -> Shape:
    """How the records lie in the file; what is neither lines nor an array of records is rewritten as lines.

    Raises WorkbenchError where there are no records.
    """
    first = first_character(path)
    if first == "[":
        return "array"
    with path.open(encoding="utf-8") as file:
        line = next((line for line in iter(lambda: file.readline(MOST_AT_ONCE), "") if line.strip()), "")
    if isinstance(_value(line), dict) and not _whole(path, line):
        return "lines"
    _as_lines(path, shown, line)
    return "lines"


def _whole(path: Path, line: str) -> bool:
    """Whether the first line is the whole file and holds its records in a further object or array."""
    value = _value(line)
    rest = path.stat().st_size - len(line.encode())
    return rest < 10 and _inside(value) is not None


def _inside(value: Any) -> list[dict[str, Any]] | None:
    """The records of an object around one array of them, or of an object of them by key."""
    if not isinstance(value, dict) or not value:
        return None
    arrays = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(row, dict) for row in v)]
    if len(arrays) == 1:
        return list(arrays[0])
    if len(value) > 1 and all(isinstance(v, dict) for v in value.values()):
        return [{"key": key, **row} for key, row in value.items()]
    if len(value) > 50 and all(isinstance(v, list) for v in value.values()):
        return [{"key": key, "values": row} for key, row in value.items()]
    return None


def _as_lines(path: Path, shown: str, line: str) -> None:
    if path.stat().st_size > MOST_AT_ONCE:
        raise WorkbenchError(
            f"{shown} is JSON but not one object a line, and has more than {MOST_AT_ONCE // 1024**2} MB.", "Export it as JSON lines."
        )
    if _value(line) is None and isinstance(_literal(line), dict):
        with path.open(encoding="utf-8") as file:
            rows: Iterator[Any] = iter([_literal(text) for text in file if text.strip()])
        _write(path, (row if isinstance(row, dict) else None for row in rows))
        return
    text = path.read_text(encoding="utf-8")
    try:
        found = _inside(json.loads(text))
    except json.JSONDecodeError as error:
        if text.lstrip().startswith("{") and "\n{" in text:
            return  # lines of which the first is broken: each is judged by itself
        raise WorkbenchError(f"{shown} is not JSON: {error}", "Export it as JSON lines or a JSON array of objects.") from error
    if found is None:
        raise WorkbenchError(f"{shown} holds no list of JSON objects.", "Export it as JSON lines or a JSON array of objects.")
    _write(path, iter(found))


def _write(path: Path, rows: Iterator[dict[str, Any] | None]) -> None:
    beside = path.with_suffix(".objects")
    with beside.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    beside.replace(path)


def _value(line: str) -> Any:
    """The value of a line; None where it is not JSON, which the import counts and names."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def _literal(line: str) -> Any:
    try:
        return ast.literal_eval(line.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def records(file: IO[str], found: Shape) -> Iterator[dict[str, Any]]:
    rows = json.load(file) if found == "array" else (_value(line) for line in file if line.strip())
    return (row for row in rows if isinstance(row, dict))


def columns(path: Path, found: Shape, shown: str) -> list[str]:
    """Every key of the first records, in order."""
    made: dict[str, None] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for row in islice(records(file, found), HEAD):
                made.update(dict.fromkeys(row))
    except json.JSONDecodeError as error:
        raise WorkbenchError(f"{shown} is not JSON: {error}", "Export it as JSON lines or a JSON array of objects.") from error
    if not made:
        raise WorkbenchError(f"{shown} holds no JSON objects.", "Export it as JSON lines or a JSON array of objects.")
    return list(made)
