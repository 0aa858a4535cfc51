"""Verbs of the registry: models, evaluate, changes, promote, rollback."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import Any

from workbench.home import Home
from workbench.insights import promotion
from workbench.insights.figures import digits, span
from workbench.insights.findings import findings, said
from workbench.registry import ModelVersion, Registry

Answer = tuple[dict[str, Any], str]


def models(home: Home, given: Namespace) -> Answer:
    """The versions, newest first, with which is active and what happened to them."""
    registry = Registry(home)
    active = registry.active()
    versions = [{"id": v.id, **v.info} for v in registry.versions()]
    gone = registry.none_active() if registry.missing() else None
    document = {"active": active.id if active else None, "versions": versions, "history": registry.history()}
    lines = [
        f"{'*' if v['id'] == document['active'] else ' '} {v['id']}  {v.get('kind', '?')}  recipe {v.get('recipe', '?')}  "
        f"data version {v.get('data_version', '?')}  parent {v.get('parent') or 'none'}"
        for v in versions
    ]
    if gone is not None:
        return {**document, "missing": registry.missing()}, "\n".join([*lines, gone.problem, gone.fix])
    return document, "\n".join(lines) or "No model version yet. Train one with: workbench train"


def evaluate(home: Home, given: Namespace) -> Answer:
    """What was measured when the version was made and since; with options more is measured first, in a job."""
    found = version_of(home, given.version)
    if given.rivals or given.robustness or given.other or given.against:
        from workbench import jobs
        from workbench.cli.waiting import finished

        rivals = [name.strip() for name in (given.rivals or "").split(",") if name.strip()]
        other = str(Path(given.other).resolve()) if given.other else None
        asked = {"rivals": rivals, "robustness": given.robustness, "other": other, "against": given.against}
        finished(jobs.start(home, "evaluate", {"version": found.id, **asked}))
    document = {"tasks": {}, "left_out": {}, **found.measured, "version": found.id}
    return document, words(document)


def promote(home: Home, given: Namespace) -> Answer:
    """Make a version the active one; refused where it lost something, unless that is agreed to."""
    made = promotion.promote(Registry(home), given.version, why=given.why, despite_worse=given.despite_worse)
    return {"active": made.id}, f"Active: {made.id}"


def changes(home: Home, given: Namespace) -> Answer:
    """What promoting a version would change for the business, beside the active one."""
    from workbench.cli.insights import opened
    from workbench.insights.consequences import consequences
    from workbench.shop.space import Space

    registry = Registry(home)
    after = registry.get(given.version)
    with opened(home) as (store, before):
        found = consequences(store, before, Space(store, after))
        document = {"version": after.id, "beside": before.version.id, **found.json()}
    refused = promotion.refusal(after, registry.active())
    lines = [*(found.sentences() or ["Nothing would change."]), *([refused.problem] if refused else [])]
    return {**document, "refusal": refused.problem if refused else None}, "\n".join(lines)


def rollback(home: Home, given: Namespace) -> Answer:
    """Back to the version before."""
    made = Registry(home).rollback(why=given.why)
    return {"active": made.id}, f"Active: {made.id}"


def version_of(home: Home, wanted: str | None) -> ModelVersion:
    """The version that was named, else the active one; WorkbenchError where there is none."""
    registry = Registry(home)
    found = registry.get(wanted) if wanted else registry.active()
    if found is None:
        raise registry.none_active()
    return found


def words(document: dict[str, Any]) -> str:
    """The verdict, then metrics as lines: value, interval, rows, and each baseline below with the paired difference to it."""
    lines = [f"Version {document['version']}", *(f"  {f.topic}: {f.text}" for f in findings({**document, "notes": []}))]
    for task, measured in document.get("tasks", {}).items():
        for name, metric in measured["metrics"].items():
            lines.append(f"  {task} {name}: {figure(metric)}")
            paired = measured.get("differences", {}).get(name, {})
            told = {by: its[name] for by, its in measured.get("baselines", {}).items() if name in its}
            lines += [f"      {by}: {figure(its)}{_difference(paired.get(by), name)}" for by, its in told.items()]
    lines += [f"  {task}: left out, {why}" for task, why in document.get("left_out", {}).items()]
    lines += [f"  Note: {note}" for note in document.get("notes", [])]
    return "\n".join(lines)


def _difference(paired: dict[str, Any] | None, metric: str) -> str:
    if not paired:
        return ""
    return f"; difference {digits(paired['value'], signed=True)} ({span(paired, signed=True)}): {said(paired, metric)}"


def figure(metric: dict[str, Any]) -> str:
    """A metric in words: value, interval, rows; "not known" where it was taken of no row."""
    if metric["value"] is None or math.isnan(metric["value"]):
        return f"not known (n = {metric['n']:,})"
    return f"{digits(metric['value'])} ({span(metric)}, n = {metric['n']:,})"
