"""Runs with a stand-in for the encoder: how they end, who may cancel them, who waits for whom."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from joint_space import fill, publish

from workbench import jobs
from workbench.encoder import __main__ as encoder_main
from workbench.errors import WorkbenchError
from workbench.jobs import worker
from workbench.jobs.behind import NICENESS
from workbench.registry import Registry
from workbench.run import Run

FAKE = str(Path(__file__).with_name("fake_encoder.py"))


def encoder(behaviour: str) -> list[str]:
    return [sys.executable, FAKE, behaviour]


@pytest.fixture
def snapshot(store):
    fill(store)
    return store.snapshot()


@pytest.fixture
def derived(monkeypatch):
    """What the worker derives, replaced: a list of what was asked for."""
    asked = []

    def segments(store, space, report):
        report(0.5, "segments")
        asked.append(space.version.id)

    monkeypatch.setattr("workbench.jobs.derived.derivations", lambda: {"segments": segments})
    return asked


def created(home, snapshot, **spec) -> Run:
    return Run.create(home, "train", {"snapshot": str(snapshot), "recipe": "laptop", **spec})


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_the_first_version_is_promoted_and_derived(home, snapshot, derived):
    run = created(home, snapshot)
    assert worker.main(run.folder, encoder("train")) == 0
    status = run.status()
    assert status.state == "done"
    assert Registry(home).active().id == status.result["version"]
    assert derived == [status.result["version"]]
    assert [p["loss"] for p in run.curve()] == [1.0, 0.5, 1 / 3]


def test_a_second_version_waits_for_its_promotion(home, snapshot, derived):
    first, second = created(home, snapshot), created(home, snapshot)
    worker.main(first.folder, encoder("train"))
    worker.main(second.folder, encoder("train"))
    assert Registry(home).active().id == first.status().result["version"] != second.status().result["version"]


def test_a_version_takes_the_place_of_a_missing_one_only_when_it_is_promoted(home, snapshot, derived):
    first, second = created(home, snapshot), created(home, snapshot)
    worker.main(first.folder, encoder("train"))
    gone = Registry(home).active()
    shutil.rmtree(gone.folder)
    assert worker.main(second.folder, encoder("train")) == 0
    result = second.status().result
    assert Registry(home).missing() == gone.id
    assert f"{gone.id} is missing" in result["notes"][0] and f"{result['version']} was not put in its place" in result["notes"][0]


def test_a_measurement_promotes_and_derives_nothing(home, snapshot, derived):
    run = Run.create(home, "evaluate", {"version": "v1"})
    assert worker.main(run.folder, encoder("train")) == 0
    assert run.status().state == "done" and Registry(home).active() is None and derived == []


def test_a_failed_derivation_does_not_lose_the_version(home, snapshot, monkeypatch):
    def segments(store, space, report):
        raise ValueError("no users")

    monkeypatch.setattr("workbench.jobs.derived.derivations", lambda: {"segments": segments})
    run = created(home, snapshot)
    assert worker.main(run.folder, encoder("train")) == 0
    result = run.status().result
    assert "could not be derived" in result["notes"][0] and "no users" in result["notes"][0]
    assert Registry(home).get(result["version"])


@pytest.mark.parametrize(
    ("behaviour", "problem", "fix"),
    [
        ("refuse", "Only one class.", "Add another."),
        ("killed", "memory ran out", "smaller batches"),
        ("silent", "status 3", "log.txt"),
        ("stumble", "IndexError", "log.txt"),
    ],
)
def test_a_failure_says_why_what_to_do_and_whose_it_is(home, snapshot, behaviour, problem, fix):
    run = created(home, snapshot)
    assert worker.main(run.folder, encoder(behaviour)) == 2
    status = run.status()
    assert status.state == "failed" and problem in status.problem and fix in status.fix
    assert status.fault is (behaviour in ("silent", "stumble"))
    assert status.resumable is (behaviour != "refuse"), "what is refused would be refused again"
    assert Registry(home).active() is None


def test_a_detached_worker_can_be_cancelled_and_found_again(home, snapshot):
    run = jobs.start(home, "train", {"snapshot": snapshot}, encoder=encoder("slow"))
    until(lambda: run.status().progress.step == "slow")
    found = Run.find(home, run.id)
    assert found.status().state == "running" and found.curve()
    jobs.cancel(home, run.id)
    assert jobs.wait(found).state == "cancelled"
    assert gone(int((run.folder / "pid").read_text()))


def test_worker_and_encoder_step_behind_the_pages(home, snapshot):
    run = jobs.start(home, "train", {"snapshot": snapshot}, encoder=encoder("slow"))
    until(lambda: run.status().progress.step == "slow")
    child = int((run.folder / "pid").read_text())
    for process in (child, int(Path(f"/proc/{child}/stat").read_text().split()[3])):
        assert os.getpriority(os.PRIO_PROCESS, process) == max(NICENESS, os.nice(0))
    group = Path(f"/proc/{child}/autogroup")
    if group.exists():
        assert group.read_text().split()[-1] == str(NICENESS)
    jobs.cancel(home, run.id)
    assert jobs.wait(run).state == "cancelled"


def test_the_encoder_dies_with_its_worker_and_the_run_is_a_failure(home, snapshot):
    run = jobs.start(home, "train", {"snapshot": snapshot}, encoder=encoder("slow"))
    until(lambda: (run.folder / "pid").exists())
    child = int((run.folder / "pid").read_text())
    parent = int(Path(f"/proc/{child}/stat").read_text().split()[3])
    os.kill(parent, signal.SIGKILL)
    until(lambda: gone(child))
    status = run.status()
    assert status.state == "failed" and "without a word" in status.problem


def test_a_failed_run_is_resumed(home, snapshot, derived):
    run = created(home, snapshot)
    worker.main(run.folder, encoder("killed"))
    jobs.resume(home, run.id, encoder=encoder("train"))
    assert jobs.wait(run).state == "done"
    with pytest.raises(WorkbenchError, match="cannot be resumed: it is done"):
        jobs.resume(home, run.id)


def test_one_trains_and_the_next_waits_its_turn(home, snapshot):
    first = jobs.start(home, "train", {"snapshot": snapshot}, encoder=encoder("slow"))
    until(lambda: first.status().progress.step == "slow")
    second = jobs.start(home, "train", {"snapshot": snapshot}, encoder=encoder("slow"))
    until(second.alive)
    time.sleep(1.0)
    assert second.status().state == "queued"
    jobs.cancel(home, second.id)
    assert jobs.wait(second).state == "cancelled"
    jobs.cancel(home, first.id)
    assert jobs.wait(first).state == "cancelled"


def test_a_run_needs_a_known_kind_and_its_spec(home):
    with pytest.raises(WorkbenchError, match="no job of kind 'paint'"):
        jobs.start(home, "paint", {})
    with pytest.raises(WorkbenchError, match="needs 'upload'"):
        jobs.start(home, "finetune", {"snapshot": "x", "task": "sentiment"})


def test_derive_makes_again_what_the_pages_read(home, snapshot, derived):
    version = publish(home)
    run = Run.create(home, "derive", {"version": version.id, "snapshot": str(snapshot)})
    assert worker.main(run.folder) == 0
    assert run.status().result == {"version": version.id} and derived == [version.id]


def test_a_derive_that_fails_is_a_failed_run(home, snapshot, monkeypatch):
    def segments(store, space, report):
        raise WorkbenchError("Too few users.", "Import more.")

    monkeypatch.setattr("workbench.jobs.derived.derivations", lambda: {"segments": segments})
    run = Run.create(home, "derive", {"version": publish(home).id})
    assert worker.main(run.folder) == 2
    assert "Too few users." in run.status().problem


def test_a_full_disk_is_named_and_the_active_version_stays(home, snapshot, monkeypatch):
    active = publish(home)
    run = created(home, snapshot)

    def full(*given):
        raise OSError(28, "No space left on device")

    needed = home.shop_file.stat().st_size + sum(file.stat().st_size for file in active.folder.rglob("*"))
    monkeypatch.setattr(worker, "work", full)
    assert worker.main(run.folder) == 2
    assert "The disk is full" in run.status().problem and f"needs about {needed:,}" in run.status().problem
    assert "active model goes on" in run.status().fix
    monkeypatch.setattr(encoder_main, "work", full)
    with pytest.raises(OSError, match="No space"):
        encoder_main.main(str(run.folder))
    assert f"needs about {needed:,}" in (run.folder / "encoder_error.json").read_text()
    assert Registry(home).active().id == active.id


@pytest.mark.parametrize("error", [MemoryError("no more"), RuntimeError("CUDA out of memory")])
def test_memory_that_ran_out_in_the_encoder_is_named(home, snapshot, monkeypatch, error):
    def out(run):
        raise error

    run = created(home, snapshot)
    monkeypatch.setattr(encoder_main, "work", out)
    with pytest.raises(type(error)):
        encoder_main.main(str(run.folder))
    assert "Lower batch_texts" in (run.folder / "encoder_error.json").read_text()


def test_what_is_derived_is_found_by_its_function():
    from workbench.jobs.derived import derivations

    assert "segments" in derivations()
