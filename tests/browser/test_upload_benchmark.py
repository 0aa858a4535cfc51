"""The benchmark of an upload as it is run: rows in by the page, every task before and after, and the version promoted."""

import csv
import json
import sys

import pytest
from opened import benchmark_named
from small_shop import make_home, work
from tiny_base import tiny_base

from workbench.registry import Registry

pytestmark = [pytest.mark.browser, pytest.mark.slow]
QUICK = 'epochs = 1\nuser_passes = 1\nmax_length = 16\ntrackers = "none"\n'


def test_rows_are_taught_by_the_page_and_every_task_is_compared(tmp_path, monkeypatch, capsys):
    home = make_home(tmp_path / "shop")
    for name in ("quick", "finetune"):
        (home.models / "recipes" / f"{name}.toml").write_text(QUICK + f'base = "{tiny_base(home.root / "base")}"\n')
    code, made = work(home)
    assert code == 0
    Registry(home).promote(made["version"], why="the first")
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["remark", "topic"])
        rows.writerows(
            (f"{words} {at}", topic) for topic, words in (("parcel", "my parcel is late"), ("colour", "a fine red")) for at in range(40)
        )
    benchmark = benchmark_named("upload")
    monkeypatch.setattr(benchmark, "TIMES_ALONE", 1)
    words = ["--home", home.root, "--file", tmp_path / "rows.csv", "--text", "remark", "--label", "topic", "--each", "12", "--json"]
    monkeypatch.setattr(sys, "argv", ["upload.py", *map(str, words)])
    assert benchmark.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["labels"]) == (24, 2)
    assert found["seconds"]["learned"] <= found["seconds"]["promoted"] and found["page"]["meanwhile"]["times"] >= 1
    known = {one["task"]: one for one in found["tasks"]}
    assert known["my_labels"]["before"] is None and known["my_labels"]["after"] > 0.5
    assert known["sentiment"]["before"] and known["sentiment"]["verdict"] not in ("new", "")
    assert Registry(home).active().id == made["version"], "the home itself is left as it was"
