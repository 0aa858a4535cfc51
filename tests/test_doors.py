"""The doors: what `demo` prepares and does not prepare twice, and that `app` answers on this machine only."""

import urllib.request

import pytest
from joint_space import fill, publish
from live_app import served

from workbench import jobs
from workbench.cli import doors
from workbench.run import Run
from workbench.shop.store import Store


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
    with served(home, tmp_path) as address:
        assert urllib.request.urlopen(address, timeout=10).status == 200
    assert f"started on {address.removeprefix('http://')}" in (tmp_path / "app.log").read_text()
