"""Fault 19 without marked moments: what works on a shop is killed at twenty random ones; what is there is old or new, never mixed."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from joint_space import fill, publish

from workbench import jobs
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop import importers
from workbench.shop.importers import Chosen, Reading, commit
from workbench.shop.importers.handover import prepare, taken_over
from workbench.shop.space import Space
from workbench.shop.store import Store

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
DIE, FAKE = str(HERE / "die_at.py"), str(HERE / "fake_encoder.py")
ENCODER = [sys.executable, FAKE, "steady"]
SECONDS = 120
ROWS, MANY = 5000, 20_000
BATCH = 500
APP = """
import sys
from workbench.home import Home
from workbench.shop.store import Store
store = Store.open(Home.find(sys.argv[1]))
for batch in range(10**6):
    with store.transaction() as cursor:
        rows = "SELECT ? || '-' || i, 'words' FROM range(500) r(i)"
        cursor.execute("INSERT INTO reviews (review_id, body) " + rows, [f"{sys.argv[2]}-{batch}"])
    print(batch + 1, flush=True)
"""
TAKES_IN = """
import json, shutil, sys
from pathlib import Path
from workbench import jobs
from workbench.home import Home
from workbench.run import Run
from workbench.shop.importers import commit
from workbench.shop.importers.handover import taken_over
from workbench.shop.store import Store
home, file = Home.find(sys.argv[1]), Path(sys.argv[2])
store = Store.open(home)
copy = home.uploads / ("f" * 32 + ".upload")
shutil.copy(file, copy)
run = Run.create(home, "import", {"path": str(copy), "name": file.name, "reading": json.loads(sys.argv[3])})
print(run.id, flush=True)
status = jobs.wait(run)
commit(store, taken_over(Path(status.result["sheets"])))
copy.unlink()
"""


@pytest.fixture
def shop(home):
    with Store.open(home) as store:
        fill(store)
    return home


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def sound(home):
    """Every version is whole, the active one is among them and answers, nothing half-made is taken for a version."""
    registry = Registry(home)
    versions = {version.id for version in registry.versions()}
    for version in registry.versions():
        version.verify()
    active = registry.active()
    if active is not None:
        with Store.open(home) as store:
            assert len(Space(store, active).vectors("products")[0]) == 12
    return versions, active.id if active else None


def cli(home, *verb):
    command = [sys.executable, "-m", "workbench.cli", "--home", str(home.root), *verb]
    return subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds_of(home, *verb):
    began = time.monotonic()
    assert cli(home, *verb).wait(timeout=SECONDS) == 0
    return time.monotonic() - began


def killed_within(process, seconds, chance):
    """Kill at a random moment of so many seconds; whether it was done before."""
    time.sleep(chance.uniform(0, seconds))
    process.kill()
    return process.wait() == 0


@pytest.mark.parametrize("trial", range(7))
def test_the_worker_the_app_or_both_are_killed_while_a_version_is_made(shop, trial):
    home, chance = shop, random.Random(trial)
    with Store.open(home) as store:
        run = Run.create(home, "train", {"snapshot": str(store.snapshot()), "recipe": "laptop"})
    app = subprocess.Popen([sys.executable, "-c", APP, str(home.root), "new"], cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True)
    worker = [sys.executable, DIE, "never", "workbench.jobs.worker", str(run.folder), "--encoder", json.dumps(ENCODER)]
    work = subprocess.Popen(worker, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: (run.folder / "progress.json").exists() or work.poll() is not None)
    victims = {0: [work], 1: [app], 2: [work, app]}[trial % 3]
    time.sleep(chance.uniform(0, 3.0))
    for victim in victims:
        victim.send_signal(signal.SIGKILL)
    if work not in victims:
        assert work.wait(timeout=SECONDS) == 0, "the worker goes on without the app"
    work.wait()
    app.kill()
    acknowledged = len(app.stdout.read().split())
    app.wait()
    until(lambda: run.status().state in ("done", "failed"))
    versions, active = sound(home)
    assert len(versions) <= 1 and (active is None or active in versions)
    with Store.open(home) as store:
        rows = store.value("SELECT count(*) FROM reviews WHERE starts_with(review_id, 'new-')")
    assert rows % BATCH == 0 and rows // BATCH in (acknowledged, acknowledged + 1)
    if run.status().state == "failed":
        assert run.status().fix
        done = jobs.wait(jobs.resume(home, run.id, encoder=ENCODER))
        assert done.state == "done" and done.result["version"] in sound(home)[0]
    assert sound(home)[1] is not None and not list(home.models.glob("*.partial"))


def test_an_import_is_killed_at_any_moment(shop, tmp_path, capsys):
    home, chance, took = shop, random.Random(2), 6.0
    for trial in range(7):
        path = tmp_path / f"reviews{trial}.csv"
        lines = (f"new{trial}-{i},p{i % 50},{1 + i % 5},words of review {i},2024-05-01" for i in range(ROWS))
        path.write_text("review_id,product_id,rating,body,created_at\n" + "\n".join(lines) + "\n")
        killed_within(cli(home, "import", str(path)), took, chance)
        assert imported(home, trial) in (0, ROWS)
        capsys.readouterr()
        assert main(["--home", str(home.root), "import", str(path)]) == 0
        assert imported(home, trial) == ROWS and list(home.uploads.glob("*.partial")) == []


def test_the_process_that_reads_a_large_file_is_killed_at_any_moment(shop, tmp_path):
    home, chance = shop, random.Random(4)
    path = tmp_path / "reviews.csv"
    lines = (f"new0-{i},p{i % 50},{1 + i % 5},words of review {i},2024-05-01" for i in range(ROWS))
    path.write_text("review_id,product_id,rating,body,created_at\n" + "\n".join(lines) + "\n")
    spec = {"home": str(home.root), "path": str(path), "name": path.name, "reading": asdict(Reading())}
    killed = 0
    with Store.open(home) as store:
        before = store.counts()
        for _ in range(6):
            run = Run.create(home, "import", spec)
            work = subprocess.Popen([sys.executable, "-m", "workbench.jobs.worker", str(run.folder)], cwd=HERE.parents[1])
            until(lambda run=run, work=work: (run.folder / "progress.json").exists() or work.poll() is not None)
            killed += not killed_within(work, 1.5, chance)
            status = run.status()
            assert status.state in ("done", "failed") and store.counts() == before
            if status.state == "failed":
                assert status.fix and not run.alive()
                status = jobs.wait(jobs.resume(home, run.id))
            staged = taken_over(Path(status.result["sheets"]))
            staged.sheets[0].discard()
        assert killed
        again = jobs.wait(jobs.start(home, "import", spec))
        commit(store, taken_over(Path(again.result["sheets"])))
        assert store.value("SELECT count(*) FROM reviews WHERE starts_with(review_id, 'new0-')") == ROWS
    with Store.open(home):
        assert list(home.uploads.iterdir()) == []


def take_in(home, tmp_path, trial):
    """(the file, the app that takes it in, the process that reads it, its run), both at work."""
    path = tmp_path / f"reviews{trial}.csv"
    lines = (f"new{trial}-{i},p{i % 50},{1 + i % 5},words of review {i},2024-05-01" for i in range(MANY))
    path.write_text("review_id,product_id,rating,body,created_at\n" + "\n".join(lines) + "\n")
    command = [sys.executable, "-c", TAKES_IN, str(home.root), str(path), json.dumps(asdict(Reading()))]
    app = subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    run = Run.find(home, app.stdout.readline().strip())
    reader = subprocess.Popen([sys.executable, "-m", "workbench.jobs.worker", str(run.folder)], cwd=HERE.parents[1])
    until(lambda: (run.folder / "progress.json").exists() or reader.poll() is not None)
    return path, app, reader, run


def test_the_app_that_takes_in_a_large_file_its_reader_or_both_are_killed(shop, tmp_path):
    home, chance, states = shop, random.Random(5), set()
    _, app, reader, _ = take_in(home, tmp_path, 0)
    began = time.monotonic()
    assert (reader.wait(timeout=SECONDS), app.wait(timeout=SECONDS)) == (0, 0) and imported(home, 0) == MANY
    took = time.monotonic() - began
    for trial in range(1, 10):
        path, app, reader, run = take_in(home, tmp_path, trial)
        time.sleep(took * (trial - 1 + chance.random()) / 9)  # random, and spread over all that happens
        victims = ([app], [reader], [app, reader])[trial % 3]
        for victim in victims:
            victim.kill()
        if app not in victims:
            app.wait(timeout=SECONDS)
        app.wait()
        with Store.open(home) as store:  # a reader whose app was killed may be at work yet
            reader.wait(timeout=SECONDS)
            status = run.status()
            states.add(status.state)
            assert status.state == "done" or (status.state == "failed" and status.problem and status.fix and not run.alive())
            assert rows_of(store, trial) in (0, MANY)
            importers.import_files(store, [path])
            assert rows_of(store, trial) == MANY
        with Store.open(home):
            assert list(home.uploads.iterdir()) == []
    assert "failed" in states


def test_a_reader_whose_file_was_cleared_away_says_so_and_leaves_nothing(shop, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("product_id,rating,body\np1,5,Lovely\n")
    copy = shop.uploads / f"{'f' * 32}.upload"

    def cleared(done, step):
        copy.unlink(missing_ok=True)

    for report in (cleared, lambda done, step: None):  # in mid-work, and when it is taken up again
        if report is cleared:
            copy.write_bytes(path.read_bytes())
        with pytest.raises(WorkbenchError, match=r"The copy of reviews\.csv on the server is gone") as caught:
            prepare(shop, Chosen(copy, "reviews.csv", Reading()), (), report)
        assert "Choose the file again" in caught.value.fix and list(shop.uploads.iterdir()) == []


def imported(home, trial):
    with Store.open(home) as store:
        return rows_of(store, trial)


def rows_of(store, trial):
    return store.value("SELECT count(*) FROM reviews WHERE starts_with(review_id, ?)", [f"new{trial}-"])


def test_promotions_and_rollbacks_are_killed_at_any_moment(shop, capsys):
    home, chance = shop, random.Random(3)
    old = publish(home).id
    new = publish(home, parent=old, promote=False).id
    took = seconds_of(home, "promote", new)
    for trial in range(6):
        verb = ["rollback"] if trial % 2 else ["promote", new if sound(home)[1] == old else old]
        killed_within(cli(home, *verb), took, chance)
        versions, active = sound(home)
        assert versions == {old, new} and active in versions
    capsys.readouterr()
    assert main(["--home", str(home.root), "promote", new]) == 0 and sound(home)[1] == new
