"""What a version's figures come to, in sentences: better than the simple methods, than its parent, than one task alone; robust; fair.

Better and worse are said only where the 95 % interval of the paired difference leaves out 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.insights import figures
from workbench.insights.figures import BASELINES, METRICS, Measured, deciding, difference, digits, span, title, verdict
from workbench.tasks.labelled_rows import ORIGIN

State = Literal["good", "mixed", "even", "bad", "unknown"]
NOISES = {"typing_errors": "typing errors", "case_changes": "words in capitals", "word_order": "words out of order"}
WAYS = {"language": "language", "category": "category", "price": "price", "customer": "customer", ORIGIN: ORIGIN}
HARM = 0.05


@dataclass(frozen=True)
class Finding:
    """One line of the verdict: what was asked, the answer, and whether it is good news ("even": no difference, "unknown": not measured)."""

    topic: str
    text: str
    state: State


def findings(measured: Measured) -> list[Finding]:
    """The verdict on a version, from `ModelVersion.measured`: the most important answer first."""
    tasks = measured.get("tasks", {})
    warned = [Finding("Please note", note, "bad") for note in measured.get("notes", [])]
    return [*warned, _simple(tasks), *_versions(tasks), _alone(tasks), _noise(tasks), *_elsewhere(tasks), _groups(tasks)]


def compared(tasks: Measured, rival: str) -> dict[str, str]:
    """What can be said of each task against a rival: {task: verdict}."""
    made = {}
    for task, found in tasks.items():
        metric = deciding(task, found)
        paired = difference(found, metric, rival) if metric else None
        if metric and paired:
            made[task] = said(paired, metric)
    return made


def said(paired: Measured, metric: str) -> str:
    """Better, worse or not beyond chance, by the interval of a paired difference."""
    if paired["n"] < figures.LEAST_ROWS:
        return figures.TOO_FEW
    if paired["low"] <= 0 <= paired["high"]:
        return "no difference beyond chance"
    return "better" if (paired["low"] > 0) != (metric in figures.LOWER_IS_BETTER) else "worse"


def _simple(tasks: Measured) -> Finding:
    found = {h.task: h.verdict for h in figures.headlines({"tasks": tasks}) if h.baseline}
    rivals = {h.task: h.baseline_name for h in figures.headlines({"tasks": tasks}) if h.baseline}
    topic = "Against simple methods"
    if not found:
        return Finding(topic, "Not measured.", "unknown")
    words = _sorted(found, {task: f"{title(task)} ({rivals[task]})" for task in found})
    if all(v == "better" for v in found.values()):
        return Finding(topic, f"Better than the best simple method in every task: {_list([title(t) for t in found])}.", "good")
    return Finding(topic, words, _state(found))


def _versions(tasks: Measured) -> Iterator[Finding]:
    """Against its parent and other versions on the same rows."""
    rivals = {rival for found in tasks.values() for to in found.get("differences", {}).values() for rival in to}
    for rival in ("parent", *sorted(rivals - BASELINES.keys())):
        found = compared(tasks, rival)
        if found:
            yield Finding(f"Against {BASELINES.get(rival, rival)}", _sorted(found, {task: title(task) for task in found}), _state(found))


def _alone(tasks: Measured) -> Finding:
    found, topic = compared(tasks, "single_task"), "Joint or alone"
    if not found:
        return Finding(topic, "Not measured yet: would each task alone, trained as long, do better?", "unknown")
    if "worse" not in found.values():
        better = [title(task) for task, v in found.items() if v == "better"]
        gain = f" {_list(better)} gained by it." if better else ""
        return Finding(topic, f"Learning together costs no task anything beyond chance.{gain}", "good")
    return Finding(topic, _sorted(found, {task: title(task) for task in found}), _state(found))


def _sorted(found: dict[str, str], names: dict[str, str]) -> str:
    """The tasks by what can be said of them, as sentences."""
    heads = {
        "better": "Better",
        "worse": "Worse",
        "no difference beyond chance": "No difference beyond chance",
        "unchanged": "Just as good",
        figures.TOO_FEW: "Too few rows to tell",
    }
    parts = ((head, [names[task] for task, v in found.items() if v == key]) for key, head in heads.items())
    return " ".join(f"{head}: {_list(told)}." for head, told in parts if told)


def _state(found: dict[str, str]) -> State:
    said = set(found.values())
    if said & {"better", "worse"}:
        return "bad" if "worse" in said else "good" if said == {"better"} else "mixed"
    return "unknown" if said <= {figures.TOO_FEW} else "even"


def losses(tasks: Measured) -> list[tuple[str, str, str, Measured]]:
    """(task, noise, metric, paired difference to the clean texts) of each task's deciding metric."""
    made = []
    for task, found in tasks.items():
        metric = deciding(task, found)
        for noise, its in found.get("noise", {}).items():
            if metric in its.get("differences", {}):
                made.append((task, noise, str(metric), its["differences"][metric]))
    return made


def _noise(tasks: Measured) -> Finding:
    found, topic = losses(tasks), "Robustness"
    if not found:
        return Finding(topic, "Not measured yet: how much do typing errors, capitals and word order cost?", "unknown")
    sure = [(task, noise, metric, d) for task, noise, metric, d in found if said(d, metric) == "worse"]
    if not sure:
        return Finding(topic, "Typing errors, capitals and word order cost nothing beyond chance.", "good")
    task, noise, metric, d = min(sure, key=lambda loss: loss[3]["value"])
    text = (
        f"{NOISES.get(noise, noise).capitalize()} cost most: {title(task)} {digits(d['value'], signed=True)} "
        f"{METRICS.get(metric, metric)} {_interval(d)}."
    )
    return Finding(topic, text, "bad" if d["value"] < -HARM else "mixed")


def _elsewhere(tasks: Measured) -> Iterator[Finding]:
    for task, found in tasks.items():
        metric = deciding(task, found)
        for shop, its in found.get("elsewhere", {}).items():
            if metric is None or metric not in its["metrics"]:
                continue
            best, rival = figures.best_rival(its, metric)
            there = its["metrics"][metric]
            word = verdict(rival, there, difference(its, metric, best), metric=metric) if best else ""
            beside = f"; the best simple method, {BASELINES.get(best, best)}, {digits(rival['value'])} ({word})" if best else ""
            text = f"{title(task)} {digits(there['value'])} {METRICS.get(metric, metric)} {_interval(there)}, n {there['n']:,}{beside}."
            yield Finding(f"On {shop}", text, "good" if word == "better" else "bad" if word == "worse" else "mixed")


def gaps(tasks: Measured) -> list[tuple[str, str, str, Measured]]:
    """(task, way to group, group, its figure) of every group that is served worse than the rest beyond chance."""
    return [
        (task, way, name, its)
        for task, found in tasks.items()
        for way, told in found.get("groups", {}).items()
        for name, its in told["groups"].items()
        if way != ORIGIN and "rest" in its and its["rest"]["high"] < 0
    ]


def _groups(tasks: Measured) -> Finding:
    topic, asked = "Fairness", [way for found in tasks.values() for way in found.get("groups", {}) if way != ORIGIN]
    if not asked:
        return Finding(topic, "The shop's rows form no two groups of 20 test rows or more that could be compared.", "unknown")
    found = gaps(tasks)
    if not found:
        return Finding(topic, "No language, category, price band or kind of customer is served worse beyond chance.", "good")
    task, way, name, its = min(found, key=lambda gap: gap[3]["rest"]["value"])
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    metric = tasks[task]["groups"][way]["metric"]
    text = (
        f"Served worse: {title(task)}, {WAYS.get(way, way)} “{name}”, {digits(its['value'])} {METRICS.get(metric, metric)}, "
        f"{digits(its['rest']['value'], signed=True)} to the rest {_interval(its['rest'])}{others}."
    )
    return Finding(topic, text, "bad" if its["rest"]["value"] < -HARM else "mixed")


def _interval(its: dict[str, Any]) -> str:
    return f"({span(its)})"


def _list(words: Sequence[str]) -> str:
    return ", ".join(words)
