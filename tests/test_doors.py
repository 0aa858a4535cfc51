"""The doors: what `demo` prepares and does not prepare twice, and that `app` answers on this machine only."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from joint_space import fill, publish

from workbench import jobs
from workbench.cli import doors
from workbench.run import Run
from workbench.shop.store import Store

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def built(monkeypatch):
    """The sample shop is a small one; jobs are written down, not run."""
    done = []

    def start(home, kind, spec):
        done.append(kind)
        assert spec["snapshot"].exists()
        return Run.create(home, kind, spec)

    monkeypatch.setattr(jobs, "start", start)
    monkeypatch.setattr(doors, "_fill", lambda home, store: (done.append("filled"), fill(store)))
    return done


def test_demo_fills_an_empty_home_and_starts_its_training(home, built):
    run = doors.prepare(home)
    assert built == ["filled", "train"]
    assert run.spec["recipe"] == "laptop"
    with Store.open(home) as store:  # the shop is let go for the app
        assert store.counts()["users"] == 12


def test_a_second_demo_neither_fills_nor_trains_again(home, built):
    run = doors.prepare(home)
    assert doors.prepare(home).id == run.id
    publish(home)
    assert doors.prepare(home) is None
    assert built == ["filled", "train"]


def test_demo_leaves_a_shop_of_ones_own_alone(home, built):
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('mine')")
    doors.prepare(home)
    assert built == ["train"]


def test_the_app_answers_on_this_machine_from_any_folder(home, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "workbench.cli", "app", "--home", str(home.root), "--port", str(port)]
    log = (tmp_path / "log").open("wb")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    try:
        assert _healthy(port, 30)
        assert f"127.0.0.1:{port}" in (tmp_path / "log").read_text()
    finally:
        process.terminate()
        process.wait(timeout=10)


def _healthy(port: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).status == 200)
        except OSError:
            time.sleep(0.2)
    return False
