"""The encoder's process: `python -m workbench.encoder <run folder>` trains or measures what the run's spec asks for.

Several processes share it when torchrun starts them. Writes `encoder.json` with the result, or
`encoder_error.json` with problem, fix and state.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

from workbench.encoder.follower import joined
from workbench.errors import Cancelled, WorkbenchError
from workbench.files import write_json
from workbench.home import Home, disk_full
from workbench.run import Run


def work(run: Run) -> dict[str, Any]:
    """Do what the spec says: kind "train", "finetune", "tune", "embed" or "evaluate"."""
    from workbench.encoder.finetune import finetune_version
    from workbench.encoder.make import train_version
    from workbench.encoder.recipe import Recipe, recipe

    spec = run.spec
    home = Home.find(spec["home"])
    if spec["kind"] == "evaluate":
        return evaluated(home, run)
    named = spec.get("recipe") or ("finetune" if spec["kind"] == "finetune" else "laptop")
    chosen = Recipe.of(spec["settings"]) if spec.get("settings") else recipe(home, named)
    snapshot = Path(spec["snapshot"])
    if spec["kind"] == "train":
        return train_version(home, run, snapshot=snapshot, recipe=chosen, only=spec.get("tasks"))
    if spec["kind"] == "embed":
        from workbench.encoder.later import embed_later

        return embed_later(home, run, snapshot=snapshot, version=spec["version"])
    if spec["kind"] == "tune":
        from workbench.encoder.tune import tune_recipe

        return tune_recipe(home, run, snapshot=snapshot, recipe=chosen, only=spec.get("tasks"), trials=spec["trials"])
    return finetune_version(
        home,
        run,
        snapshot=snapshot,
        recipe=chosen,
        parent=spec.get("parent"),
        task=spec["task"],
        choice=spec.get("train") or "top",
        upload=spec["upload"],
        tasks=spec.get("tasks") or (),
    )


def evaluated(home: Home, run: Run) -> dict[str, Any]:
    """Measure more of a version that is there; what a resumed run would have gone on from is not kept once all is measured."""
    from workbench.encoder.judge import Asked, evaluate_version
    from workbench.encoder.singly import forget

    spec = run.spec
    asked = Asked(tuple(spec.get("rivals") or ()), bool(spec.get("robustness")), spec.get("other"), spec.get("against"))
    known = evaluate_version(home, run, spec["version"], asked)
    forget(run.folder)
    return known


def explain(error: BaseException, run: Run) -> tuple[str, str, str]:
    """(problem, fix, state) of whatever ended the work; the state "fault" where nobody foresaw it, "interrupted" where it came from
    outside."""
    if isinstance(error, Cancelled):
        return "The run was cancelled; nothing was published.", "Start it again when you like.", "cancelled"
    if isinstance(error, WorkbenchError):
        return error.problem, error.fix, "failed"
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"The memory did not suffice: {error}", "Lower batch_texts or max_length in the recipe, or free memory.", "interrupted"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return *disk_full(Home.find(run.spec["home"])), "interrupted"
    return f"The encoder failed: {type(error).__name__}: {error}", "The end of the run's log.txt holds the details.", "fault"


def main(folder: str) -> int:
    """Run the folder's work; 0 when it was done."""
    run = joined(Path(folder))
    try:
        write_json(run.folder / "encoder.json", work(run))
        return 0
    except BaseException as error:
        problem, fix, state = explain(error, run)
        write_json(run.folder / "encoder_error.json", {"problem": problem, "fix": fix, "state": state})
        if not isinstance(error, WorkbenchError | Cancelled):
            raise
        return 2
    finally:
        for readings in run.folder.rglob("*.f16"):
            readings.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
