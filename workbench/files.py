"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import _csv

FIELD_BYTES = 16 * 1024**2


def write_text(path: Path, text: str) -> None:
    """Replace `path` with `text` atomically: a reader sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Replace `path` with `value` as JSON, atomically."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, default=str))


def read_json(path: Path, default: Any = None) -> Any:
    """The JSON in `path`, or `default` where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file with one JSON object a line; a line that a kill or a full disk cut short is passed over."""
    found = []
    for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def csv_records(lines: Iterable[str], delimiter: str, *, strict: bool = False, escape: str = '"') -> _csv.Reader:
    """A reader of records with fields of up to `FIELD_BYTES`: csv's limit holds for the whole process, so it has one value."""
    csv.field_size_limit(FIELD_BYTES)
    behind = None if escape == '"' else escape
    return csv.reader(lines, delimiter=delimiter, strict=strict, escapechar=behind)
