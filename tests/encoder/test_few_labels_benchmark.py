"""The benchmark of few labels as it is run: the commands of the workbench, beside a rival on the same rows."""

import json
import sys

import pandas as pd
import pytest
from opened import benchmark_named


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_named("few_labels")


def test_as_many_rows_of_each_label_are_drawn_by_the_seed(benchmark):
    frame = pd.DataFrame({"text": map(str, range(30)), "kind": ["a", "b", "c"] * 10})
    one = benchmark.drawn(frame, "kind", 4, 1)
    assert one["kind"].value_counts().to_dict() == {"a": 4, "b": 4, "c": 4}
    assert one.equals(benchmark.drawn(frame, "kind", 4, 1)) and not one.equals(benchmark.drawn(frame, "kind", 4, 2))
    assert len(benchmark.drawn(frame, "kind", 0, 1)) == 30 and len(benchmark.drawn(frame, "kind", 8, 1, rows=7)) == 7


def test_a_hash_of_the_text_holds_out_a_fifth(benchmark):
    frame = pd.DataFrame({"text": [f"row {at % 2000}" for at in range(4000)]})
    held = benchmark.held_out(frame, "text")
    assert 0.15 < held.mean() < 0.25 and (held[:2000].to_numpy() == held[2000:].to_numpy()).all()


@pytest.mark.slow
def test_a_version_is_made_and_both_label_the_same_rows(benchmark, tmp_path, monkeypatch, capsys):
    said = {
        "late": "the parcel number {} has still not arrived",
        "broken": "item {} came damaged and does not work",
        "nice": "I love my {} so much",
    }
    said["strange"] = "the quick brown fox {} jumps over lazy dogs"
    rows = [{"text": words.format(at), "kind": kind} for kind, words in said.items() for at in range(30)]
    for name in ("train", "test"):
        pd.DataFrame(rows if name == "train" else rows[::5]).to_csv(tmp_path / f"{name}.csv", index=False)
    words = [
        "few_labels.py",
        "--train",
        str(tmp_path / "train.csv"),
        "--test",
        str(tmp_path / "test.csv"),
        "--text",
        "text",
        "--label",
        "kind",
    ]
    monkeypatch.setattr(sys, "argv", [*words, "--each", "8", "--seeds", "1", "--withhold", "1", "--json"])
    assert benchmark.main() == 0
    found = json.loads(capsys.readouterr().out)
    accuracy = found["accuracy"]
    assert (found["rows"], found["labels"], found["test_rows"]) == (24, 3, 18)
    assert accuracy["finetuned"]["value"] > 0.9 < accuracy["frozen_logistic"]["value"]
    assert found["abstained"]["taught"]["value"] < 0.2 and found["abstained"]["withheld"]["n"] == 6
    assert found["macro_f1"]["finetuned"]["value"] == pytest.approx(accuracy["finetuned"]["value"], abs=0.1)
    assert set(accuracy["gain"]) == {"frozen_logistic", "frozen_by_accuracy", "frozen_balanced"}
    assert accuracy["gain"]["frozen_logistic"]["value"] == pytest.approx(
        accuracy["finetuned"]["value"] - accuracy["frozen_logistic"]["value"]
    )
