"""The model card: what a version is for, what it learned from and how, every figure with its interval, its limits, how to make it again."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.files import read_json
from workbench.insights import figures
from workbench.insights.figures import METRICS, title
from workbench.insights.findings import NOISES, WAYS, findings, said
from workbench.insights.reports.document import Bars, Report, Section
from workbench.registry import ModelVersion, Registry
from workbench.shop.store import Store

PURPOSE = (
    "A joint encoder of one shop: it puts products, reviews and customers' histories into one space, names the sentiment of reviews and "
    "other labels, and orders products by what a customer would take next.",
    "It is meant for analysts of the shop whose data it was trained on. It is not meant for decisions about single people, such as "
    "prices, credit or service, and not for other shops without measuring it there.",
)
HOW = (
    "Every figure is of test rows that were never learned from: a hash of each row's key puts it into the test part; of each history the "
    "last new product is kept for the test, the one before for validation; where the recipe's split is a cut in time, what came after it.",
    "Intervals hold 95 % of bootstrap resamples of the test rows. A difference is paired: both figures are taken from the same resampled "
    "rows. Better and worse are said only where the interval of the difference leaves out 0.",
    "“This task alone” is the same backbone and recipe trained for one task alone, with the same steps in an epoch and the same rule for "
    "when to stop.",
    "Noise is put into what people write (the texts of the test rows) and depends on a seed: typing errors in a fifth of the longer words, "
    "half of the words in capitals, a third of neighbouring words exchanged.",
    "Groups with fewer than 20 test rows are listed with their number alone. With many groups some differ by chance: of twenty about one.",
)
LIMITS = (
    "The intervals are about the test rows alone: another seed of the training gives somewhat other figures, which is not in them.",
    "It knows the shop until the data version it was made from. Products nobody bought then stand on their text alone.",
    "Texts are cut at the recipe's max_length tokens; what stands behind is not read.",
    "What customers did is not what they want: what the shop showed them is in the data and in the recommendations.",
)

MOST_NAMED, LONGEST_NAME = 5, 30


def report(store: Store, version: ModelVersion) -> Report:
    """The model card of a version."""
    measured, info = version.measured, version.info
    facts = [
        f"Model version {version.id}, {info.get('kind', 'train')} with recipe {info.get('recipe', '?')}, "
        f"made {str(info.get('created', '')).replace('T', ' ')} from data version {info.get('data_version', '?')}."
    ]
    every = figures.table(measured)
    sections = [
        Section("Purpose", PURPOSE),
        Section("Verdict", [f"{f.topic}: {f.text}" for f in findings(measured)]),
        _data(store, version),
        _recipe(store, version),
        _training(version),
        Section("Figures", HOW, tables={"Every figure on the test rows": _worded(every)}),
        _calibration(measured),
        _robustness(measured),
        _fairness(measured),
        Section("Known limits", [*LIMITS, *_left_out(measured)]),
        Section("How to make it again", _commands(version)),
    ]
    return Report("model-card", f"Model card of {version.id}", facts, sections, {"Figures": every})


# -- where it comes from -------------------------------------------------------------------------


def _data(store: Store, version: ModelVersion) -> Section:
    number = version.info.get("data_version")
    counts = rows_of_data(store, number)
    if counts is None:
        return Section("Data", [f"Data version {number}. Its snapshot was deleted, so its rows cannot be counted any more."])
    frame = pd.DataFrame([(name, rows) for name, rows in counts.items() if rows], columns=["Table", "Rows"])
    return Section("Data", [f"Data version {number} of the shop; nothing else was learned from."], tables={"What the shop held": frame})


def rows_of_data(store: Store, number: int | None) -> dict[str, int] | None:
    """The rows of each table at a data version; None where it is neither the present one nor kept as a snapshot."""
    if number == store.data_version:
        return store.counts()
    path = store.home.snapshots / f"{number or 0:08d}.duckdb"
    try:
        with Store.open_snapshot(store.home, path) as then:
            return then.counts()
    except WorkbenchError:
        return None


def _recipe(store: Store, version: ModelVersion) -> Section:
    shape: dict[str, Any] = read_json(version.folder / "shape.json", {})
    settings = pd.DataFrame([(name, str(value)) for name, value in version.recipe.items()], columns=["Setting", "Value"])
    text = [
        f"Comes from: {' ← '.join(lineage(store, version))}.",
        f"Base model: {version.recipe.get('base', 'not known')}. SHA-256 of its weights: {shape.get('base_sha256', 'not known')}. "
        f"Licence of the base: {shape.get('base_licence') or 'not stated in its folder; see where it was published'}.",
        f"Trained in {version.info.get('seconds', 0):,.0f} s, seed {version.info.get('seed', 'not known')}.",
    ]
    return Section("Recipe and lineage", text, tables={"Settings of the training": settings})


def _training(version: ModelVersion) -> Section:
    points = pd.DataFrame([point for point in version.curve if "value" in point])
    if points.empty:
        return Section("Training", ["This version kept no curve of validation metrics."])
    by_epoch = points.pivot_table(index="epoch", columns="task", values="value")
    metrics = points.groupby("task")["metric"].last().to_dict()
    named = {task: f"{title(str(task))} · {METRICS.get(metric, metric)}" for task, metric in metrics.items()}
    curves = Bars(
        "Validation metric by epoch",
        [f"epoch {epoch}" for epoch in by_epoch.index],
        {named[task]: by_epoch[task].tolist() for task in by_epoch.dropna(axis=1)},  # a bar of 0 would be a figure; the table has the rest
    )
    told = by_epoch.rename(columns=named).map(_figure_alone).reset_index(names="Epoch").rename_axis(columns=None)
    text = "Each task's own metric on the validation rows after each epoch; the weights with the best geometric mean of all are kept."
    return Section("Training", [text], [curves], {"Validation metric by epoch": told})


def _figure_alone(value: float) -> str:
    return _figure(value, float("nan"), float("nan"))


def lineage(store: Store, version: ModelVersion) -> list[str]:
    """The version and the parents it was made from, as far back as they are known."""
    known = {v.id: v for v in Registry(store.home).versions()}
    line, at = [version.id], version.info.get("parent")
    while at and at not in line:
        line.append(str(at))
        at = known[at].info.get("parent") if at in known else None
    return line


def _left_out(measured: dict[str, Any]) -> list[str]:
    return [f"Not learned: {title(task)} ({reason})." for task, reason in measured.get("left_out", {}).items()]


def _commands(version: ModelVersion) -> list[str]:
    info = version.info
    tasks = ",".join(version.metrics.get("tasks", {}))
    weights = version.manifest.get("files", {}).get("model.safetensors", "not known")
    made = (
        f"workbench train --recipe {info.get('recipe', 'laptop')} --tasks {tasks}"
        if info.get("kind") != "finetune"
        else f"workbench finetune FILE.csv --task {info.get('task')} --train {info.get('train')} (on {info.get('parent') or 'the base'})"
    )
    return [
        f"With the data version {info.get('data_version')} in the home and the same base: {made}",
        f"Its figures again, and those that take longer: workbench evaluate {version.id} --rivals all --robustness",
        f"SHA-256 of its weights, model.safetensors: {weights}",
    ]


# -- figures ---------------------------------------------------------------------------------------


def _worded(every: pd.DataFrame) -> pd.DataFrame:
    ours = [_figure(value, low, high) for value, low, high in every[["value", "low", "high"]].to_numpy(float)]
    paired = every[["difference", "difference_low", "difference_high"]].to_numpy(float)
    differences = [_figure(value, low, high, "+") for value, low, high in paired]
    return pd.DataFrame(
        {
            "Task": every["task"],
            "Metric": every["metric"],
            "By": every["by"],
            "Figure and interval": ours,
            "n": every["n"],
            "This version's difference": differences,
            "This version is": every["verdict"],
        }
    )


def _figure(value: float, low: float, high: float, sign: str = "") -> str:
    if pd.isna(value):
        return "–"
    return f"{value:{sign}.3f}" if pd.isna(low) else f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def _its(its: dict[str, Any], sign: str = "") -> str:
    return _figure(its["value"], its["low"], its["high"], sign)


def _robustness(measured: dict[str, Any]) -> Section:
    noise, elsewhere = noise_table(measured), elsewhere_table(measured)
    if noise.empty and elsewhere.empty:
        return Section("Robustness", ["Not measured yet: workbench evaluate --robustness"])
    return Section("Robustness", tables={"Under noise": noise, "On the reviews of another shop": elsewhere})


def _calibration(measured: dict[str, Any]) -> Section:
    errors = {title(task): found["metrics"].get("ece", {}) for task, found in measured.get("tasks", {}).items()}
    columns = ["Mean probability", "Share that was right", "Rows"]
    tables = {
        f"{task}: calibration error {_its(error)}": pd.DataFrame(
            [(_figure_alone(sure), _figure_alone(hit), f"{rows:,}") for sure, hit, rows in error["bins"]], columns=columns
        )
        for task, error in errors.items()
        if error.get("bins")
    }
    if not tables:
        return Section("Calibration", ["No task's probabilities were measured."])
    return Section("Calibration", ["An honest probability of 0.8 is right in 8 rows of 10."], tables=tables)


def noise_table(measured: dict[str, Any]) -> pd.DataFrame:
    """One row for each task, noise and metric: the figure under noise, the paired change, what can be said of it."""
    rows = [
        (
            title(task),
            NOISES.get(noise, noise),
            METRICS.get(metric, metric),
            _its(its["metrics"][metric]),
            lost["n"],
            _its(lost, "+"),
            said(lost, metric),
        )
        for task, found in measured.get("tasks", {}).items()
        for noise, its in found.get("noise", {}).items()
        for metric, lost in its["differences"].items()
    ]
    return pd.DataFrame(rows, columns=["Task", "Noise", "Metric", "Figure and interval", "n", "Change", "It is"])


def elsewhere_table(measured: dict[str, Any]) -> pd.DataFrame:
    """One row for each other shop, task, metric and method measured there."""
    rows = [
        (shop, title(task), METRICS.get(metric, metric), figures.BASELINES.get(by, by), _its(figure), figure["n"])
        for task, found in measured.get("tasks", {}).items()
        for shop, its in found.get("elsewhere", {}).items()
        for by, told in {figures.MODEL: its["metrics"], **its["baselines"]}.items()
        for metric, figure in told.items()
    ]
    return pd.DataFrame(rows, columns=["Shop", "Task", "Metric", "By", "Figure and interval", "n"])


def _fairness(measured: dict[str, Any]) -> Section:
    table = groups_table(measured)
    if table.empty:
        return Section("Fairness", ["The shop's rows form no two groups of 20 test rows or more that could be compared."])
    gaps = [
        f"{title(task)} by {WAYS.get(way, way)}: from {told['gap']['lowest']} to {told['gap']['highest']} a gap of {_its(told['gap'])}."
        for task, found in measured["tasks"].items()
        for way, told in found.get("groups", {}).items()
    ]
    return Section("Fairness", gaps, tables={"By group": table})


def compared_by(told: dict[str, Any]) -> str:
    """The metric that groups are compared by, in words; over which labels where not all are in each group."""
    metric, labels, names = str(METRICS.get(told["metric"], told["metric"])), told.get("labels", 0), told.get("compared", [])
    if labels >= told.get("of", 0):
        return metric
    which = f": {', '.join(str(name)[:LONGEST_NAME] for name in names)}" if 0 < len(names) <= MOST_NAMED else ""
    return f"{metric} over the {labels} of {told['of']} labels that each has{which}"


def groups_table(measured: dict[str, Any]) -> pd.DataFrame:
    """One row for each task, way to group and group: its figure, n, the difference to all other rows."""
    rows: list[tuple[Any, ...]] = []
    for task, found in measured.get("tasks", {}).items():
        for way, told in found.get("groups", {}).items():
            metric = told["metric"]
            for name, its in told["groups"].items():
                head = (title(task), WAYS.get(way, way), name, compared_by(told))
                tail = (
                    (_its(its), its["n"], _its(its["rest"], "+"), said(its["rest"], metric))
                    if "rest" in its
                    else ("too few rows to tell", its["n"], "–", "")
                )
                rows.append((*head, *tail))
    return pd.DataFrame(rows, columns=["Task", "By", "Group", "Metric", "Figure and interval", "n", "Difference to the rest", "It is"])
