"""How a file is to be read: what a person said, and the questions that a guess leaves open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from workbench.errors import WorkbenchError

DateOrder = Literal["dayfirst", "monthfirst", "yearfirst"]
Decimal = Literal["point", "comma"]
Personal = Literal["mask", "keep"]
DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "bar": "|"}
STARS = "1-5"
SCALES = (STARS, "0-5", "0.5-5", "1-10", "0-10", "0-100", "0-20", "1-7", "1-4", "1-3", "0-1")
ENCODINGS = ("utf-8", "utf-16", "gb18030", "big5", "cp1252", "latin-1", "cp1251", "shift_jis", "euc-kr", "cp1250")


@dataclass(frozen=True)
class Reading:
    """What a person said of a file; what is None is guessed, and asked for where the guess is not certain."""

    as_table: str | None = None
    preset: str | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Decimal | None = None
    dates: DateOrder | None = None
    scale: str | None = None  # of ratings, say 0-10
    part: str | None = None
    personal: Personal | None = None  # mask where it is None
    pseudonyms: bool = False

    @classmethod
    def of(cls, *, mapping: dict[str, str] | tuple[tuple[str, str], ...] | None = None, **said: Any) -> Reading:
        """The reading that options stand for; WorkbenchError names one that cannot be."""
        made = cls(mapping=tuple(dict(mapping or {}).items()), **said)
        if made.delimiter and made.delimiter not in DELIMITERS:
            raise WorkbenchError(f"There is no delimiter {made.delimiter!r}; there are {', '.join(DELIMITERS)}.", "Name one of these.")
        if made.encoding:
            try:
                "".encode(made.encoding)
            except LookupError as error:
                known = ", ".join(ENCODINGS)
                raise WorkbenchError(f"There is no encoding {made.encoding!r}.", f"Name a known one, for example {known}.") from error
        return made

    def but(self, **said: Any) -> Reading:
        return replace(self, **said)


@dataclass(frozen=True)
class Chosen:
    """A table as it was chosen: where its file lies, what that came as, how it is to be read."""

    path: Path
    name: str
    reading: Reading


@dataclass(frozen=True)
class Question:
    """What is not certain: a field of `Reading`, the question in words, what may be answered, the likely answer first."""

    about: str
    text: str
    choices: tuple[str, ...]

    def error(self) -> WorkbenchError:
        option = "--as" if self.about == "as_table" else f"--{self.about}"
        fix = "Say it: " + ", or ".join(f"{option} {choice}" for choice in self.choices) + "."
        return WorkbenchError(self.text, fix, page=f"Choose one of {', '.join(self.choices)}.")
