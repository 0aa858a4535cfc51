"""The command line: one JSON document on stdout, problem and fix on stderr, exit 0, 2 or 1."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joint_space import EVALUATION, fill, publish

from workbench.cli import main
from workbench.jobs import worker
from workbench.jobs.inference import Predictions
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(home, capsys):
    """Runs a verb on the home; returns exit status, the JSON document (or None) and stderr."""

    def verb(*argv):
        status = main([*argv, "--home", str(home.root), "--json"])
        out, err = capsys.readouterr()
        return status, json.loads(out) if out else None, err

    return verb


@pytest.fixture
def shop(home):
    """A shop with one published version, closed."""
    with Store.open(home) as store:
        fill(store)
    return publish(home)


@pytest.mark.parametrize(("words", "option"), [(["tune", "--trials", "0"], "--trials"), (["train", "--processes", "0"], "--processes")])
def test_a_number_below_one_is_refused_before_anything_is_trained(home, capsys, words, option):
    assert main([*words, "--home", str(home.root)]) == 2
    assert f"{option} is 0; it must be at least 1" in capsys.readouterr().err


def test_status_of_an_empty_home(run):
    status, document, _ = run("status")
    assert status == 0
    assert document == {"data_version": 0, "tables": dict.fromkeys(document["tables"], 0), "active": None, "jobs": []}
    assert set(document["tables"]) == {"products", "reviews", "events", "users", "tickets", "labels"}


def test_status_names_the_model_and_the_runs(run, home, shop):
    made = Run.create(home, "train", {})
    _, document, _ = run("status")
    assert document["active"] == shop.id
    assert document["data_version"] == 1 and document["tables"]["users"] == 12
    assert {"id": made.id, "kind": "train", "state": "queued", "done": 0.0}.items() <= document["jobs"][0].items()


def test_evaluate_prints_metrics_and_baselines(run, shop):
    status, document, _ = run("evaluate")
    assert status == 0 and document["version"] == shop.id
    assert document["tasks"]["next_item"]["metrics"]["ndcg_at_10"]["value"] == 0.31
    assert document["tasks"]["next_item"]["baselines"]["popularity"]["ndcg_at_10"]["n"] == 400
    assert "intent" in document["left_out"]
    assert run("evaluate", shop.id)[1] == document


def test_evaluate_measures_more_in_a_job_and_shows_it_with_the_rest(run, home, shop, tmp_path, monkeypatch):
    asked = []

    def start(home, kind, spec):
        asked.append((kind, spec))
        made = Run.create(home, kind, spec)
        shop.keep_evaluation(EVALUATION)
        made.finish({"version": shop.id})
        return made

    monkeypatch.setattr("workbench.jobs.start", start)
    status, document, _ = run("evaluate", "--rivals", "single_task", "--robustness", "--other", str(tmp_path))
    spec = {"version": shop.id, "rivals": ["single_task"], "robustness": True, "other": str(tmp_path), "against": None}
    assert status == 0 and asked == [("evaluate", spec)]
    sentiment = document["tasks"]["sentiment"]
    assert set(sentiment["baselines"]) == {"majority", "tfidf_logistic", "single_task"} and "typing_errors" in sentiment["noise"]
    assert run("evaluate")[1] == document and len(asked) == 1


def test_evaluate_for_people_says_the_verdict_and_each_paired_difference(home, shop, capsys):
    assert main(["evaluate", "--home", str(home.root)]) == 0
    out = capsys.readouterr().out
    assert "Against its parent: Better: Review sentiment." in out
    assert "tfidf_logistic: 0.690 (0.650 to 0.730, n = 400); difference +0.010 (-0.010 to +0.030): no difference beyond chance" in out


def test_promote_and_rollback(run, home, shop):
    second = publish(home, parent=shop.id, promote=False)
    assert run("promote", second.id)[1] == {"active": second.id}
    assert [v["id"] for v in run("models")[1]["versions"]] and run("models")[1]["active"] == second.id
    assert run("rollback")[1] == {"active": shop.id}
    assert Registry(home).active().id == shop.id


def test_where_the_active_version_is_gone_commands_go_on_and_say_so(run, home, surge, tmp_path, capsys):
    version = publish(home)
    shutil.rmtree(version.folder)
    for verb in ("models", "status"):
        status, document, _ = run(verb)
        assert status == 0 and document["active"] is None and document["missing"] == version.id
        assert main([verb, "--home", str(home.root)]) == 0
        out = capsys.readouterr().out
        assert f"{version.id} is missing" in out and "workbench promote VERSION" in out
    status, document, err = run("alerts")
    assert status == 0 and document["alerts"] and f"{version.id} is missing" in err and "without a model" in err
    (tmp_path / "rows.csv").write_text("text,label\n" + "good,positive\nbad,negative\n" * 9)
    for argv in (["recommend", "u1"], ["evaluate"], ["finetune", str(tmp_path / "rows.csv"), "--task", "mood"], ["demo", "--build-only"]):
        status, document, err = run(*argv)
        assert status == 2 and document is None and f"{version.id} is missing" in err and "workbench promote VERSION" in err


@pytest.mark.parametrize(
    ("argv", "problem", "fix"),
    [
        (["promote", "v0"], "no model version 'v0'", "workbench models"),
        (["rollback"], "no earlier version", "Promote"),
        (["evaluate"], "No model version is active", "workbench train"),
        (["recommend", "u1"], "No model version is active", "workbench train"),
        (["train", "--tasks", "juggling"], "no task 'juggling'", "Name some of these"),
        (["import", "x.csv", "--map", "body"], "'body' is not of the form", "body=review_text"),
        (["finetune", "missing.csv", "--task", "sentiment"], "no file missing.csv", "Check the path"),
    ],
)
def test_a_users_mistake_is_exit_2_with_problem_and_fix(run, argv, problem, fix):
    status, document, err = run(*argv)
    assert status == 2 and document is None
    assert problem in err and fix in err and "Traceback" not in err


def test_our_fault_is_exit_1(run, monkeypatch):
    monkeypatch.setattr("workbench.cli.shop.open_for_reading", lambda home: 1 / 0)
    status, document, err = run("status")
    assert status == 1 and document is None and "ZeroDivisionError" in err


def test_recommend_and_similar(run, shop):
    _, document, _ = run("recommend", "u_a0")
    assert document["user"] == "u_a0"
    assert {"product_id", "title", "score", "reason"} <= document["items"][0].keys()
    assert run("similar", "a0")[1]["items"][0]["product_id"].startswith("a")


def test_what_a_library_prints_stays_off_stdout(run, monkeypatch):
    monkeypatch.setattr("workbench.cli.shop.status", lambda home, given: (print("noise"), ({"ok": 1}, ""))[1])
    assert run("status")[1] == {"ok": 1}


HOLD = """
import sys, time
from workbench.home import Home
from workbench.shop.store import Store
with Store.open(Home.find(sys.argv[1])) as store:
    print("open", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(home):
    """Another process that holds the shop's file."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(home.root)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline().strip() == "open"
    yield process
    process.kill()
    process.wait()


def test_a_held_shop_names_its_holder_and_the_way_out(run, home, holder, tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("text,label\n" + "".join(f"good {i},positive\nbad {i},negative\n" for i in range(6)), "utf-8")
    status, document, err = run("finetune", str(file), "--task", "sentiment")
    assert status == 2 and document is None
    assert f"held by process {holder.pid}" in err and "its data is untouched" in err and f"PID {holder.pid}" in err


def test_a_reading_verb_answers_from_the_snapshot_and_says_so(home, shop, capsys, request):
    with Store.open(home) as store:
        store.snapshot()
    holder = request.getfixturevalue("holder")
    assert main(["status", "--home", str(home.root), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["tables"]["users"] == 12
    assert f"process {holder.pid}" in err and "snapshot of data version 1" in err


REVIEWS = "review_id,product_id,user_id,rating,title,body,created_at\n1,p1,u1,5,Good,Nice,2024-01-31\n2,p1,u2,x,Bad,Broke,2024-02-20\n"


def test_import_counts_every_line_and_a_dry_run_changes_nothing(run, tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text(REVIEWS, "utf-8")
    assert run("import", str(file), "--dry-run")[1]["data_version"] == 0
    status, document, _ = run("import", str(file))
    counts = document["files"][0]["tables"]["reviews"]
    assert status == 0 and document["data_version"] == 1
    assert counts["read"] == 2 == sum(count for name, count in counts.items() if name != "read")
    assert run("import", str(file))[1]["data_version"] == 1


def test_an_import_says_what_is_likely_a_mistake(home, capsys, tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text("review_id,product_id,rating,body,created_at\n1,p1,5,good,1899-01-01\n")
    assert main(["import", str(file), "--dry-run", "--home", str(home.root)]) == 0
    assert "doubtful: 1 row of reviews: created_at lies before 1995 (line 2: 1899-01-01 00:00:00)" in capsys.readouterr().out


@pytest.mark.parametrize("writable", [True, False])
def test_rejects_that_cannot_be_written_are_refused_before_anything_is_imported(run, tmp_path, monkeypatch, writable):
    path = tmp_path / "reviews.csv"
    path.write_text("review_id,product_id,rating,body\n1,p1,5,good\n2,p1,many,bad\n")
    target = tmp_path / "rejects.csv" if not writable else tmp_path / "nowhere" / "rejects.csv"
    if not writable:
        monkeypatch.setattr("os.access", lambda path, mode: False)
    status, document, err = run("import", str(path), "--rejects", str(target))
    assert status == 2 and document is None and f"--rejects '{target}'" in err and "Name a file in a folder" in err
    monkeypatch.undo()
    assert run("status")[1]["data_version"] == 0


def test_an_import_for_people_names_the_rows_left_out(home, tmp_path, capsys):
    file = tmp_path / "reviews.csv"
    file.write_text(REVIEWS, "utf-8")
    assert main(["import", str(file), "--home", str(home.root)]) == 0
    out = capsys.readouterr().out
    assert "line 3, rating, 'x':" in out and "Data version 1" in out


@pytest.mark.parametrize(
    ("out", "problem"),
    [("nowhere/r.html", "lies in nowhere, which is no folder"), (".", "is a folder"), ("r.docx", "cannot be written as 'r.docx'")],
)
def test_a_report_that_cannot_be_written_is_refused_before_any_work(run, shop, out, problem):
    status, _, err = run("report", "segments", "--out", out)
    assert status == 2 and problem in err


def test_a_report_is_written_in_the_form_of_its_ending(run, shop, tmp_path):
    status, document, _ = run("report", "sentiment", "--out", str(tmp_path / "s.csv"))
    assert status == 0 and (tmp_path / "s.csv").stat().st_size == document["bytes"]


@pytest.mark.parametrize("ending", ["md", "html"])
def test_the_model_card_of_any_version_is_written(run, home, shop, tmp_path, ending):
    other = publish(home, parent=shop.id, promote=False)
    out = tmp_path / f"card.{ending}"
    status, document, _ = run("report", "model", "--version", other.id, "--out", str(out))
    assert status == 0 and document["version"] == other.id
    assert other.id in out.read_text("utf-8") and "Known limits" in out.read_text("utf-8")


class Reader:
    """Stands in for the encoder's warm process."""

    def __init__(self, home, version):
        self.version = version

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def predict(self, task, texts):
        probabilities = np.array([[0.2, 0.8] if "fine" in text else [0.9, 0.1] for text in texts], np.float32)
        return Predictions(["bad", "good"], probabilities, probabilities.argmax(1), np.array(["broke" in text for text in texts]))


def test_a_fine_tuning_is_repeated_from_what_its_version_kept(run, home, shop, monkeypatch):
    specs = []

    def start(home, kind, spec):
        specs.append(spec)
        made = Run.create(home, kind, {**spec, "snapshot": str(spec["snapshot"])})
        made.finish({"version": "v3", "parent": shop.id, "seconds": 1.0, "tasks": {}, "before": {}, "left_out": {}})
        return made

    monkeypatch.setattr("workbench.jobs.start", start)
    status, _, err = run("finetune", "--again", shop.id)
    assert status == 2 and "was not made by a fine-tuning" in err
    registry = Registry(home)
    version, folder = registry.new_folder()
    (folder / "recipe.json").write_text('{"name": "finetune", "epochs": 7}', "utf-8")
    info = {"kind": "finetune", "task": "mood", "upload": "abc", "recipe": "finetune", "train": "head", "parent": shop.id}
    made = registry.publish(version, {**info, "data_version": 7})
    status, _, err = run("finetune", "--again", made.id)
    assert status == 2 and "The snapshot 00000007.duckdb" in err
    (home.snapshots / "00000007.duckdb").touch()
    assert run("finetune", "--again", made.id)[0] == 0
    assert specs[0]["settings"]["epochs"] == 7 and {**specs[0], "kind": "finetune"}.items() >= info.items()
    assert run("finetune", "--task", "mood")[0] == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--again", "v1", "--estimate"], "--again v1 repeats all that made this version; it does not go with --estimate"),
        (["rows.csv", "--task", "mood", "--again", "v1"], "it does not go with FILE, --task"),
        (["--again", "v1", "--recipe", "laptop"], "it does not go with --recipe"),
        (["rows.csv", "--task", "mood", "--several", "--leave-out"], "--leave-out does not go with several labels a row"),
        (["rows.csv", "--task", "mood", "--label", "a", "--label", "b", "--leave-out"], "--leave-out does not go with several"),
    ],
)
def test_options_of_finetune_that_would_be_passed_over_are_refused(run, monkeypatch, options, problem):
    monkeypatch.setattr("workbench.jobs.start", None)
    status, document, err = run("finetune", *options)
    assert status == 2 and document is None and problem in err


def test_predict_adds_label_and_probability_to_each_row(run, shop, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.jobs.inference.Inference", Reader)
    file, out = tmp_path / "texts.csv", tmp_path / "out.csv"
    file.write_text("id,body\n1,all fine here\n2,=it broke\n", "utf-8")
    status, document, _ = run("predict", str(file), "--task", "sentiment", "--text", "body", "--out", str(out))
    assert status == 0 and document == {"version": shop.id, "rows": 2, "out": str(out)}
    got = pd.read_csv(out, dtype=str, encoding="utf-8-sig")
    assert got["predicted"].tolist() == ["good", "bad"] and got["probability"].tolist() == ["0.8", "0.9"]
    assert got["abstain"].tolist() == ["False", "True"]
    assert got["body"].tolist() == ["all fine here", "'=it broke"]


def test_predict_says_how_right_it_is_where_the_file_knows(run, shop, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.jobs.inference.Inference", Reader)
    file, out = tmp_path / "texts.csv", str(tmp_path / "out.csv")
    file.write_text("said,truth\nall fine,good\nfine too,bad\nit broke,bad\nwho knows,other\n", "utf-8")
    asked = ["predict", str(file), "--task", "sentiment", "--text", "said", "--out", out, "--label"]
    metrics = run(*asked, "truth")[1]["metrics"]
    assert metrics["accuracy"]["n"] == 3 and metrics["accuracy"]["value"] == pytest.approx(2 / 3)
    assert metrics["abstained"]["value"] == pytest.approx(1 / 3)
    file.write_text("said,truth\nall fine,other\n", "utf-8")
    status, _, err = run(*asked, "truth")
    assert status == 2 and "No row has a label that this version knows; it knows: bad, good." in err


def test_predict_of_rows_that_all_abstain_prints_valid_json(home, shop, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("workbench.jobs.inference.Inference", Reader)
    file = tmp_path / "texts.csv"
    file.write_text("said,truth\nit broke,bad\n", "utf-8")
    argv = ["predict", str(file), "--task", "sentiment", "--text", "said", "--label", "truth", "--out", str(tmp_path / "out.csv")]
    assert main([*argv, "--home", str(home.root), "--json"]) == 0
    out = capsys.readouterr().out
    assert "NaN" not in out and json.loads(out)["metrics"]["accuracy_answered"] == {"value": None, "low": None, "high": None, "n": 0}
    assert main([*argv, "--home", str(home.root)]) == 0
    assert "accuracy_answered: not known (n = 0)" in capsys.readouterr().out


def test_predict_keeps_the_files_own_columns_and_says_how_it_calls_its_own(home, run, shop, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("workbench.jobs.inference.Inference", Reader)
    file, out = tmp_path / "texts.csv", tmp_path / "out.csv"
    file.write_text("body,predicted,abstain_2\nall fine,mine,never\n", "utf-8")
    argv = ["predict", str(file), "--task", "sentiment", "--text", "body", "--out", str(out)]
    status, document, _ = run(*argv)
    called = {"predicted": "predicted_3", "probability": "probability_3", "abstain": "abstain_3"}
    assert status == 0 and document["columns"] == called
    got = pd.read_csv(out, dtype=str, encoding="utf-8-sig")
    assert got.iloc[0].tolist() == ["all fine", "mine", "never", "good", "0.8", "False"] and got.columns[3:].tolist() == [*called.values()]
    assert main([*argv, "--home", str(home.root)]) == 0
    assert "are called predicted_3, probability_3, abstain_3" in capsys.readouterr().out


def test_train_waits_and_prints_the_result(run, home, shop, monkeypatch):
    def start(home, kind, spec):
        made = Run.create(home, kind, spec)
        made.finish({"version": "v2", "parent": None, "seconds": 1.0, "tasks": {}, "left_out": {}})
        return made

    monkeypatch.setattr("workbench.jobs.start", start)
    status, document, _ = run("train", "--tasks", "sentiment,category")
    assert status == 0 and {"version", "parent", "seconds", "tasks"} <= document.keys()
    assert run("status")[1]["jobs"][0]["state"] == "done"


def test_a_failed_training_is_exit_2_with_its_problem(run, home, shop, monkeypatch):
    def start(home, kind, spec):
        made = Run.create(home, kind, spec)
        made.fail("Only one class.", "Add another.")
        made.log.touch()
        return made

    monkeypatch.setattr("workbench.jobs.start", start)
    status, document, err = run("train")
    assert (status, document) == (2, None) and "Only one class.\nAdd another." in err
    assert f"Its log: {next(home.runs.glob('*/log.txt'))}" in err


def test_a_jobs_own_fault_is_exit_1(run, home, shop, monkeypatch):
    def start(home, kind, spec):
        made = Run.create(home, kind, spec)
        monkeypatch.setattr("workbench.jobs.worker.work", lambda run, encoder: {}["lost"])
        assert worker.main(made.folder) == 2
        return made

    monkeypatch.setattr("workbench.jobs.start", start)
    status, document, err = run("train")
    assert (status, document) == (1, None) and "The job failed: KeyError: 'lost'" in err and "fault of the workbench" in err


def test_finetune_stores_the_rows_and_learns_from_them_once(run, home, shop, tmp_path, monkeypatch):
    specs = []

    def start(home, kind, spec):
        specs.append(spec)
        made = Run.create(home, kind, {**spec, "snapshot": str(spec["snapshot"])})
        made.finish({"version": "v2", "parent": spec["parent"], "seconds": 1.0, "tasks": {}, "before": {}, "left_out": {}})
        return made

    monkeypatch.setattr("workbench.jobs.start", start)
    file = tmp_path / "labels.csv"
    file.write_text("note,answer\n" + "".join(f"good {i},positive\nbad {i},negative\n" for i in range(6)), "utf-8")
    status, document, _ = run("finetune", str(file), "--task", "sentiment", "--text", "note", "--label", "answer")
    assert status == 0 and {"version", "before", "tasks"} <= document.keys()
    assert specs[0]["parent"] == shop.id and specs[0]["train"] == "top" and "tasks" not in specs[0]
    file.write_text("note,late,dear\n" + "".join(f"words {i},{i % 2},{i % 3 % 2}\n" for i in range(30)), "utf-8")
    asked = ["finetune", str(file), "--task", "topics", "--text", "note", "--label", "late", "--label", "dear", "--train", "head"]
    assert run(*asked, "--about", "products")[0] == 0
    assert specs[1]["tasks"] == ["topics_dear", "topics_late"] and specs[1]["task"] == "topics" and specs[1]["train"] == "head"
    assert run("status")[1]["tables"]["labels"] == 12 + 60
    found = {"low": 40, "high": 90, "memory_mb": 1024, "read_per_second": 200.0, "learn_per_second": 30.0}
    monkeypatch.setattr("workbench.jobs.estimate.estimate", lambda home, **spec: found)
    assert run(*asked, "--estimate")[1] == found and len(specs) == 2


@pytest.fixture
def surge(home):
    """A year of reviews, nine in ten good, until one brand turns bad for its last month."""
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title, brand) VALUES ('p1', 'Lamp', 'Glow'), ('p2', 'Chair', 'Oak')")
        cursor.execute(
            "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at) "
            "SELECT 'r' || i, CASE WHEN i % 2 = 0 THEN 'p1' ELSE 'p2' END, 'u' || i, "
            "CASE WHEN i >= 1340 AND i % 4 = 0 OR i % 10 = 1 THEN 1 ELSE 5 END, 'words', "
            "TIMESTAMP '2025-01-01' + INTERVAL (i * 6) HOUR FROM range(1460) r(i)"
        )


def test_sentiment_by_month_with_n_and_interval(run, surge):
    status, document, _ = run("sentiment", "--by", "month")
    first = document["trend"][0]
    assert status == 0 and first["period"] == "2025-01-01" and first["n"] == 124
    assert first["negative_low"] < first["negative"] < first["negative_high"]
    assert document["total"]["n"] == 1460 and "stars" in document["labels"]
    assert run("sentiment", "--brand", "Oak")[1]["total"]["n"] == 730


def test_alerts_name_the_scope_and_when_it_began(run, surge):
    status, document, _ = run("alerts")
    assert status == 0 and document["expected_false_per_year"] > 0
    newest = document["alerts"][0]
    assert {"scope", "began", "raised", "share", "baseline", "n"} <= newest.keys()
    assert set(newest["scope"].values()) & {"Glow", "p1"} and newest["began"] >= "2025-11-24"
