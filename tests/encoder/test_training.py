import json
import sys

import numpy as np
import pytest
from small_shop import make_home, work

from workbench.encoder import weights
from workbench.encoder.__main__ import main
from workbench.encoder.numbers import TREES
from workbench.errors import WorkbenchError
from workbench.registry import Registry
from workbench.shop.space import Space
from workbench.shop.store import Store

pytestmark = pytest.mark.slow
TASKS = {"sentiment", "review_to_product", "category", "next_item", "return"}


def test_all_tasks_are_learned_and_measured_beside_their_baselines(trained):
    _, result = trained
    assert set(result["tasks"]) == TASKS and set(result["left_out"]) == {"intent"}
    for task in result["tasks"].values():
        for metric in task["metrics"].values():
            assert metric["n"] > 0 and metric["low"] <= metric["value"] <= metric["high"]
        assert task["baselines"]
        for baseline, figures in task["baselines"].items():
            for name, theirs in figures.items():
                difference = task["differences"][name][baseline]
                assert difference["value"] == pytest.approx(task["metrics"][name]["value"] - theirs["value"], nan_ok=True)
                assert difference["n"] == theirs["n"]
    tasks = result["tasks"]
    assert {"majority", "tfidf_logistic", "frozen_probe"} <= set(tasks["sentiment"]["baselines"])
    assert {"popularity", "item_neighbours"} <= set(tasks["next_item"]["baselines"])
    assert tasks["sentiment"]["metrics"]["accuracy"]["value"] > 0.9
    assert tasks["next_item"]["metrics"]["ndcg_at_10"]["value"] > tasks["next_item"]["baselines"]["popularity"]["ndcg_at_10"]["value"]


def test_the_version_holds_the_whole_shop_in_one_space(trained):
    home, result = trained
    version = Registry(home).get(result["version"])
    version.verify()
    with Store.open_snapshot(home) as store:
        space = Space(store, version)
        for entity, rows in (("products", 12), ("reviews", 260), ("users", 130)):
            ids, vectors = space.vectors(entity)
            assert len(ids) == rows and vectors.shape == (rows, 256)
            assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        assert space.labels("sentiment") == ["negative", "neutral", "positive"]
        assert store.value(f"SELECT count(*) FROM {space.table('predictions_return')}") == 130


def test_the_same_seed_gives_the_same_figures(trained, tmp_path):
    home, result = trained
    _, again = work(home)
    first, second = ({n: t["metrics"] for n, t in r["tasks"].items()} for r in (result, again))
    for task, metrics in first.items():
        for name, metric in metrics.items():
            assert second[task][name]["value"] == pytest.approx(metric["value"], abs=0.02), (task, name)


@pytest.mark.parametrize(
    ("what", "learned"),
    [({"reviews": False}, {"category", "next_item", "return"}), ({"events": False}, {"sentiment", "review_to_product", "category"})],
)
def test_a_shop_that_lacks_something_learns_the_rest(tmp_path, what, learned):
    _, result = work(make_home(tmp_path, **what))
    assert set(result["tasks"]) == learned and set(result["left_out"]) == (TASKS | {"intent"}) - learned


def test_a_fine_tune_shows_before_and_after_and_learns_the_rows(trained):
    home, result = trained
    with Store.open(home) as store, store.transaction() as cursor:
        for i in range(40):
            label, text = ("positive", f"This thing slaps {i}") if i % 2 else ("negative", f"Utterly mid, {i} out of ten meh")
            values = [f"l{i}", "sentiment", text, label, "upload1"]
            cursor.execute(
                "INSERT INTO labels (label_id, task, text, label, upload, created_at) VALUES (?, ?, ?, ?, ?, now()::TIMESTAMP)", values
            )
    code, tuned = work(home, "finetune", task="sentiment", upload="upload1", parent=result["version"], train="top")
    assert code == 0, tuned
    assert tuned["parent"] == result["version"] and set(tuned["before"]) == set(tuned["tasks"])
    before, after = (t["sentiment"]["metrics"]["macro_f1"] for t in (tuned["before"], tuned["tasks"]))
    assert before["n"] == after["n"] and after["value"] >= before["value"]
    difference = tuned["tasks"]["sentiment"]["differences"]["macro_f1"]["parent"]
    assert difference["value"] == pytest.approx(after["value"] - before["value"])
    assert Registry(home).active().id == result["version"]


def test_a_shop_without_anything_to_learn_is_told_what_it_lacks(tmp_path):
    code, error = work(make_home(tmp_path, reviews=False, events=False), tasks=["sentiment"])
    assert code == 2 and "needs at least 50 reviews" in error["problem"] and error["state"] == "failed"


def test_a_loss_that_is_not_finite_ends_the_run_and_publishes_nothing(tmp_path):
    home = make_home(tmp_path, reviews=False)
    (home.models / "recipes" / "wild.toml").write_text("epochs = 2\nuser_passes = 4\nmax_length = 16\nlearning_rate = 1e30\n")
    code, error = work(home, recipe="wild", tasks=["next_item"])
    assert code == 2 and "step" in error["problem"] and "next_item" in error["problem"] and "a batch of 0 texts and " in error["problem"]
    assert Registry(home).versions() == [] and not list(home.models.glob("*.partial"))


def test_the_epochs_before_a_loss_that_is_not_finite_are_kept(tmp_path, monkeypatch):
    from workbench.encoder import learner

    home, check = make_home(tmp_path, events=False), learner.check
    (home.models / "recipes" / "two.toml").write_text("epochs = 2\nmax_length = 16\n")

    def wild(losses, where):
        check({name: value * float("nan") for name, value in losses.items()} if "epoch 2" in where else losses, where)

    monkeypatch.setattr(learner, "check", wild)
    code, error = work(home, recipe="two", tasks=["sentiment"])
    assert code == 2 and "epoch 2, step 1, a batch of " in error["problem"] and "the first is text " in error["problem"]
    [run] = [folder for folder in home.runs.iterdir() if folder.is_dir()]
    monkeypatch.setattr(learner, "check", check)
    assert main(str(run)) == 0, "the run goes on from the epoch that was good"
    made = Registry(home).get(json.loads((run / "encoder.json").read_text())["version"])
    assert {point["epoch"] for point in made.curve if "loss" in point} == {0, 1}


def test_a_flipped_bit_and_a_pickle_are_refused(trained, tmp_path):
    import shutil

    from workbench.encoder.weights import load
    from workbench.registry import ModelVersion

    home, result = trained
    copy = tmp_path / result["version"]
    shutil.copytree(Registry(home).get(result["version"]).folder, copy)
    weights = copy / "model.safetensors"
    weights.chmod(0o644)
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WorkbenchError, match="SHA-256"):
        load(ModelVersion(copy.name, copy))
    data[-100] ^= 1
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(WorkbenchError, match="damaged"):
        load(ModelVersion(copy.name, copy))
    weights.write_bytes(data)
    load(ModelVersion(copy.name, copy))
    for name in ("extra.pt", "pytorch_model.bin", "modeling_own.py"):
        (copy / name).write_bytes(b"x")
        with pytest.raises(WorkbenchError, match="only safetensors"):
            load(ModelVersion(copy.name, copy))
        (copy / name).unlink()


def test_a_version_made_before_there_were_trees_is_read_without_them(trained, monkeypatch):
    home, result = trained
    version = Registry(home).get(result["version"])
    kept = weights.read_weights(version.folder / weights.WEIGHTS)

    def without(*parts):
        left = {name: value for name, value in kept.items() if not any(part in name for part in parts)}
        assert len(left) < len(kept)
        monkeypatch.setattr(weights, "read_weights", lambda file: left)
        return weights.load(version).model.user_head("return").numbers

    older = without(*TREES)
    assert not older.share and not older.trees.leaf.any() and older.weight.any()
    with pytest.raises(WorkbenchError, match="another release"):
        without("return.numbers.weight")


def test_the_warm_process_answers_texts_histories_and_predictions(trained):
    from workbench.jobs.inference import Inference

    home, result = trained
    with Inference(
        home, result["version"], command=[sys.executable, "-m", "workbench.encoder.serve", str(home.root), result["version"]]
    ) as client:
        vectors = client.texts("product", ["guitar number 30"])
        assert vectors.shape == (1, 256) and np.isclose(np.linalg.norm(vectors), 1, atol=1e-3)
        labels, shares, shown, abstain = client.predict(
            "sentiment", ["Terrible guitar, it broke at once and I want my money back", "Quarterly interest rates of central banks rose"]
        )
        assert abstain.tolist() == [False, True]
        assert labels[shares[0].argmax()] == labels[shown[0]] == "negative" and np.allclose(shares.sum(1), 1, atol=1e-3)
        with Store.open_snapshot(home) as store:
            rows = store.rows(
                "SELECT product_id, kind, rating, review_id, happened_at FROM histories WHERE user_id = 'u000' ORDER BY happened_at"
            )
            _, stored = Space(store, Registry(home).get(result["version"])).vectors("users", ["u000"])
        events = [{"product_id": p, "kind": k, "rating": r, "review_id": v, "happened_at": t.isoformat()} for p, k, r, v, t in rows]
        assert float(client.user(events) @ stored[0]) > 0.99
        with pytest.raises(WorkbenchError, match="cannot predict"):
            client.predict("unknown", ["x"])
    assert json.dumps(labels)
