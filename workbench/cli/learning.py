"""Verbs that learn or apply what was learned: train, tune, finetune, predict."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import jobs
from workbench.cli.models import figure, version_of, words
from workbench.cli.shop import reading
from workbench.cli.tables import columns, out_file, rows, text_column
from workbench.cli.waiting import finished
from workbench.errors import WorkbenchError
from workbench.export import to_csv
from workbench.files import sha256
from workbench.home import Home
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store
from workbench.tasks.labelled import Labelled, ordered, set_apart

Answer = tuple[dict[str, Any], str]


def train(home: Home, given: Namespace) -> Answer:
    """Train a new version in a job and wait for it."""
    tasks = chosen_tasks(given.tasks)
    with reading(home) as store:
        snapshot = store.snapshot()
    spec = {"snapshot": snapshot, "recipe": given.recipe, "tasks": tasks, "processes": at_least_one(given.processes, "--processes")}
    run = jobs.start(home, "train", spec)
    result = finished(run)
    return result, words(result)


def tune(home: Home, given: Namespace) -> Answer:
    """Search for a better recipe in a job and wait for it."""
    tasks, trials = chosen_tasks(given.tasks), at_least_one(given.trials, "--trials")
    with reading(home) as store:
        snapshot = store.snapshot()
    result = finished(jobs.start(home, "tune", {"snapshot": snapshot, "recipe": given.recipe, "tasks": tasks, "trials": trials}))
    lines = [_trial(trial) for trial in result["trials"]]
    before = "given up early" if result["from_score"] is None else f"{result['from_score']:.4f}"
    lines.append(f"Best: {result['score']:.4f} on validation rows ({result['from']}: {before}).")
    lines.append(f"Train with it: workbench train --recipe {result['recipe']}")
    return result, "\n".join(lines)


def at_least_one(value: int, option: str) -> int:
    """The option's number; WorkbenchError below 1."""
    if value < 1:
        raise WorkbenchError(f"{option} is {value}; it must be at least 1.", f"Give {option} a number of 1 or more.")
    return value


def _trial(trial: dict[str, Any]) -> str:
    """A line on one trial of a search."""
    score = "given up" if trial["score"] is None else f"{trial['score']:.4f}"
    settings = ", ".join(f"{name} {f'{value:.3g}' if isinstance(value, float) else value}" for name, value in trial["settings"].items())
    return f"{trial['number']:>3}  {score:>8}  {settings}"


def chosen_tasks(names: str | None) -> list[str] | None:
    """`a,b` as a list of known tasks; None means all."""
    if not names:
        return None
    from workbench.tasks.base import tasks

    chosen, known = [name.strip() for name in names.split(",") if name.strip()], tasks()
    for name in chosen:
        if name not in known:
            raise WorkbenchError(f"There is no task {name!r}; there are: {', '.join(known)}.", "Name some of these, separated by commas.")
    return chosen or None


def finetune(home: Home, given: Namespace) -> Answer:
    """Store the labelled rows, learn from them on top of the active version, and wait."""
    from workbench.jobs.estimate import estimate, in_words
    from workbench.tasks.advice import recommended
    from workbench.tasks.labelled import known_labels, read_labelled, store_labels, task_name, teachable
    from workbench.tasks.labelled_rows import TABLES
    from workbench.tasks.several import read_several

    _check_together(given)
    if given.again:
        return tuned(jobs.start(home, "finetune", repeated(home, given.again)))
    if not given.file or not given.task:
        raise WorkbenchError("finetune needs a file of labelled rows and --task NAME.", "Or repeat what made a version: --again VERSION")
    registry = Registry(home)
    if registry.missing():
        raise registry.none_active()
    frame = rows(given)
    named = given.label or []
    text, label = columns(frame, given.text, named[0] if named else None)
    with Store.open(home) as store:
        task = given.task if given.task in teachable(store) else task_name(given.task)
        if given.several or len(named) > 1:
            uploads = read_several(frame, task, text, named or [label], given.about)
        else:
            read = replace(read_labelled(frame, task, text, label, known_labels(store, task)), about=given.about)
            uploads = [read.without_unknown().without_scarce(label) if given.leave_out else read]
        upload = sha256(Path(given.file))
        for labelled in uploads:
            labelled.check()
            _say(labelled, known=task in teachable(store))
        active = registry.active()
        choice, why = recommended(len(uploads[0].rows), parent=active is not None)
        how = {"recipe": given.recipe, "train": given.train or choice, "parent": active.id if active else None}
        if given.estimate:
            texts = [row for row, _ in uploads[0].rows]
            shop = sum(store.counts()[table] for table in TABLES) if active else 0
            found = estimate(home, texts=texts, labels=len(uploads[0].counts), shop=shop, **how)
            return found, in_words(found)
        masked = [store_labels(store, labelled, upload, mask=given.personal != "keep")["masked"] for labelled in uploads]
        snapshot = store.snapshot()
    if any(masked):
        print(f"personal data masked in {max(masked):,} texts; --personal keep stores them as they are", file=sys.stderr)
    if not given.train:
        print(f"--train {choice}: {why}", file=sys.stderr)
    tasks = [one.task for one in uploads if one.family]
    spec = {"snapshot": snapshot, "task": task, "upload": upload, **how, **({"tasks": tasks} if tasks else {})}
    return tuned(jobs.start(home, "finetune", spec))


def _check_together(given: Namespace) -> None:
    """WorkbenchError where options of finetune were given that would be passed over beside others."""
    said = {"FILE": given.file, "--task": given.task, "--text": given.text, "--label": given.label, "--several": given.several}
    said |= {"--estimate": given.estimate, "--leave-out": given.leave_out, "--train": given.train, "--personal": given.personal}
    said |= {"--encoding": given.encoding, "--delimiter": given.delimiter, "--part": given.part}
    said |= {"--recipe": given.recipe != "finetune", "--about": given.about != "reviews"}
    beside = [option for option, value in said.items() if value]
    if given.again and beside:
        raise WorkbenchError(
            f"--again {given.again} repeats all that made this version; it does not go with {', '.join(beside)}.",
            "Leave out one or the other. To learn what it will cost, give --estimate with the file and --task.",
        )
    if given.leave_out and (given.several or len(given.label or []) > 1):
        raise WorkbenchError(
            "--leave-out does not go with several labels a row: of those each is learned that enough rows have and lack, the others never.",
            "Leave --leave-out away.",
        )


def _say(labelled: Labelled, *, known: bool) -> None:
    """What was found in an upload, on stderr."""
    apart = f"{set_apart(labelled, known=known)} {labelled.duplicates:,} duplicates are passed over."
    print(f"{labelled.title or labelled.task}: {len(labelled.rows):,} rows. {apart}", file=sys.stderr)
    print("  " + ", ".join(f"{label} {n:,}" for label, n in ordered(labelled.counts)[:20]), file=sys.stderr)
    for problem in labelled.problems[:20]:
        print(f"line {problem.row}, {problem.column}, {problem.value!r}: {problem.problem}. {problem.fix}", file=sys.stderr)


def repeated(home: Home, version: str) -> dict[str, Any]:
    """The spec that made a version, to be done again; WorkbenchError where that is not possible any more."""
    found = Registry(home).get(version)
    info = found.info
    if info.get("kind") != "finetune":
        raise WorkbenchError(f"{version} was not made by a fine-tuning.", "Name a version of kind finetune; see: workbench models")
    snapshot = home.snapshots / f"{info['data_version']:08d}.duckdb"
    if not snapshot.exists():
        raise WorkbenchError(f"The snapshot {snapshot.name} that {version} was made from is gone.", "Upload its rows again.")
    kept: dict[str, Any] = {name: info[name] for name in ("task", "upload", "recipe", "train", "parent", "tasks") if name in info}
    return {**kept, "snapshot": snapshot, "settings": {**found.recipe, "name": info["recipe"]}}


def tuned(run: Run) -> Answer:
    """Wait for a fine-tuning; its before and after."""
    result = finished(run)
    before = words({"version": result.get("parent") or "none", "tasks": result.get("before") or {}})
    return result, f"Before: {before}\nAfter: {words(result)}"


def embed(home: Home, given: Namespace) -> Answer:
    """Let the active version (or another) read the rows that came after it was made, in a job, and wait for it."""
    found = version_of(home, given.version)
    with reading(home) as store:
        snapshot = store.snapshot()
    result = finished(jobs.start(home, "embed", {"snapshot": snapshot, "version": found.id}))
    read = ", ".join(f"{count:,} {table}" for table, count in result["rows"].items() if count) or "nothing new"
    return result, f"{found.id} read {read} ({result['seconds']:.0f} s)"


def predict(home: Home, given: Namespace) -> Answer:
    """Write the file again with the task's label, its probability and whether to abstain beside each row."""
    from workbench.jobs.inference import Inference
    from workbench.jobs.labelling import ADDED, labelled, measured, names_beside

    version = version_of(home, given.version)
    out = out_file(given.out)
    frame = rows(given)
    text = columns(frame, given.text, given.label)[0] if given.label else text_column(frame, given.text)
    with Inference(home, version.id) as encoder:
        found = encoder.predict(given.task, frame[text].tolist())
    truth = measured(frame[given.label].tolist(), found) if given.label else {}
    out.write_bytes(to_csv(labelled(frame, found)))
    names = names_beside(frame)
    called = dict(zip(ADDED, names, strict=True)) if names != ADDED else {}
    document = {"version": version.id, "rows": len(frame), "out": str(out)} | ({"metrics": truth} if truth else {})
    document |= {"columns": called} if called else {}
    lines = [f"{len(frame):,} rows written to {out} by {version.id}, {int(found.abstain.sum()):,} of them unlike all it has learned"]
    if called:
        lines.append(f"The file has columns of these names already, so those added are called {', '.join(names)}.")
    return document, "\n".join(lines + [f"  {name}: {figure(metric)}" for name, metric in truth.items()])
