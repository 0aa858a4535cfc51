import json
import os
import subprocess
from pathlib import Path

import pytest
from small_shop import make_home
from tiny_base import tiny_base

from workbench.jobs.child import ENCODER, several
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "epochs = 2\npatience = 2\nuser_passes = 4\nmax_length = 16\nbatch_users = 32\n"


@pytest.mark.slow
def test_two_processes_train_one_version_with_weights_alike(tmp_path):
    home = make_home(tmp_path, reviews=False)
    (home.models / "recipes" / "short.toml").write_text(f'base = "{tiny_base(tmp_path / "base")}"\n{RECIPE}')
    with Store.open(home) as store:
        snapshot = store.snapshot()
    run = Run.create(home, "train", {"snapshot": str(snapshot), "recipe": "short", "tasks": ["category", "next_item"]})
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*several(ENCODER, 2), str(run.folder)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((run.folder / "encoder.json").read_text())
    assert [version.id for version in Registry(home).versions()] == [result["version"]]
    leader, follower = (measured(folder) for folder in (run.folder, run.folder / "process-1"))
    assert leader == pytest.approx(follower, abs=1e-6) and len(leader) == 4
    losses = [point["loss"] for point in curve(run.folder) if "loss" in point]
    assert losses != [point["loss"] for point in curve(run.folder / "process-1") if "loss" in point], "each reads batches of its own"


def test_one_process_begins_by_itself():
    assert several(ENCODER, 1) == ENCODER


def curve(folder):
    return Run(folder).curve()


def measured(folder):
    return {(point["epoch"], point["task"]): point["value"] for point in curve(folder) if "value" in point}
