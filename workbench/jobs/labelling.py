"""A table of texts with a task's labels beside it, and how right they are where the table knows better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.insights.distinctive import wilson
from workbench.jobs.inference import Predictions

ADDED = ("predicted", "probability", "abstain")


def names_beside(frame: pd.DataFrame) -> tuple[str, str, str]:
    """What the columns of the label, its probability and abstain are called beside `frame`: `ADDED`, numbered where it has one of them."""
    taken, number, names = set(frame.columns), 1, ADDED
    while taken & set(names):
        number += 1
        names = (f"predicted_{number}", f"probability_{number}", f"abstain_{number}")
    return names


def labelled(frame: pd.DataFrame, found: Predictions) -> pd.DataFrame:
    """A copy of `frame` with columns called as `names_beside` says, and no other changed.

    They hold the label, its probability and whether to abstain, because the text is like nothing learned.
    """
    rows = np.arange(len(frame))
    sure = found.probabilities[rows, found.shown] if len(frame) else np.zeros(0)
    labels, shares = [found.labels[i] for i in found.shown], [round(float(p), 4) for p in sure]
    return frame.assign(**dict(zip(names_beside(frame), (labels, shares, found.abstain.tolist()), strict=True)))


def measured(truth: Sequence[str], found: Predictions) -> dict[str, dict[str, float]]:
    """How right the labels are over the rows that have one which the version knows: value, low, high, n of each share.

    `accuracy` of all, `accuracy_answered` of those that do not abstain, `abstained`; Wilson's intervals at 95 %. Raises
    WorkbenchError where no row has such a label.
    """
    place = {label: i for i, label in enumerate(found.labels)}
    rows = np.array([i for i, label in enumerate(truth) if label in place], np.int64)
    if not len(rows):
        known = ", ".join(found.labels[:20])
        raise WorkbenchError(f"No row has a label that this version knows; it knows: {known}.", "Name the column of the labels.")
    hit = np.array([place[truth[i]] for i in rows]) == found.shown[rows]
    silent = found.abstain[rows]
    return {"accuracy": _share(hit), "accuracy_answered": _share(hit[~silent]), "abstained": _share(silent)}


def _share(hit: np.ndarray) -> dict[str, float]:
    n = len(hit)
    low, high = wilson(float(hit.sum()), n) if n else (float("nan"), float("nan"))
    return {"value": float(hit.mean()) if n else float("nan"), "low": low, "high": high, "n": n}
