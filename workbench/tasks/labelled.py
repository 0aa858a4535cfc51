"""Labelled rows that people upload: read, checked before any training, stored once."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.shop.importers import personal
from workbench.shop.plain import clean
from workbench.shop.store import Store
from workbench.tasks.base import tasks
from workbench.tasks.classes import LEAST_PER_LABEL
from workbench.tasks.labelled_rows import uploaded_tasks
from workbench.tasks.sentiment import LABELS as SENTIMENT
from workbench.tasks.sentiment import MEANS, of_stars
from workbench.tasks.splits import split_of
from workbench.tasks.tables import Problem

FEW = 64  # rows of a label in the middle, below which none is spared from learning
LEAST_ROWS = 10
LEAST_OF_KNOWN = 2
LONGEST_LABEL = 100
STRAY = 0.01  # of a file's numbers may lie beyond the stars by mistake
NEAR = 0.7  # a typing error is nearer; at 0.6 "grate" resembles "negative"
_WORDS = re.compile(r"[\u4e00-\u9fff]|\w+")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_STARS = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:stars?|★)?")


@dataclass(frozen=True)
class Labelled:
    """What was read of an upload.

    `rows` are (text, label) as the task spells its labels, each text once, `lines` where each is in the file; `problems` name
    the rows that are not among them; `counts` has the rows of each label; `unknown` maps every label that does not belong to
    the task to the nearest one that does ("" where none is near). `duplicates` counts rows that say again what another one
    says; `least` is how many rows a label needs. Of a task of the user's own: its `title`, the table whose rows it is `about`,
    and the label set (`family`) that it is one label of.
    """

    task: str
    rows: list[tuple[str, str]]
    problems: list[Problem]
    counts: dict[str, int]
    unknown: dict[str, str] = field(default_factory=dict)
    refusal: WorkbenchError | None = None
    duplicates: int = 0
    least: int = LEAST_PER_LABEL
    lines: list[int] = field(default_factory=list)
    title: str = ""
    about: str = "reviews"
    family: str = ""

    @property
    def scarce(self) -> dict[str, int]:
        """The labels that have too few rows to be learned, with how many."""
        return {label: n for label, n in self.counts.items() if n < self.least}

    def check(self) -> None:
        """Raise WorkbenchError where nothing can be learned from these rows; so it is where labels do not belong to the task."""
        if self.unknown:
            raise unknown_labels(self)
        if self.refusal:
            raise self.refusal

    def without_unknown(self) -> Labelled:
        """The same where rows whose label does not belong to the task are not asked about."""
        return replace(self, unknown={})

    def without_scarce(self, column: str) -> Labelled:
        """The same without the rows of labels that have too few; they are problems of the label's `column`."""
        scarce, kept, problems = self.scarce, [], list(self.problems)
        for line, (text, label) in zip(self.lines, self.rows, strict=True):
            if label in scarce:
                what = f"only {scarce[label]} {'row carries' if scarce[label] == 1 else 'rows carry'} this label, {self.least} are needed"
                problems.append(Problem(line, column, label, what, "Label more rows of it, or map it to another label."))
            else:
                kept.append((line, (text, label)))
        counts = {label: n for label, n in self.counts.items() if label not in scarce}
        rows, lines = [row for _, row in kept], [line for line, _ in kept]
        return replace(self, rows=rows, lines=lines, problems=problems, counts=counts, refusal=_refusal(counts, self.least))

    def problems_frame(self) -> pd.DataFrame:
        names = ("row", "column", "value", "problem", "fix")
        return pd.DataFrame([[getattr(p, n) for n in names] for p in self.problems], columns=list(names))

    def counts_frame(self) -> pd.DataFrame:
        return pd.DataFrame(ordered(self.counts), columns=["label", "rows"])


def none_to_spare(counts: Iterable[int]) -> bool:
    """Whether labels with so many rows each have too few for any to be kept from learning."""
    there = [n for n in counts if n]
    return bool(there) and median(there) < FEW


def set_apart(labelled: Labelled, *, known: bool) -> str:
    """What becomes of rows whose text is held out by its hash, in words; `known`: whether the task has other rows too."""
    splits = [split_of(text) for text, _ in labelled.rows]
    if known or not none_to_spare(labelled.counts.values()):
        apart = sum(split != "train" for split in splits)
        return f"{apart:,} are set apart to measure how good it gets, always the same ones; the others are learned."
    return f"{splits.count('test'):,} are kept back at first to measure how good it gets, always the same ones; then all are learned."


def longer_than(labelled: Labelled, words: int) -> int:
    """How many rows have a text of more words than the encoder reads; its characters count where a language writes no words apart."""
    return sum(len(_WORDS.findall(text)) > words for text, _ in labelled.rows)


def ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Labels with their rows, most rows first."""
    return sorted(counts.items(), key=lambda c: (-c[1], c[0]))


def teachable(store: Store) -> dict[str, str]:
    """The tasks that labelled texts can teach: name to title, the shop's own uploaded ones included."""
    found = {name: task.title for name, task in tasks().items() if task.objective == "classify"}
    return found | {name: own.title for name, own in uploaded_tasks(store).items() if name not in found}


def task_name(given: str) -> str:
    """`given` as a name for a task of one's own; WorkbenchError says what is allowed."""
    name = given.strip().lower().replace(" ", "_").replace("-", "_")
    taken = [task.name for task in tasks().values() if task.objective != "classify"]
    if not _NAME.fullmatch(name) or name in taken:
        raise WorkbenchError(
            f"{given[:60]!r} cannot name a task of labelled texts.",
            f"Use up to 40 letters a-z, digits and _, beginning with a letter, and none of: {', '.join(taken)}.",
        )
    return name


def known_labels(store: Store, task: str) -> list[str]:
    """The labels that a task has now; empty where any label may be taught."""
    if task == "sentiment":
        return list(SENTIMENT)
    known = tasks().get(task)
    if known is None:
        return []
    if known.objective != "classify":
        allowed = ", ".join(teachable(store))
        raise WorkbenchError(f"The task {task!r} is not learned from labelled texts; these are: {allowed}.", "Choose one of them.")
    return known.examples(store).labels


def read_labelled(
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
    task: str,
    text: str,
    label: str,
    known_labels: Sequence[str] = (),
    *,
    mapping: Mapping[str, str] | None = None,
    accept: Collection[str] = (),
) -> Labelled:
    """Read the columns `text` and `label`.

    `known_labels` are the task's own (none: any label goes), `mapping` says what other words in the
    file mean ({"0": "negative"}), `accept` names further labels to be learned as new ones. Raises
    WorkbenchError where a column is missing; what is wrong with single rows is in the result.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    _need_columns(frame, text, label)
    lines: list[int] = frame.index.tolist() if frame.index.name == "line" else list(range(2, len(frame) + 2))
    words = [cell_word(value) for value in frame[label].tolist()]
    spelling = _Spelling(task, words, known_labels, mapping or {}, accept)
    kept, problems, duplicates = _rows(zip(lines, map(cell_word, frame[text].tolist()), words, strict=True), text, label, spelling)
    counts, least = Counter(name for _, name in kept.values()), LEAST_OF_KNOWN if known_labels else LEAST_PER_LABEL
    found = [(body, name) for body, (_, name) in kept.items()]
    at = [line for line, _ in kept.values()]
    return Labelled(task, found, problems, dict(counts), spelling.unknown, _refusal(counts, least), duplicates, least, at)


def _need_columns(frame: pd.DataFrame, *wanted: str) -> None:
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        there = ", ".join(repr(str(c)) for c in frame.columns[:20]) or "none"
        raise WorkbenchError(f"The file has no column {missing[0]!r}; its columns are {there}.", "Choose the text and the label column.")


def cell_word(value: Any) -> str:
    """A cell as text: 5.0 as "5", nothing as ""."""
    if value is None or (isinstance(value, float) and value != value) or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def counts_stars(words: Sequence[str]) -> bool:
    """Whether a file's numbers are stars from 1 to 5: where it says 0 or less, or often more than 5, its 1 is not the worst of five."""
    numbers = [float(found[1]) for word in words if (found := _STARS.fullmatch(word.casefold()))]
    return not any(n <= 0 for n in numbers) and sum(n > 5 for n in numbers) <= STRAY * len(numbers)


def numbers_mean(words: Iterable[str]) -> dict[str, str]:
    """What numbers below one star are likely to mean where a file labels by them alone: 0 and 1, -1 and 1, or -1, 0 and 1."""
    said = set(words) - {""}
    signs = {"-1": "negative", "0": "neutral", "1": "positive"}
    if said == {"0", "1"}:
        return {"0": "negative", "1": "positive"}
    return signs if "-1" in said and said <= signs.keys() else {}


class _Spelling:
    """How the task spells the labels of a file, and which do not belong to it."""

    def __init__(self, task: str, words: Sequence[str], known: Sequence[str], mapping: Mapping[str, str], accept: Collection[str]) -> None:
        self.known = list(known)
        self.mapping = {key.casefold(): value for key, value in mapping.items()}
        self.accept = set(accept)
        self.unknown: dict[str, str] = {}
        self._folded = {name.casefold(): name for name in [*known, *accept]}
        self._stars = task == "sentiment" and counts_stars(words)
        self._means = MEANS | numbers_mean(words) if task == "sentiment" else {}

    def of(self, word: str) -> str | None:
        """The task's spelling, or None for a label that does not belong to it (then kept in `unknown`)."""
        folded = word.casefold()
        if folded in self.mapping:
            return self.mapping[folded]
        if not self.known or folded in self._folded:
            return self._folded.get(folded, word)
        stars = _STARS.fullmatch(folded) if self._stars else None
        if stars and 1 <= float(stars[1]) <= 5:
            return of_stars(float(stars[1]))
        self.unknown.setdefault(word, self._nearest(folded))
        return None

    def _nearest(self, folded: str) -> str:
        if folded in self._means:
            return self._means[folded]
        candidates = list(self._folded)
        near = difflib.get_close_matches(folded, candidates, n=1, cutoff=NEAR)
        # an abbreviation such as "pos" or "neg" is nearer to what it begins than to what it resembles
        begun = [name for name in candidates if len(folded) >= 2 and name.startswith(folded)]
        found = [*begun, *near]
        return self._folded[found[0]] if found else ""


def _rows(
    cells: Iterable[tuple[int, str, str]], text: str, label: str, spelling: _Spelling
) -> tuple[dict[str, tuple[int, str]], list[Problem], int]:
    kept: dict[str, tuple[int, str]] = {}
    problems: list[Problem] = []
    duplicates = 0
    for line, told, word in cells:
        body = clean(told)
        if not body:
            problems.append(Problem(line, text, told[:80], "there is no text", "Fill it in, or leave the row out."))
        elif not word or len(word) > LONGEST_LABEL:
            what = "there is no label" if not word else f"the label has {len(word):,} letters; {LONGEST_LABEL} are allowed"
            problems.append(Problem(line, label, word[:80], what, "Give it a label, or leave the row out."))
        elif (name := spelling.of(word)) is None:
            problems.append(Problem(line, label, word, "this label does not belong to the task", _advice(spelling, word)))
        elif body in kept and kept[body][1] != name:
            before, other = kept[body]
            what = f"line {before} labels the same text {other!r}"
            problems.append(Problem(line, label, word, what, f"Decide for one of them; {other!r} counts for now."))
        else:
            duplicates += body in kept
            kept.setdefault(body, (line, name))
    return kept, problems, duplicates


def _advice(spelling: _Spelling, word: str) -> str:
    near = spelling.unknown.get(word)
    return f"The nearest known label is {near!r}." if near else f"Known labels: {', '.join(spelling.known[:20])}."


def _refusal(counts: Mapping[str, int], least: int) -> WorkbenchError | None:
    """Why these rows cannot teach anything, with the count for each label; None where they can."""
    there = _listed(counts)
    total, scarce = sum(counts.values()), [name for name, n in counts.items() if n < least]
    if len(counts) < 2:
        return WorkbenchError(f"One label cannot be told from another: {there}.", "Add rows with a second label.")
    if total < LEAST_ROWS:
        return WorkbenchError(f"{total} usable rows are too few, at least {LEAST_ROWS} are needed: {there}.", "Label more rows.")
    if scarce:
        return WorkbenchError(
            f"These labels have fewer than {least} rows: {', '.join(repr(s) for s in sorted(scarce))}. All labels: {there}.",
            "Label more rows of them, map them to another label, or leave them out.",
        )
    return None


def _listed(counts: Mapping[str, int]) -> str:
    listed = ordered(counts)
    more = f" and {len(listed) - 30} more labels" if len(listed) > 30 else ""
    return (", ".join(f"{name!r}: {n}" for name, n in listed[:30]) or "no row has a usable label") + more


def unknown_labels(labelled: Labelled) -> WorkbenchError:
    """The error that lists the labels that do not belong to the task, each with the nearest known one."""
    rows = Counter(p.value for p in labelled.problems if p.value in labelled.unknown)
    listed = [
        f"{word!r} ({rows[word]} row{'' if rows[word] == 1 else 's'}{f', nearest {near!r}' if near else ''})"
        for word, near in labelled.unknown.items()
    ]
    more = f" and {len(listed) - 20} more" if len(listed) > 20 else ""
    return WorkbenchError(
        f"Labels that do not belong to the task {labelled.task!r}: {', '.join(listed[:20])}{more}.",
        "Correct them in the file, or leave those rows out with --leave-out.",
        page="Say above what each of them means or that its rows are left out, or correct them in the file.",
    )


def store_labels(store: Store, labelled: Labelled, upload_sha: str, *, mask: bool = True) -> dict[str, int]:
    """Make the upload's rows for the task exactly these, in one transaction; storing them again as they were changes nothing.

    `upload_sha` is the SHA-256 of the uploaded file; with `mask` texts are stored without what is personal, as reviews are.
    Returns how many rows were read, added, updated, unchanged, removed and masked.
    """
    given = [text for text, _ in labelled.rows]
    kept = personal.masked_texts(store, given) if mask else given
    wanted = {_label_id(labelled.task, text, upload_sha): (text, label) for text, (_, label) in zip(kept, labelled.rows, strict=True)}
    told = json.dumps({"title": labelled.title or labelled.task, "about": labelled.about, "family": labelled.family or labelled.task})
    rows = store.rows("SELECT label_id, label, attributes FROM labels WHERE task = ? AND upload = ?", [labelled.task, upload_sha])
    stored = {key: (label, attributes) for key, label, attributes in rows}
    fresh = [key for key, (_, label) in wanted.items() if stored.get(key) != (label, told)]
    gone = [key for key in stored if key not in wanted]
    updated = sum(key in stored for key in fresh)
    result = {"read": len(wanted), "added": len(fresh) - updated, "updated": updated, "unchanged": len(wanted) - len(fresh)}
    if fresh or gone:
        texts, labels = [wanted[key][0] for key in fresh], [wanted[key][1] for key in fresh]
        values = {"task": labelled.task, "upload": upload_sha, "now": datetime.now(UTC).replace(tzinfo=None), "told": told}
        with store.transaction() as cursor:
            cursor.execute("DELETE FROM labels WHERE label_id IN (SELECT unnest(?))", [fresh + gone])
            cursor.execute(_INSERT, {"ids": fresh, "texts": texts, "labels": labels, **values})
    return result | {"removed": len(gone), "masked": sum(a != b for a, b in zip(given, kept, strict=True))}


_INSERT = """
INSERT INTO labels (label_id, task, text, label, upload, created_at, attributes)
SELECT id, $task, text, label, $upload, $now, $told::JSON FROM (SELECT unnest($ids) AS id, unnest($texts) AS text, unnest($labels) AS label)
"""


def _label_id(task: str, text: str, upload: str) -> str:
    return hashlib.sha256("\0".join((task, text, upload)).encode()).hexdigest()[:32]
