"""May a version become the active one? Not without a word where it lost something on the way."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.insights.figures import METRICS, deciding, difference, digits, span, title, verdict
from workbench.registry import ModelVersion, Registry


def lost(version: ModelVersion) -> list[tuple[str, str, dict[str, Any]]]:
    """(task, metric, paired difference) of the tasks that a fine-tuned version does worse than its parent, beyond chance.

    The task that was taught counts too: rows that make it worse are the wrong rows.
    """
    made = []
    for task, measured in version.metrics.get("tasks", {}).items() if version.info.get("kind") == "finetune" else ():
        metric = deciding(task, measured)
        paired = difference(measured, metric, "parent") if metric else None
        if metric and paired:
            its = measured["metrics"][metric]
            if verdict({**its, "value": its["value"] - paired["value"]}, its, paired, metric=metric) == "worse":
                made.append((task, metric, paired))
    return made


def forgotten(version: ModelVersion, active: ModelVersion | None) -> list[str]:
    """The tasks that the active version knows and this one does not: what pages show of them would be gone."""
    known = active.metrics.get("tasks", {}) if active else {}
    return [task for task in known if task not in version.metrics.get("tasks", {})]


def refusal(version: ModelVersion, active: ModelVersion | None) -> WorkbenchError | None:
    """Why the version does not take the place of the `active` one without an explicit word; None where nothing speaks against it."""
    worse, gone = lost(version), forgotten(version, active)
    said, fixes = [], []
    if worse:
        listed = "; ".join(
            f"{title(task)} {digits(paired['value'], signed=True)} {METRICS.get(metric, metric)} ({span(paired, signed=True)})"
            for task, metric, paired in worse
        )
        said.append(f"{version.id} does worse than its parent beyond chance: {listed}.")
        fixes.append("teach it again with fewer layers or with more rows")
    if gone and active:
        said.append(f"{version.id} has not learned {', '.join(map(title, gone))}, which {active.id} knows: pages would lack it.")
        fixes.append("train it with these tasks too")
    if not said:
        return None
    fix = " and ".join(fixes).capitalize()
    all_the_same = f"{fix}, or promote it all the same"
    return WorkbenchError(" ".join(said), f"{all_the_same} with --despite-worse.", page=f"{all_the_same}: tick the box that says so.")


def promote(
    registry: Registry, version: str, *, expected: str | object | None = ..., why: str = "", despite_worse: bool = False
) -> ModelVersion:
    """Make a version the active one, as `Registry.promote`; WorkbenchError where it lost something, unless `despite_worse`.

    The override is written into the history.
    """
    refused = refusal(registry.get(version), registry.active())
    if refused and not despite_worse:
        raise refused
    told = "; ".join(filter(None, [why, "despite what got worse" if refused else ""]))
    return registry.promote(version, expected=expected, why=told)
