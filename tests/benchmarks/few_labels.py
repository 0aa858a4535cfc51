"""A fine-tuning on few rows for each label, beside a logistic regression on what the untrained base reads.

    python tests/benchmarks/few_labels.py --train FILE [--test FILE] --text COL --label COL [--each 8 | --rows N] [--seeds 5] [--json]

For each seed so many rows of each label, or so many rows, are drawn from FILE (all with --each 0) and taught by `workbench
finetune` (--recipe NAME), in an empty home, with what it recommends; `workbench predict` then labels the test file, or without
one the fifth of FILE that a hash of the text holds out. Rows without a text or a label are left out. The rivals learn from the
same rows: a logistic regression of a fixed strength (`frozen_logistic`), and of the strength that is best by cross-validation
within these rows, by accuracy (`frozen_by_accuracy`) or, its labels balanced, by macro F1 (`frozen_balanced`); with --setfit
(`pip install setfit`) so does SetFit, on the pairs of its paper. With --withhold N so many labels are taught to nobody, and it is
told of how many of their test rows `predict` says that they are unlike all it has learned, and of how many others.
One JSON document on stdout, progress on stderr.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.fast import FastLayers
from workbench.encoder.features import read_all
from workbench.encoder.metrics import Metric, bootstrap, macro_f1, mean
from workbench.encoder.recipe import DEFAULT_BASE
from workbench.tasks.tables import read_table

TASK = "label_of_text"
STRENGTHS, FOLDS = (0.1, 1.0, 10.0, 100.0), 5
PAIRS = 20  # of each kind for each text that SetFit learns from, as in its paper (Tunstall and others 2022)


def asked(parser: argparse.ArgumentParser, **otherwise: int) -> argparse.Namespace:
    """The arguments, with those that say which rows of a file are drawn; `otherwise` each or rows where neither is given."""
    parser.add_argument("--text", required=True, metavar="COLUMN")
    parser.add_argument("--label", required=True, metavar="COLUMN")
    said = " or ".join(f"{name} {value}" for name, value in otherwise.items())
    parser.add_argument("--each", type=int, metavar="N", help=f"rows of each label, 0 for all ({said})")
    parser.add_argument("--rows", type=int, metavar="N", help="of all labels as they come, instead of --each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.each is None and given.rows is None:
        vars(given).update(otherwise)
    return given


def drawn(frame: pd.DataFrame, label: str, each: int | None, seed: int, rows: int | None = None) -> pd.DataFrame:
    """So many random `rows`, or so many of each label; all of a label that has fewer, or where `each` is 0."""
    mixed = frame.sample(frac=1, random_state=seed)
    if rows:
        return mixed.head(rows)
    return mixed.groupby(label).head(each) if each else frame


def held_out(frame: pd.DataFrame, text: str) -> pd.Series:
    """Which rows a hash of the text holds out, a fifth of them."""
    return frame[text].map(lambda said: hashlib.sha256(said.encode()).digest()[0] < 51)


def begun(*words: str) -> subprocess.Popen[str]:
    """A command of the workbench that prints JSON to a pipe."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "import sys; from workbench.cli import main; sys.exit(main())", *words, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a command printed; SystemExit where it failed, which it has said itself."""
    said, _ = process.communicate()
    if process.returncode:
        sys.exit(process.returncode)
    found: dict[str, Any] = json.loads(said)
    return found


def workbench(*words: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    return ended(begun(*words))


def finetuned(rows: pd.DataFrame, test: Path, given: argparse.Namespace) -> tuple[pd.DataFrame, float]:
    """What a fine-tuned version says of the rows of the test file, and the seconds that fine-tuning took."""
    columns = ["--task", TASK, "--text", given.text]
    with tempfile.TemporaryDirectory() as folder:
        taught, out, home = Path(folder) / "taught.csv", Path(folder) / "out.csv", Path(folder) / "home"
        rows[[given.text, given.label]].to_csv(taught, index=False)
        home.mkdir()
        began = time.monotonic()
        made = workbench("finetune", str(taught), *columns, "--label", given.label, "--recipe", given.recipe, "--home", str(home))
        seconds = time.monotonic() - began
        workbench("predict", str(test), *columns, "--version", made["version"], "--out", str(out), "--home", str(home))
        return pd.read_csv(out, dtype=str, keep_default_na=False), seconds


def embedded(texts: list[str]) -> np.ndarray:
    """What the untrained base reads, rows of length 1, (texts, width)."""
    backbone = Backbone(find_base(DEFAULT_BASE), top_layers=0, max_length=96)
    found = np.concatenate(list(read_all(backbone, texts, FastLayers(backbone, "bf16"), "review")))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def regressions(known: np.ndarray, labels: pd.Series, asked: np.ndarray) -> dict[str, np.ndarray]:
    """The labels of `asked` (rows, width) by logistic regressions on `known`, their strength fixed or by cross-validation in it."""
    made = {"frozen_logistic": LogisticRegression(max_iter=2000, C=10).fit(known, labels).predict(asked)}
    folds = min(FOLDS, int(labels.value_counts().min()))
    if folds > 1:
        for name, weight, by in (("frozen_by_accuracy", None, "accuracy"), ("frozen_balanced", "balanced", "f1_macro")):
            tried = GridSearchCV(LogisticRegression(max_iter=2000, class_weight=weight), {"C": STRENGTHS}, cv=folds, scoring=by)
            made[name] = tried.fit(known, labels).predict(asked)
    return made


def setfit_labels(rows: pd.DataFrame, asked: list[str], given: argparse.Namespace, seed: int) -> np.ndarray:
    """The labels that SetFit gives, (asked,): the same base learns from pairs whether they are alike, then a logistic regression."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    names, target = np.unique(rows[given.label], return_inverse=True)
    taught = Dataset.from_dict({"text": rows[given.text].tolist(), "label": target.tolist()})
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        how = TrainingArguments(folder, num_iterations=PAIRS, seed=seed, save_strategy="no", report_to="none", show_progress_bar=False)
        trainer = Trainer(SetFitModel.from_pretrained(str(find_base(DEFAULT_BASE))), how, train_dataset=taught)
        trainer.train()
        found = trainer.model.predict(asked, show_progress_bar=False)
    return np.asarray(names[np.asarray(found, np.int64)])


def rows_of(path: Path, given: argparse.Namespace) -> pd.DataFrame:
    """The rows of a file that have a text and a label."""
    columns = [given.text, given.label]
    frame = read_table(path).frame.fillna("").astype(str)
    return frame[(frame[columns] != "").all(axis=1)].reset_index(drop=True)


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Accuracy and macro F1 of all over the seeds, with the paired gain on the same test rows, and of each seed."""
    train = rows_of(given.train, given)
    held = held_out(train, given.text) if given.test is None else np.zeros(len(train), bool)
    test = train[held] if given.test is None else rows_of(given.test, given)
    withheld = np.random.default_rng(0).permutation(sorted(set(train[given.label])))[: given.withhold]
    train, asked_file = train[~held & ~train[given.label].isin(withheld)].reset_index(drop=True), folder / "asked.csv"
    strange = test[given.label].isin(withheld)
    pd.concat([test[~strange], test[strange]])[[given.text]].to_csv(asked_file, index=False)
    test = test[~strange]
    known, asked = (embedded(frame[given.text].tolist()) for frame in (train, test))
    names, truth = np.unique(test[given.label], return_inverse=True)
    place = {name: at for at, name in enumerate(names)}
    shown: dict[str, list[np.ndarray]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    silent: dict[str, list[np.ndarray]] = defaultdict(list)
    for seed in range(given.seeds):
        rows = drawn(train, given.label, given.each, seed, given.rows)
        said, took = finetuned(rows, asked_file, given)
        ours, abstains = said["predicted"].to_numpy()[: len(test)], (said["abstain"] == "True").to_numpy()
        silent["taught"].append(abstains[: len(test)])
        silent["withheld"].append(abstains[len(test) :])
        labels = {"finetuned": ours, **regressions(known[train.index.get_indexer(rows.index)], rows[given.label], asked)}
        seconds["finetuned"].append(round(took, 1))
        if given.setfit:
            began = time.monotonic()
            labels["setfit"] = setfit_labels(rows, test[given.text].tolist(), given, seed)
            seconds["setfit"].append(round(time.monotonic() - began, 1))
        for name, of_test in labels.items():
            shown[name].append(np.array([place.get(label, len(names)) for label in of_test]))
        say(f"seed {seed}: {by_seed(shown, truth, seed)}, seconds {dict(seconds)}")
    return {
        "rows": len(rows),
        "labels": int(train[given.label].nunique()),
        "test_rows": len(test),
        "seconds": dict(seconds),
        "accuracy": compared({name: mean(np.mean([one == truth for one in found], axis=0)) for name, found in shown.items()}),
        "macro_f1": compared({name: f1_of(truth, found, len(names) + 1) for name, found in shown.items()}),
        "abstained": {name: mean(np.mean(found, axis=0)) for name, found in silent.items() if len(found[0])},
        "by_seed": [by_seed(shown, truth, seed) for seed in range(given.seeds)],
    }


def f1_of(truth: np.ndarray, shown: list[np.ndarray], labels: int) -> Metric:
    """The mean macro F1 of several seeds."""
    return bootstrap(lambda rows: float(np.mean([macro_f1(truth[rows], one[rows], labels) for one in shown])), len(truth))


def compared(found: dict[str, Metric]) -> dict[str, Any]:
    """The figures, and what fine-tuning gains over each rival on the same test rows."""
    ours = found["finetuned"]
    return {**found, "gain": {name: ours.minus(theirs) for name, theirs in found.items() if theirs is not ours}}


def by_seed(shown: dict[str, list[np.ndarray]], truth: np.ndarray, seed: int) -> dict[str, float]:
    """The accuracy of each."""
    return {name: round(float((found[seed] == truth).mean()), 4) for name, found in shown.items()}


def words(figure: dict[str, float]) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f})"


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="draws (5)")
    parser.add_argument("--recipe", default="finetune")
    parser.add_argument("--setfit", action="store_true", help="beside SetFit too, which takes minutes a draw")
    parser.add_argument("--withhold", type=int, default=0, metavar="N", help="labels that are taught to nobody (0)")
    given = asked(parser, each=8)
    if given.setfit and find_spec("setfit") is None:
        parser.error("--setfit needs a package that is not installed: pip install setfit")
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given, Path(folder))
    if given.json:
        print(json.dumps(found))
        return 0
    for metric in ("accuracy", "macro_f1"):
        gains = found[metric].pop("gain")
        for name, figure in found[metric].items():
            print(f"{metric:9} {name:16} {words(figure)}" + (f"  fine-tuning's gain {words(gains[name])}" if name in gains else ""))
    for name, figure in found["abstained"].items():
        print(f"abstained {name:16} {words(figure)}")
    print(f"{found['rows']:,} rows of {found['labels']} labels, {found['test_rows']:,} test rows, seconds: {found['seconds']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
