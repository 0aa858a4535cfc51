"""What a run read and kept to go on from is gone when it ends: a home does not grow by gigabytes with every measurement."""

import pytest

from workbench.encoder.__main__ import main
from workbench.errors import WorkbenchError
from workbench.jobs.worker import sweep
from workbench.run import Run

READ = ("features.f16", "earlier_features.f16", "other_features.f16", "process-1/features.f16")
KEPT = ("alone_sentiment/checkpoint.safetensors", "base/model.safetensors")


def leave(folder):
    """What an evaluation writes."""
    for name in (*READ, *KEPT):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(10))


def there(folder, names):
    return [name for name in names if (folder / name).exists()]


@pytest.mark.parametrize("fails", [False, True])
def test_an_evaluation_leaves_only_what_it_could_go_on_from(home, monkeypatch, fails):
    def evaluate(home, run, version, asked):
        leave(run.folder)
        if fails:
            raise WorkbenchError("It failed.", "Try again.")
        return {"version": version}

    monkeypatch.setattr("workbench.encoder.judge.evaluate_version", evaluate)
    run = Run.create(home, "evaluate", {"version": "v1"})
    assert main(str(run.folder)) == (2 if fails else 0)
    assert there(run.folder, READ) == [] and there(run.folder, KEPT) == (list(KEPT) if fails else [])


def test_what_killed_runs_read_is_swept_and_the_run_s_own_stays(home):
    killed, own = (Run.create(home, "evaluate", {}) for _ in range(2))
    for run in (killed, own):
        leave(run.folder)
    sweep(home, own)
    assert there(killed.folder, READ) == [] and there(killed.folder, KEPT) == list(KEPT)
    assert there(own.folder, READ) == list(READ)
