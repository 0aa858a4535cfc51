"""A text file's bytes: surveyed in one pass, its encoding told, rewritten in clean UTF-8 only where it is not that already."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.errors import WorkbenchError

CHUNK = 1 << 22
BLOCK = 1 << 18  # what is surveyed at a time stays in a core's cache
SAMPLE = 1 << 18
STRAY = 1e-3  # share of NUL bytes up to which they are strays in a text and not a binary file
_NEWLINE, _CARRIAGE = b"\n\r"
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x19\x1c-\x1f]")
_STRANGE = re.compile(r"[\0-\x08\x0e-\x1f\ud800-\udfff\ue000-\uf8ff\ufffe\uffff]")  # in no table's text
_RUN = re.compile(rb"[\x80-\xff]+")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Survey:
    """What one pass over the bytes counted; `escaped` are quotes behind a backslash."""

    size: int
    utf8: bool
    nuls: int
    first_nul: int
    both: int
    newlines: int
    carriages: int
    escaped: int

    @property
    def one_line_end(self) -> bool:
        return not self.carriages or self.newlines == self.both == self.carriages


@dataclass(frozen=True)
class Told:
    """An encoding, whether it is certain, and the line of what had to be replaced or taken out, in words."""

    encoding: str
    certain: bool = True
    notes: tuple[str, ...] = ()


def survey(path: Path) -> Survey:
    """Count what decides how a text file is read."""
    size = nuls = both = newlines = carriages = escaped = 0
    first_nul, utf8, last = 0, True, b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(BLOCK):
            signs = np.frombuffer(chunk, np.uint8)
            ends = signs == _NEWLINE
            if b"\0" in chunk:
                first_nul = first_nul or newlines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
                nuls += chunk.count(b"\0")
            if b"\r" in chunk or last == b"\r":
                returns = signs == _CARRIAGE
                both += _true(returns[:-1] & ends[1:]) + (last == b"\r" and bool(ends[0]))
                carriages += _true(returns)
            if b"\\" in chunk or last == b"\\":
                escaped += chunk.count(b'\\"') + (last == b"\\" and chunk[:1] == b'"')
            newlines += _true(ends)
            utf8 = utf8 and _decodes(decoder, chunk)
            size, last = size + len(chunk), chunk[-1:]
    return Survey(size, utf8 and _decodes(decoder, b"", final=True), nuls, first_nul, both, newlines, carriages, escaped)


def _true(signs: np.ndarray) -> int:
    return int(np.count_nonzero(signs))


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    if chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def encoding(path: Path, found: Survey, shown: str, said: str | None) -> Told:
    """The encoding of a surveyed file; WorkbenchError where it is no text."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return Told(name)
    if said:
        return Told(said)
    notes: tuple[str, ...] = ()
    if found.nuls:
        wide = _wide(sample)
        if wide:
            return wide
        if found.nuls > max(3, found.size * STRAY) or _CONTROL.search(sample):
            raise WorkbenchError(f"{shown} holds NUL bytes: it is not a text file.", "Export it as CSV, JSON lines, Parquet or XLSX.")
        notes = (f"{found.nuls} NUL bytes were taken out, the first in line {found.first_nul}",)
    if found.utf8:
        return Told("utf-8", notes=notes)
    told = _mended_utf8(path) or _by_runs(sample, path) or _by_statistics(sample, shown)
    return Told(told.encoding, told.certain, told.notes + notes)


def _wide(sample: bytes) -> Told | None:
    """UTF-16 without a mark: the NUL bytes of its ASCII letters and line ends lie on one side, but for letters such as 一 (U+4E00)."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    few, many = sorted((even, odd))
    if few > many * 0.1 or many < 4:
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = sample[: len(sample) // 2 * 2].decode(name, errors="strict" if len(sample) < SAMPLE else "ignore")
    except UnicodeDecodeError:
        return None
    if not {"\n", "\r"} & set(text) or _STRANGE.search(text):
        return None
    return Told(name, certain=many > len(sample) * 0.15)


def _mended_utf8(path: Path) -> Told | None:
    """UTF-8 in which a few bytes are broken, as a cut in the middle of a letter leaves them."""
    text = path.read_bytes()[: 8 * CHUNK].decode("utf-8", errors="replace")
    letters, broken = sum(c > "\x7f" for c in text), text.count("\ufffd")
    if not broken or letters < 10 * broken:
        return None
    line = text[: text.index("\ufffd")].count("\n") + 1
    return Told("utf-8", notes=(f"{broken} bytes are not UTF-8 and became \ufffd, the first in line {line}",))


def _by_runs(sample: bytes, path: Path) -> Told | None:
    """GB18030 where bytes above 127 come in pairs of common characters, Windows-1252 where they stand alone in words."""
    runs = _RUN.findall(sample)
    if not runs:  # the first odd byte comes late
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                if runs := _RUN.findall(chunk):
                    break
    alone = sum(len(run) == 1 for run in runs)
    if alone >= 0.7 * len(runs):
        c1 = any(0x80 <= byte <= 0x9F for run in runs for byte in run)
        return Told("cp1252" if c1 else "latin-1", certain=len(runs) > 2)
    pairs = [run[i : i + 2] for run in runs if len(run) % 2 == 0 for i in range(0, len(run), 2)]
    common = sum(0xB0 <= pair[0] <= 0xD7 or 0xA1 <= pair[0] <= 0xA9 for pair in pairs)
    if sum(len(run) % 2 for run in runs) <= 0.05 * len(runs) and common >= 0.8 * len(pairs):
        return Told("gb18030", certain=len(pairs) >= 4)
    return None


def _by_statistics(sample: bytes, shown: str) -> Told:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=["gb18030", "big5", "cp1252", "latin_1", "shift_jis", "cp1251", "euc_kr", "cp1250"]).best()
    if best is None:
        raise WorkbenchError(
            f"The encoding of {shown} cannot be told.",
            "Name it with --encoding, or save the file as UTF-8.",
            page="Choose it under “How it is read”, or save the file as UTF-8.",
        )
    name = {"latin_1": "latin-1", "euc_kr": "euc-kr"}.get(best.encoding, best.encoding)
    return Told("gb18030" if name in ("gbk", "gb2312") else name, certain=False)


def rewrite(path: Path, target: Path, told: Told, shown: str, *, above: int = 0) -> None:
    """Write the text as UTF-8 with `\\n` line ends, without NULs and without the lines `above` the header.

    Raises WorkbenchError where the text is not in the encoding that was told.
    """
    errors = "replace" if told.encoding == "utf-8" and told.notes else "strict"
    try:
        source = path.open(encoding=told.encoding, errors=errors, newline=None)
        with source, target.open("w", encoding="utf-8", newline="\n") as out:
            for _ in range(above):
                source.readline()
            while chunk := source.read(CHUNK):
                out.write(chunk.replace("\0", ""))
    except UnicodeError as error:
        raise WorkbenchError(
            f"{shown} is not written in {told.encoding}: {error}",
            "Name another with --encoding, or save the file as UTF-8.",
            page="Choose another under “How it is read”, or save the file as UTF-8.",
        ) from error
