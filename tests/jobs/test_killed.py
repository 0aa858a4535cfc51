"""Fault 19: whatever is killed with SIGKILL in mid-work leaves the old state or the new one, opens again and can be taken up."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from joint_space import fill, publish
from small_shop import make_home

from workbench import jobs
from workbench.cli import main
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.schema import TABLES
from workbench.shop.space import Space
from workbench.shop.store import Store

HERE = Path(__file__).parent
DIE, FAKE = str(HERE / "die_at.py"), str(HERE / "fake_encoder.py")
ROWS = 20_000
SECONDS = 90


def dying(moment, program, *arguments):
    """Run a program until it is killed at its moment."""
    ended = subprocess.run([sys.executable, DIE, moment, program, *arguments], capture_output=True, text=True, timeout=SECONDS)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def told(home, capsys, *verb):
    """What the command line prints as JSON."""
    capsys.readouterr()
    assert main(["--home", str(home.root), "--json", *verb]) == 0
    return json.loads(capsys.readouterr().out)


def is_free(lock: Path):
    with FileLock(lock, timeout=0):
        return True


# -- imports ---------------------------------------------------------------------------------------


@pytest.fixture
def reviews(tmp_path):
    """A file that is imported into a shop that has something already."""
    path = tmp_path / "reviews.csv"
    lines = (f"new{i},p{i % 50},user{i % 900},{1 + i % 5},words of review {i},2024-05-01" for i in range(ROWS))
    path.write_text("review_id,product_id,user_id,rating,body,created_at\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def shop(home):
    with Store.open(home) as store:
        fill(store)
        return home, store.data_version, store.counts()


def whole(home, capsys, shop):
    """Whether the second import is there; it is there whole or not at all."""
    _, version, before = shop
    now = told(home, capsys, "status")
    if now["data_version"] == version:
        assert now["tables"] == before
        return False
    assert now["data_version"] == version + 1
    assert now["tables"]["reviews"] == before["reviews"] + ROWS and now["tables"]["users"] == before["users"] + 900
    return True


@pytest.mark.parametrize(("moment", "arrived"), [("file copied", False), ("rows taken in", False), ("committed", True)])
def test_a_killed_import_is_there_whole_or_not_at_all(shop, reviews, capsys, moment, arrived):
    home = shop[0]
    dying(moment, "workbench.cli", "--home", str(home.root), "import", str(reviews))
    assert whole(home, capsys, shop) == arrived
    assert list(home.uploads.iterdir()) == []
    told(home, capsys, "import", str(reviews))
    assert whole(home, capsys, shop)


CHANGES = """
import json, os, signal, sys
from pathlib import Path
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.importers import undo
from workbench.shop.schema import TABLES
from workbench.shop.store import Store
from workbench.tasks.labelled import read_labelled, store_labels
import pandas as pd

home, folder = Home.find(sys.argv[1]), Path(sys.argv[2])
store = Store.open(home)

def take(rows, **how):
    path = folder / "rows.csv"
    path.write_text("review_id,product_id,user_id,rating,body,colour,created_at\\n" + "".join(rows))
    importers.import_files(store, [path], **how)

for change in sys.argv[3].split():
    if change == "add":
        take(f"w{i},p{i % 9},v{i % 7},{1 + i % 5},words {i},red,2024-05-01\\n" for i in range(3000))
    elif change == "change":
        take(f"w{i},p{i % 9},v{i % 7},{1 + (i + 1) % 5},others {i},blue,2024-05-02\\n" for i in range(0, 3000, 2))
    elif change == "replace":
        take((f"x{i},p{i % 9},v{i % 7},{1 + i % 5},new {i},red,2024-05-03\\n" for i in range(500)), replacing=True)
    elif change == "undo":
        undo.take_back(store)
    else:
        frame = pd.DataFrame({"said": [f"text {i}" for i in range(40)], "mood": [change, "b"] * 20})
        store_labels(store, read_labelled(frame, "tone", "said", "mood"), "abc")
told = {name: store.value(f"SELECT md5(string_agg(t::VARCHAR, '|' ORDER BY t::VARCHAR)) FROM {name} t") for name in TABLES}
print(json.dumps(told), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    "changes", ["add", "add change", "add undo", "add change undo", "add replace", "add replace undo", "good bad", "add good add"]
)
def test_what_was_committed_is_read_from_the_log_after_a_kill(shop, tmp_path, changes):
    home = shop[0]
    command = [sys.executable, "-c", CHANGES, str(home.root), str(tmp_path), changes]
    ended = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=SECONDS)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert home.shop_file.with_name("shop.duckdb.wal").exists(), "it was not checkpointed"
    for _ in range(2):
        with Store.open(home) as store:
            now = {name: store.value(f"SELECT md5(string_agg(t::VARCHAR, '|' ORDER BY t::VARCHAR)) FROM {name} t") for name in TABLES}
        assert now == json.loads(ended.stdout)


def test_an_import_killed_while_its_commit_is_written(shop, reviews, capsys):
    home = shop[0]
    log = home.shop_file.with_name("shop.duckdb.wal")
    assert not log.exists()
    command = [sys.executable, "-m", "workbench.cli", "--home", str(home.root), "import", str(reviews)]
    process = subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not log.exists():
        pass
    process.kill()
    process.wait()
    whole(home, capsys, shop)
    told(home, capsys, "import", str(reviews))
    assert whole(home, capsys, shop)


def test_a_killed_snapshot_is_no_snapshot(shop, capsys):
    home = shop[0]
    dying("snapshot made", "workbench.cli", "--home", str(home.root), "train")
    assert list(home.snapshots.glob("*.duckdb")) == []
    with Store.open(home) as store:
        assert list(home.snapshots.iterdir()) == []
        with Store.open_snapshot(home, store.snapshot()) as copy:
            assert copy.counts() == shop[2]


# -- publishing ------------------------------------------------------------------------------------


@pytest.fixture
def run(shop):
    home = shop[0]
    with Store.open(home) as store:
        return Run.create(home, "train", {"snapshot": str(store.snapshot()), "recipe": "laptop"})


def sound(home):
    """The ids of all versions, each whole; the active one answers."""
    registry = Registry(home)
    for version in registry.versions():
        version.verify()
    active = registry.active()
    if active is not None:
        with Store.open(home) as store:
            assert len(Space(store, active).vectors("products")[0]) == 12
    return {version.id for version in registry.versions()}


def failed(home, run, capsys):
    """The run is shown as failed, with a way on, and holds nothing any more."""
    shown = told(home, capsys, "status")["jobs"][0]
    assert shown["state"] == "failed" and shown["fix"]
    assert not run.alive() and is_free(home.runs / ".turn") and is_free(home.models / ".lock")


@pytest.mark.parametrize(
    ("moment", "published"), [("version written", 0), ("manifest due", 0), ("rename due", 0), ("renamed", 1)], ids=lambda value: str(value)
)
def test_a_killed_encoder_publishes_a_whole_version_or_none(shop, run, capsys, moment, published):
    home, old = shop[0], publish(shop[0])
    command = ["workbench.jobs.worker", str(run.folder), "--encoder", json.dumps([sys.executable, DIE, moment, FAKE, "train"])]
    assert subprocess.run([sys.executable, DIE, "never", *command], timeout=SECONDS).returncode == 2
    failed(home, run, capsys)
    assert "signal 9" in run.status().problem
    assert len(sound(home) - {old.id}) == published and Registry(home).active().id == old.id
    again = jobs.wait(jobs.resume(home, run.id, encoder=[sys.executable, FAKE, "train"]))
    assert again.state == "done" and again.result["version"] in sound(home) - {old.id}
    assert list(home.models.glob("*.partial")) == [] and Registry(home).active().id == old.id


@pytest.mark.parametrize(("moment", "active"), [("active due", False), ("active written", True), ("result due", True)])
def test_a_killed_worker_has_promoted_its_version_or_not(shop, run, capsys, moment, active):
    home = shop[0]
    encoder = [sys.executable, FAKE, "train"]
    dying(moment, "workbench.jobs.worker", str(run.folder), "--encoder", json.dumps(encoder))
    failed(home, run, capsys)
    assert "without a word" in run.status().problem
    made = sound(home)
    assert len(made) == 1 and (Registry(home).active() is not None) == active
    again = jobs.wait(jobs.resume(home, run.id, encoder=encoder))
    assert again.state == "done" and again.result["version"] == Registry(home).active().id
    assert sound(home) == made, "what was learned is not learned again"


@pytest.mark.parametrize(("moment", "moved"), [("active due", False), ("active written", True)])
def test_a_killed_promotion_and_a_killed_rollback(shop, capsys, moment, moved):
    home, old = shop[0], publish(shop[0])
    new = publish(home, parent=old.id, promote=False)
    dying(moment, "workbench.cli", "--home", str(home.root), "promote", new.id)
    assert Registry(home).active().id == (new.id if moved else old.id)
    assert told(home, capsys, "promote", new.id) == {"active": new.id}
    dying(moment, "workbench.cli", "--home", str(home.root), "rollback")
    assert Registry(home).active().id == (old.id if moved else new.id)
    assert sound(home) == {old.id, new.id} and is_free(home.models / ".lock")
    assert Registry(home).history()


# -- trainings -------------------------------------------------------------------------------------

OWNER = """
import sys, os
from workbench import jobs
from workbench.home import Home
from workbench.shop.store import Store
home = Home.find(sys.argv[1])
store = Store.open(home)
print(jobs.start(home, "train", {"snapshot": store.snapshot()}, encoder=sys.argv[2:]).id, flush=True)
sys.stdin.read()
"""


def test_a_training_outlives_the_killed_app(shop, capsys):
    home = shop[0]
    command = [sys.executable, "-c", OWNER, str(home.root), sys.executable, FAKE, "slow"]
    app = subprocess.Popen(command, cwd=HERE.parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    run = Run.find(home, app.stdout.readline().strip())
    until(lambda: run.status().progress.step == "slow")
    app.kill()
    app.wait()
    assert told(home, capsys, "status")["jobs"][0]["state"] == "running"
    jobs.cancel(home, run.id)
    assert jobs.wait(run).state == "cancelled"


@pytest.mark.slow
def test_a_killed_training_is_taken_up_again_and_ends(tmp_path, capsys):
    home = make_home(tmp_path)
    (home.models / "recipes" / "quick.toml").write_text("epochs = 1\nmax_length = 16\nuser_passes = 1\n")
    with Store.open(home) as store:
        run = jobs.start(home, "train", {"snapshot": store.snapshot(), "recipe": "quick"})
    for victim in (encoder_of, worker_of):
        until(lambda: "epoch 1" in run.status().progress.step)
        os.kill(victim(run), signal.SIGKILL)
        until(lambda: run.status().state == "failed")
        failed(home, run, capsys)
        assert Registry(home).versions() == [] and Registry(home).active() is None
        jobs.resume(home, run.id)
    done = jobs.wait(run)
    assert done.state == "done" and Registry(home).active().id == done.result["version"]
    Registry(home).active().verify()
    assert not (run.folder / "features.f16").exists() and list(home.models.glob("*.partial")) == []


def encoder_of(run):
    """The process id of the encoder that works on the run."""
    return _process("workbench.encoder", run)


def worker_of(run):
    return _process("workbench.jobs.worker", run)


def _process(module, run):
    for folder in Path("/proc").glob("[0-9]*"):
        words = (folder / "cmdline").read_bytes().decode().split("\0") if (folder / "cmdline").exists() else []
        if module in words and str(run.folder) in words:
            return int(folder.name)
    raise AssertionError(f"no process of {module}")
