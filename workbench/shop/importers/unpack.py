"""What a file is packed in: .gz, .bz2, .xz, .zip and .tar in any nesting, each member named, nothing unpacked past the limit."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from workbench.errors import WorkbenchError

MOST_BYTES = 4 * 1024**3
MOST_TIMES = 200  # its packed size; tables of text pack to a third or a thirtieth
SMALL = 256 * 1024**2  # which may be packed as tightly as it likes
CHUNK = 1 << 20
DEEPEST = 3
KNOWN = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".ndjson", ".parquet", ".xlsx", ".xls", ".ods")
BOOKS = (".xlsx", ".xls", ".ods")
PACKED = (".gz", ".bz2", ".xz", ".zip", ".tar", ".tgz")
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, UnicodeDecodeError)
_STREAMS: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_MAGIC = {b"PK\x03\x04": ".xlsx", b"PAR1": ".parquet", b"\xd0\xcf\x11\xe0": ".xls"}
TAPES = (".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
_INSIDE_A_BOOK = {"xl/workbook.xml", "xl/workbook.bin", "mimetype"}


@dataclass(frozen=True)
class Unpacked:
    """A file without its packing: where it lies, its kind's suffix, whether it is a copy of ours."""

    path: Path
    suffix: str
    own: bool


def parts(path: Path, shown: str, folder: Path) -> list[str]:
    """The readable members of an archive; [] for a file that is none, or that holds one thing alone."""
    try:
        with _peeled(path, shown, folder) as inner:
            found = _members(inner, shown) if _archive(inner) else []
    except DAMAGED as error:
        raise damaged(shown, error) from error
    return found if len(found) > 1 else []


def unpack(path: Path, shown: str, folder: Path, part: str | None = None) -> Unpacked:
    """The one table in `path`, unpacked into `folder` where it is packed; `part` names a member where there are several."""
    if path.stat().st_size > MOST_BYTES:
        raise WorkbenchError(f"{shown} has more than {MOST_BYTES // 1024**3} GB, which is the limit.", "Split the file.")
    current, name, own = path, shown, False
    for _ in range(DEEPEST):
        kind = _kind(current)
        if kind is None:
            return Unpacked(current, _suffix(current, name, shown, packed=own), own)
        target = folder / f"{uuid4().hex}.unpacked"
        try:
            name, part = _step(current, kind, name, shown, part, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        finally:
            if own:
                current.unlink(missing_ok=True)
        current, own = target, True
    if _kind(current) is None:
        return Unpacked(current, _suffix(current, name, shown, packed=own), own)
    raise WorkbenchError(f"{shown} is packed more than {DEEPEST} times.", "Unpack it and import the table itself.")


def damaged(shown: str, error: Exception) -> WorkbenchError:
    return WorkbenchError(f"{shown} is damaged or cut off: {error}", "Export or download it again.")


def _kind(path: Path) -> str | None:
    """stream, zip or tar; None for what is not packed (a workbook is no archive)."""
    with path.open("rb") as file:
        head = file.read(512)
    if any(head.startswith(magic) for magic in _STREAMS):
        return "stream"
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            return None if _INSIDE_A_BOOK & set(archive.namelist()) else "zip"
    return "tar" if head[257:262] == b"ustar" else None


def _archive(path: Path) -> bool:
    return _kind(path) in ("zip", "tar")


def _step(path: Path, kind: str, name: str, shown: str, part: str | None, target: Path) -> tuple[str, str | None]:
    """Take one layer of packing off into `target`; (the name of what is inside, the part still to be found)."""
    if kind == "stream":
        with path.open("rb") as file:
            head = file.read(8)
        opener = next(made for magic, made in _STREAMS.items() if head.startswith(magic))
        with opener(path) as packed:
            copy(packed, target, shown, path.stat().st_size)
        stem = Path(name).stem
        return (f"{stem}.tar" if name.lower().endswith(".tgz") else stem), part
    names = _members(path, shown)
    if part is None and len(names) != 1:
        raise _several(shown, names)
    if part is not None and part not in names:
        problem = f"{shown} holds no {part!r}; it holds {', '.join(names[:20])}."
        raise WorkbenchError(problem, "Name one of these with --part.", page="Choose the file again.")
    chosen = part or names[0]
    with _member(path, kind, chosen) as packed:
        copy(packed, target, shown, path.stat().st_size)
    return Path(chosen).name, None


def _several(shown: str, names: list[str]) -> WorkbenchError:
    if not names:
        return WorkbenchError(f"{shown} holds no file that can be read.", f"Allowed inside are {', '.join(KNOWN)}.")
    problem = f"{shown} holds {len(names)} readable files: {', '.join(names[:20])}."
    return WorkbenchError(problem, f"Name one: --part {names[0]}", page="Unpack it, and choose the file that is meant.")


def _members(path: Path, shown: str) -> list[str]:
    if _kind(path) == "zip":
        with zipfile.ZipFile(path) as archive:
            if any(part.flag_bits & 1 for part in archive.infolist()):
                raise WorkbenchError(f"{shown} is protected by a password.", "Pack it without one, or unpack it first.")
            names = [part.filename for part in archive.infolist() if not part.is_dir()]
    else:
        with tarfile.open(path) as tape:
            names = [part.name for part in tape.getmembers() if part.isfile()]
    return [name for name in names if Path(name).suffix.lower() in KNOWN + PACKED and not _hidden(name)]


def _hidden(name: str) -> bool:
    return name.startswith("__MACOSX") or Path(name).name.startswith(".")


@contextmanager
def _member(path: Path, kind: str, name: str) -> Iterator[IO[bytes]]:
    if kind == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(name) as packed:
            yield packed
        return
    with tarfile.open(path) as tape:
        found = tape.extractfile(name)
        assert found is not None, "members are files"
        with found:
            yield found


@contextmanager
def _peeled(path: Path, shown: str, folder: Path) -> Iterator[Path]:
    """`path`, or a .tar.gz without its .gz, for as long as the block lasts."""
    if _kind(path) != "stream" or not shown.lower().endswith(TAPES):
        yield path
        return
    target = folder / f"{uuid4().hex}.unpacked"
    try:
        _step(path, "stream", shown, shown, None, target)
        yield target
    finally:
        target.unlink(missing_ok=True)


def _suffix(path: Path, name: str, shown: str, *, packed: bool) -> str:
    """The kind's suffix, by content where that tells it; what was packed without a known one is taken for a text table."""
    with path.open("rb") as file:
        head = file.read(8)
    suffix = Path(name).suffix.lower()
    for magic, told in _MAGIC.items():
        if head.startswith(magic) and not (told == ".xlsx" and suffix in BOOKS):
            return told
    if suffix in KNOWN:
        return suffix
    if packed:
        return ".csv"
    raise WorkbenchError(
        f"{shown}: files of the kind {suffix or 'without a suffix'} cannot be read.",
        f"Allowed are {', '.join(KNOWN)}, also in {', '.join(PACKED)}.",
    )


def copy(source: IO[bytes] | Any, target: Path, shown: str, packed: int) -> None:
    """Copy bytes up to the limits; what was made to unpack to a thousand times its `packed` bytes never fills the disk."""
    size = 0
    with target.open("wb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise WorkbenchError(f"{shown} unpacks to more than {MOST_BYTES // 1024**3} GB, which is the limit.", "Split the file.")
            if size > max(SMALL, MOST_TIMES * packed):
                raise WorkbenchError(
                    f"{shown} unpacks to more than {MOST_TIMES} times its size, which is the limit beyond {SMALL // 1024**2} MB.",
                    "If it is what you expect, unpack it and import the table itself.",
                )
            out.write(chunk)
