import os
import time

import pytest

from workbench.errors import Cancelled
from workbench.files import write_json
from workbench.run import Run, runs


def test_a_run_is_queued_running_then_done(home):
    run = Run.create(home, "train", {"recipe": "laptop"})
    assert run.status().state == "queued"
    with run.working():
        run.report(0.5, "half")
        assert run.status().state == "running"
        run.finish({"version": "v1"})
    assert run.status().state == "done"
    assert [r.id for r in runs(home)] == [run.id]


def test_the_time_goes_on_between_two_reports(home):
    run = Run.create(home, "train", {})
    write_json(run.folder / "spec.json", {**run.spec, "created": time.time() - 30})
    assert 30 <= run.status().progress.seconds < 130, "it waits"
    with run.working():
        run.report(0.5, "half")
        file = run.folder / "progress.json"
        os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 100))
        told = run.status().progress
    assert 100 <= told.seconds < 200 and told.left == 0.0 and told.done == 0.5


def test_a_worker_that_vanished_is_a_failure(home):
    run = Run.create(home, "train", {})
    with run.working():
        run.report(0.5, "half")
    assert run.status().state == "failed"
    assert "log.txt" in run.status().fix


def test_the_log_ends_with_its_last_lines_and_what_is_dismissed_stays_so_until_it_is_taken_up_again(home):
    run = Run.create(home, "train", {})
    assert run.last_words() == "" and not run.dismissed
    run.log.write_bytes(b"x" * 10_000 + b"\n" + b"".join(b"line %d\n" % i for i in range(30)))
    assert run.last_words().splitlines() == [f"line {i}" for i in range(10, 30)]
    run.fail("Stopped.", "Start again.")
    run.dismiss()
    assert Run.find(home, run.id).dismissed
    run.again()
    assert not run.dismissed


def test_a_worker_that_ends_while_it_is_asked_has_not_vanished(home, monkeypatch):
    run = Run.create(home, "train", {})
    with run.working():
        run.report(0.5, "half")
    monkeypatch.setattr(Run, "alive", lambda self: self.finish({"version": "v1"}))
    assert run.status().state == "done"


def test_a_worker_that_begins_while_it_is_asked_has_not_vanished(home, monkeypatch):
    run = Run.create(home, "train", {})
    monkeypatch.setattr(Run, "alive", lambda self: self.report(0.1, "begun"))
    assert run.status().state == "queued"


def test_cancel_reaches_the_worker(home):
    run = Run.create(home, "train", {})
    run.cancel()
    with pytest.raises(Cancelled):
        run.report(0.1, "step")
