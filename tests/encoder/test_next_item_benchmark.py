"""The benchmark of next items as it is run: one JSON document on stdout, problems in words."""

import json
import sys

import pytest
from opened import benchmark_named
from small_shop import make_home


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the benchmark with these words: (exit code, stdout, stderr)."""
    module = benchmark_named("next_item")

    def go(*words):
        monkeypatch.setattr(sys, "argv", ["next_item.py", *map(str, words)])
        capsys.readouterr()
        code = module.main()
        return code, *capsys.readouterr()

    return go


@pytest.fixture
def files(tmp_path):
    (tmp_path / "s.txt").write_text("".join(f"u{u} " + " ".join(f"i{(u + k) % 12}" for k in range(5)) + "\n" for u in range(60)))
    (tmp_path / "t.txt").write_text("".join(f"i{i} lamp number {i}\n" for i in range(12)))
    return "--sequences", tmp_path / "s.txt", "--texts", tmp_path / "t.txt"


def test_rivals_are_compared_in_both_orders(run, files):
    code, out, err = run(*files, "--only-rivals", "--rivals", "popularity,markov", "--json")
    document = json.loads(out)
    assert code == 0 and "markov" in err and document["validation_folded_in"] is False
    found = {order: part["measured"]["markov"]["metrics"]["hr_at_10"]["value"] for order, part in document["orders"].items()}
    assert found["file"] == 1.0 and set(found) == {"file", "swapped"}
    assert {"metrics", "seconds", "settings", "seeds"} <= set(document["orders"]["file"]["measured"]["popularity"])


def test_a_file_holds_no_times_to_cut_at(run, files):
    code, out, err = run(*files, "--split", "time")
    assert code == 2 and not out and "no times" in err


def test_a_shop_is_cut_in_time(run, tmp_path):
    home = make_home(tmp_path, reviews=False)
    code, out, _ = run("--home", home.root, "--split", "time", "--only-rivals", "--rivals", "popularity", "--json")
    assert code == 0 and list(json.loads(out)["orders"]) == ["time"]
    told = json.loads(out)["orders"]["time"]["set"]
    assert 0 <= told["last_taken_with_another"] <= 1 and told["beyond_sasrec"] == 0.0


@pytest.mark.slow
def test_the_encoder_is_compared_pair_by_pair_and_on_cold_products(run, files, tmp_path, monkeypatch):
    (tmp_path / "models" / "recipes").mkdir(parents=True)
    (tmp_path / "models" / "recipes" / "quick.toml").write_text("epochs = 1\nuser_passes = 1\nmax_length = 16\n")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    code, out, _ = run(*files, "--order", "file", "--rivals", "ease", "--recipe", "quick", "--json")
    part = json.loads(out)["orders"]["file"]
    ours, theirs = (part["measured"][name]["metrics"]["ndcg_at_10"]["value"] for name in ("encoder", "ease"))
    assert code == 0 and part["differences"]["ease"]["ndcg_at_10"]["value"] == pytest.approx(ours - theirs)
    assert set(part["measured"]) == {"encoder", "companions", "ease"} == {"encoder", *part["differences"]}
    code, out, _ = run(*files, "--order", "file", "--cold", "--recipe", "quick", "--json")
    assert code == 0 and set(json.loads(out)["orders"]["file"]["measured"]) == {"encoder", "text_neighbours"}
