"""A base from scratch beside characters' TF-IDF and the default base, on labelled texts in a language that no base reads.

    python tests/benchmarks/scratch.py --texts FILE --text COLUMN --label COLUMN [--recipe NAME] [--rows N] [--json]

Rows are split by a hash of the text. Rows used by none of the methods for learning are measured once. The TF-IDF has
characters and their pairs where a language writes no words apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.finetune import finetune_version
from workbench.encoder.legibility import legibility
from workbench.encoder.recipe import DEFAULT_BASE, recipe
from workbench.errors import WorkbenchError
from workbench.files import sha256
from workbench.home import Home
from workbench.run import Run
from workbench.shop.store import Store
from workbench.tasks.labelled import read_labelled, store_labels
from workbench.tasks.tables import read_table

TASK = "label_of_text"


def measure(given: argparse.Namespace, home: Home) -> dict[str, Any]:
    """The version's figures on the test rows, with those of its rivals and the paired differences."""
    frame = read_table(given.texts).frame
    if given.rows:
        frame = frame.sample(min(given.rows, len(frame)), random_state=0)
    labelled = read_labelled(frame, TASK, given.text, given.label)
    labelled.check()
    upload, chosen = sha256(given.texts), recipe(home, given.recipe)
    with Store.open(home) as store:
        store_labels(store, labelled, upload)
        snapshot = store.snapshot()
    run = Run.create(home, "finetune", {"snapshot": str(snapshot)})
    run.report = lambda done, step: print(f"{done:4.0%}  {step}", file=sys.stderr)
    made = finetune_version(home, run, snapshot=snapshot, recipe=chosen, parent=None, task=TASK, choice="all", upload=upload)
    default = Backbone(find_base(DEFAULT_BASE), top_layers=0, max_length=chosen.max_length)
    read = legibility(default, [text for text, _ in labelled.rows])
    return {
        "rows": len(labelled.rows),
        "recipe": chosen.asdict(),
        "seed": chosen.seed,
        "seconds": made["seconds"],
        "legibility": made["legibility"],
        "task": made["tasks"][TASK],
        "masked_words": made["tasks"].get("masked_words"),
        "default_base": {**read.asdict(), "warning": read.warning()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--recipe", default="scratch")
    parser.add_argument("--rows", type=int, help="a random sample of so many rows")
    parser.add_argument("--home", type=Path, help="keep the shop and its version here")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = measure(given, Home.find(given.home or folder).make())
        except (WorkbenchError, FileNotFoundError) as error:
            print(error, file=sys.stderr)
            return 2
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    figures = {"this recipe": found["task"]["metrics"], **found["task"]["baselines"]}
    for name, its in figures.items():
        told = [f"{metric} {v['value']:.4f} ({v['low']:.4f} to {v['high']:.4f})" for metric, v in its.items()]
        print(f"{name}: {', '.join(told)}")
    print(f"{found['rows']:,} rows, {found['seconds']:.0f} s. {found['default_base']['warning'] or 'The default base reads these texts.'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
