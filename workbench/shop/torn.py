"""A block of the shop's file that a killed writer left half written, signed again.

DuckDB keeps the description of a file in blocks of many small parts. A checkpoint fills free parts of such a block and
writes it in its place, with a checksum over all of it; a process that is killed just then leaves new parts beside old ones
under the wrong checksum. The parts that the file's header names are as they were, and what came later stands in the
log beside the file: with the right checksum everything is there. It is tried on a copy of which every row is read,
whose data blocks have checksums of their own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import BinaryIO
from uuid import uuid4

from workbench.errors import WorkbenchError

_TORN = re.compile(r"computed checksum \d+ does not match stored checksum \d+ in block at location (\d+)")
_NUMBER = Struct("<Q")
HEADERS, HEADER_BYTES = (4096, 8192), 4096
BLOCK_BYTES_AT = 40  # in a header
FACTOR, START = 0xBF58476D1CE4E5B9, 5381


def mend(path: Path, told: str, folder: Path, read_whole: Callable[[Path], None]) -> bool:
    """Whether the block that the error `told` of was signed again and the file can be opened.

    A file beside which no log lies was not being written: it is left alone, and so is one whose copy, made in `folder`,
    `read_whole` raises WorkbenchError for.
    """
    found, log = _TORN.search(told), _log(path)
    if found is None or not log.exists():
        return False
    copy = folder / f"{uuid4().hex}.torn"
    try:
        shutil.copyfile(path, copy)
        shutil.copyfile(log, _log(copy))
        if not _sign(copy, int(found[1])):
            return False
        read_whole(copy)
    except (OSError, WorkbenchError):
        return False
    finally:
        copy.unlink(missing_ok=True)
        _log(copy).unlink(missing_ok=True)
    return _sign(path, int(found[1]))


def _log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _sign(path: Path, at: int) -> bool:
    """Write the checksum of the block at this place; False where the file is not of the form that we know."""
    with path.open("r+b") as file:
        headers = [_read(file, place, HEADER_BYTES) for place in HEADERS]
        if not any(_checksum(header[8:]) == _NUMBER.unpack_from(header)[0] for header in headers):
            return False
        (size,) = _NUMBER.unpack_from(headers[0], BLOCK_BYTES_AT)
        block = _read(file, at, size)
        if len(block) != size:
            return False
        file.seek(at)
        file.write(_NUMBER.pack(_checksum(block[8:])))
    return True


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _checksum(content: bytes) -> int:
    """DuckDB's checksum of bytes whose number is a multiple of 8."""
    import numpy as np

    words = np.frombuffer(content, "<u8") * np.uint64(FACTOR)  # beyond 64 bits nothing is kept
    return int(np.bitwise_xor.reduce(words)) ^ START
