"""The benchmark of joint against alone as it is run: means over seeds, paired differences, problems in words."""

import json
import sys

import numpy as np
import pytest
from opened import benchmark_named
from small_shop import make_home

from workbench.encoder.corpus import read_corpus
from workbench.encoder.metrics import mean
from workbench.errors import WorkbenchError
from workbench.shop.store import open_for_reading


@pytest.fixture
def module():
    return benchmark_named("joint")


def test_the_mean_over_seeds_is_paired_by_row(module):
    random = np.random.default_rng(0)
    ours, theirs = random.random((2, 3, 200))
    means = [module.over_seeds([{"hit": mean(rows)} for rows in of]) for of in (ours, theirs)]
    apart = means[0]["hit"].minus(means[1]["hit"])
    direct = mean(ours.mean(0) - theirs.mean(0))
    assert apart["value"] == pytest.approx(direct["value"])
    assert (apart["low"], apart["high"]) == pytest.approx((direct["low"], direct["high"]))


def test_a_task_that_the_shop_does_not_learn(module, tmp_path, monkeypatch):
    home = make_home(tmp_path, reviews=False)
    monkeypatch.setattr(sys, "argv", ["joint.py", "--home", str(home.root), "--tasks", "sentiment"])
    with pytest.raises(WorkbenchError, match=r"does not learn sentiment; it learns .*next_item"):
        module.main()


def test_until_the_cut_nothing_that_came_after_is_learned_from(module, tmp_path):
    home = make_home(tmp_path)
    store, _ = open_for_reading(home)
    with store:
        corpus = read_corpus(store)
    asked = corpus.user_rows["return"]
    asked.now[asked.rows("test")] = cut = float(np.median(np.concatenate([user.days for user in corpus.users])))
    found = module.until_cut(corpus)
    assert any((user.days[: user.train_end] >= cut).any() for user in corpus.users)
    assert not any((user.days[: user.train_end] >= cut).any() for user in found.users)
    late = {corpus.review_text[r] for user in corpus.users for r in user.review[user.days >= cut] if r >= 0}
    before, after = (set(rows.text[rows.rows("train")]) for rows in (corpus.text_rows["sentiment"], found.text_rows["sentiment"]))
    assert late & before and not late & after
    assert np.array_equal(found.user_rows["return"].split, asked.split)


@pytest.mark.slow
def test_both_are_trained_by_each_seed(module, tmp_path, monkeypatch, capsys):
    home = make_home(tmp_path)
    (home.models / "recipes").mkdir(parents=True, exist_ok=True)
    (home.models / "recipes" / "quick.toml").write_text("epochs = 1\nuser_passes = 1\nmax_length = 16\n")
    words = ["--home", str(home.root), "--tasks", "sentiment", "--recipe", "quick", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", ["joint.py", *words])
    module.main()
    document = json.loads(capsys.readouterr().out)
    found = document["tasks"]["sentiment"]
    assert document["seeds"] == [7, 8] and "next_item" in document["jointly"] and list(document["tasks"]) == ["sentiment"]
    for name in ("joint", "alone"):
        each = found["by_seed"]["macro_f1"][name]
        assert len(each) == 2 and found[name]["macro_f1"]["value"] == pytest.approx(np.mean(each))
    apart = found["differences"]["macro_f1"]["alone"]
    assert apart["value"] == pytest.approx(found["joint"]["macro_f1"]["value"] - found["alone"]["macro_f1"]["value"])
    assert apart["low"] <= apart["value"] <= apart["high"]
