"""Verbs of the shop's data: import and status."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.cli.tables import out_file
from workbench.errors import WorkbenchError
from workbench.export import to_csv
from workbench.home import Home
from workbench.registry import Registry
from workbench.run import runs
from workbench.shop.store import Store, open_for_reading

Answer = tuple[dict[str, Any], str]
RUNS_LISTED = 20
PROBLEMS_SHOWN = 20
SAID = ("as_table", "preset", "encoding", "delimiter", "decimal", "dates", "scale", "part", "personal", "pseudonyms")


def import_(home: Home, given: Namespace) -> Answer:
    """Import files in one transaction each; with --dry-run say what would happen."""
    from workbench.shop import importers

    paths = [Path(name) for name in given.files]
    rejects = out_file(given.rejects, "--rejects") if given.rejects else None
    mapped = mapping(given.mapping)
    said = {name: getattr(given, name) for name in SAID}
    with Store.open(home) as store:
        staged = importers.read(home, paths, mapping=mapped, report=_Progress(), **said)
        left_out = importers.rejects(staged) if rejects else []
        document = importers.commit(store, staged, dry_run=given.dry_run, replacing=given.replace, save_as=given.save_mapping)
    if rejects:
        document["rejects"] = _write_rejects(rejects, left_out)
    return document, _import_words(document, given.dry_run)


class _Progress:
    """Prints each step once on stderr."""

    step = ""

    def __call__(self, done: float, step: str) -> None:
        if step != self.step:
            print(f"{done:4.0%}  {step}", file=sys.stderr)
        self.step = step


def _write_rejects(path: Path, left_out: list[tuple[str, pd.DataFrame]]) -> dict[str, int]:
    """One CSV for each file that leaves rows out; of several files all but the first are numbered. {path: rows}."""
    written = {}
    for number, (_, frame) in enumerate((name, frame) for name, frame in left_out if len(frame)):
        target = path if not number else path.with_stem(f"{path.stem}-{number + 1}")
        target.write_bytes(to_csv(frame))
        written[str(target)] = len(frame)
    return written


def undo(home: Home, given: Namespace) -> Answer:
    """Take the last import back."""
    from workbench.shop.importers.undo import take_back

    with Store.open(home) as store:
        document = take_back(store)
    files = ", ".join(file["file"] for file in document["undone"]["files"])
    lines = [f"Taken back: {files}, imported {document['undone']['when']}"]
    for table, counts in document["tables"].items():
        lines.append(f"  {table}: {counts['removed']:,} removed, {counts['restored']:,} restored")
    return document, "\n".join([*lines, f"Data version {document['data_version']}"])


def forget(home: Home, given: Namespace) -> Answer:
    """Delete a user everywhere in the home."""
    from workbench.shop.forget import forget as everywhere
    from workbench.shop.forget import in_words

    document = everywhere(home, given.user)
    return document, "\n  ".join([f"Forgotten: {given.user}", *in_words(document)])


def mapping(pairs: list[str]) -> dict[str, str] | None:
    """`canonical=column` pairs as a mapping; WorkbenchError names a pair that is none."""
    made = {}
    for pair in pairs:
        canonical, equals, column = pair.partition("=")
        if not equals or not canonical or not column:
            raise WorkbenchError(f"--map {pair!r} is not of the form canonical=column.", "For example: --map body=review_text")
        made[canonical] = column
    return made or None


def _import_words(document: dict[str, Any], dry_run: bool) -> str:
    from workbench.shop.doubts import in_words
    from workbench.shop.importers.stage import MERGED

    lines = ["Nothing was changed; this is what would happen."] if dry_run else []
    lines += [f"{rows:,} rows left out are in {path}; mend them and import it." for path, rows in document.get("rejects", {}).items()]
    for file in document["files"]:
        lines.append(f"{file['file']}: read as {file['importer']}")
        lines += [f"  {warning}" for warning in file.get("warnings", [])]
        lines += [f"  doubtful: {in_words(doubt)}" for doubt in file.get("doubts", [])]
        lines += [f"  kept as attributes: {', '.join(file['attributes'])}"] if file.get("attributes") else []
        lines += personal_words(file.get("personal", {}))
        for table, counts in file["tables"].items():
            lines.append(f"  {table}: " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
        lines += [f"  {what.replace('_', ' ')}: {count:,}" for what, count in file.get("notes", {}).items() if what != MERGED]
        lines += [f"  line {p['line']}, {p['column']}, {p['value']!r}: {p['reason']}" for p in file.get("problems", [])[:PROBLEMS_SHOWN]]
        more = len(file.get("problems", [])) - PROBLEMS_SHOWN
        lines += [f"  and {more:,} more rows left out; --json lists them"] if more > 0 else []
    return "\n".join([*lines, f"Data version {document['data_version']}"])


def personal_words(found: dict[str, Any]) -> list[str]:
    """What personal data an import met and what became of it."""
    done = "masked" if found.get("masked") else "kept"
    rows = [
        f"  personal data {done} in texts: {kind} in {count:,} row{'' if count == 1 else 's'}"
        for kind, count in found.get("rows", {}).items()
    ]
    return rows + [f"  personal column {done}: {name} ({kind})" for name, kind in found.get("columns", {}).items()]


def status(home: Home, given: Namespace) -> Answer:
    """What there is, what is active and what runs."""
    registry = Registry(home)
    active, gone = registry.active(), registry.missing()
    with reading(home) as store:
        document = {
            "data_version": store.data_version,
            "tables": store.counts(),
            "active": active.id if active else None,
            "jobs": [_job(run.status()) for run in runs(home)[:RUNS_LISTED]],
        } | ({"missing": gone} if gone else {})
    return document, "\n".join([_status_words(document), *([str(registry.none_active())] if gone else [])])


def _job(status: Any) -> dict[str, Any]:
    job = {"id": status.id, "kind": status.kind, "state": status.state, "done": status.progress.done, "step": status.progress.step}
    return job | ({"problem": status.problem, "fix": status.fix} if status.problem else {})


def _status_words(document: dict[str, Any]) -> str:
    lines = [f"Data version {document['data_version']}"]
    lines += [f"  {table}: {rows:,}" for table, rows in document["tables"].items()]
    lines.append(f"Active model: {document['active'] or ('missing' if 'missing' in document else 'none yet')}")
    return "\n".join(lines + [f"  {job['id']}: {job['state']}, {job['done']:.0%}, {job['step']}" for job in document["jobs"]])


@contextmanager
def reading(home: Home) -> Iterator[Store]:
    """The shop for a reading verb; where another process holds it, the last snapshot, and a note on stderr."""
    store, note = open_for_reading(home)
    if note:
        print(note, file=sys.stderr)
    try:
        yield store
    finally:
        store.close()
