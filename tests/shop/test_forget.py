"""A person is forgotten everywhere: rows, snapshots, vectors, runs, uploads; others stay, and the version stays whole."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joint_space import fill, publish

from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.files import write_json
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop import importers, traces
from workbench.shop.forget import PREDICTED, forget, held
from workbench.shop.schema import TABLES
from workbench.shop.space import Space, version_predicted, version_vectors, write_space
from workbench.shop.store import Store
from workbench.tasks.base import tasks
from workbench.tasks.labelled import read_labelled, store_labels

USER = "anna-7731"
TEXT = "My neighbour Gisela uses this kettle every single morning"


@pytest.fixture
def lived_in(home, tmp_path):
    """A home with a version, in which the user has left traces of every kind."""
    lines = f"{USER},K-1,5,{TEXT},2024-05-01\nben-1,K-1,4,Thanks to {USER} for the hint,2024-05-02\n"
    (tmp_path / "reviews.csv").write_text("user_id,product_id,rating,body,created_at\n" + lines)
    (tmp_path / "orders.csv").write_text(f"order_id,user_id,product_id,happened_at\n1,{USER},K-1,2024-05-01\n2,ben-1,K-1,2024-05-02\n")
    (tmp_path / "tickets.csv").write_text(
        f"ticket_id,user_id,body\nt1,{USER},Where is my parcel and who has it now\nt2,ben-1,Where is it\n"
    )
    with Store.open(home) as store:
        fill(store)
        importers.import_files(store, [tmp_path / name for name in ("reviews.csv", "orders.csv", "tickets.csv")])
        with store.transaction() as cursor:
            cursor.execute("INSERT INTO labels (label_id, task, text, label) VALUES ('l1', 'mood', ?, 'good')", [TEXT])
        store.snapshot()
        before = store.counts()
    version = publish(home)
    version = Registry(home).versions()[0]
    (version.folder / "derived").mkdir(exist_ok=True)
    pd.DataFrame({"user_id": [USER, "ben-1"], "segment": [0, 1]}).to_parquet(version.folder / "derived" / "segments-1.parquet")
    write_json(version.folder / "derived" / "segments-1.json", {"names": ["regulars"]})
    write_json(home.runs / "train-1" / "spec.json", {"kind": "train"})
    (home.runs / "train-1" / "log.txt").write_text(f"batch with {USER} in it")
    write_json(home.runs / "train-1" / "result.json", {"users": [USER]})
    home.readings.mkdir()
    (home.readings / "values.f16").write_bytes(bytes(100))
    (home.uploads / "labels.csv").write_text(f"text,label\n{TEXT},good\n")
    return before


def test_nothing_of_the_person_is_left_and_all_others_are(home, lived_in):
    with pytest.raises(AssertionError):
        assert_gone(home)
    report = forget(home, USER)
    assert report["removed"] == {"reviews": 1, "events": 1, "tickets": 1, "users": 1, "labels": 1}
    assert report["found"] == [] and report["searched"] > 5
    assert "data/runs/train-1/log.txt" in report["deleted"] and "data/uploads/labels.csv" in report["deleted"]
    assert "data/readings/values.f16" in report["deleted"] and list(home.readings.iterdir()) == []
    assert Registry(home).versions()[0].id in report["cannot"]
    assert_gone(home)
    with Store.open(home) as store:
        after = store.counts()
        assert store.value("SELECT body FROM reviews WHERE user_id = 'ben-1'") == "Thanks to [forgotten] for the hint"
    assert {name: lived_in[name] - after[name] for name in TABLES} == {
        "products": 0, "reviews": 1, "events": 1, "users": 1, "tickets": 1, "labels": 1,
    }  # fmt: skip
    version = Registry(home).versions()[0]
    version.verify()
    assert list((version.folder / "derived").iterdir()) == [], "groups are derived anew, not left by half"


def test_a_persons_vectors_leave_every_version_and_other_peoples_stay(home, lived_in):
    with Store.open(home) as store:
        review = store.value("SELECT review_id FROM reviews WHERE user_id = ?", [USER])
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.vectors("users", [USER, "ben-1"], np.eye(8, dtype=np.float32)[:2])
        space.vectors("reviews", [review, "r1"], np.eye(8, dtype=np.float32)[:2])
        space.predictions("return", ["stays_away", "returns"], [USER, "ben-1"], np.array([[0.2, 0.8], [0.5, 0.5]]))
    made = registry.publish(version, {"parent": None})
    report = forget(home, USER)
    assert f"models/{version}/vectors.duckdb" in report["rewritten"] and report["found"] == []
    made = Registry(home).get(version)
    made.verify()
    assert version_vectors(made, "users")[0] == ["ben-1"] and version_vectors(made, "reviews")[0] == ["r1"]
    with Store.open(home) as store:
        space = Space(store, made)
        assert store.rows(f"SELECT key FROM {space.table('predictions_return')}") == [("ben-1",)]


def assert_gone(home):
    """No byte of any file, packed or not, and no value of any table tells of the person."""
    for path in [*home.data.rglob("*"), *home.models.rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert USER.encode() not in content and b"Gisela" not in content, path
    person = traces.Person((USER,), {}, (TEXT,))
    assert not any(traces.holds(path, person) for path in [*traces.files(home), home.shop_file])


def test_a_person_of_whom_nothing_is_known_is_an_error(home, lived_in):
    with pytest.raises(WorkbenchError, match="no trace of a user 'nobody-1'"):
        forget(home, "nobody-1")


def test_a_pseudonym_is_found_by_the_true_id(home, tmp_path):
    (tmp_path / "reviews.csv").write_text(f"user_id,product_id,rating,body\nanna@x.org,K-1,5,{TEXT}\n")
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"])
    assert forget(home, "anna@x.org")["removed"] == {"reviews": 1, "users": 1}


def test_a_short_id_empties_no_texts_of_others(home, tmp_path):
    (tmp_path / "reviews.csv").write_text("user_id,product_id,rating,body\nlamp,K-1,5,Nice\nben,K-1,5,A nice lamp\n")
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"])
    assert forget(home, "lamp")["found"] == []
    with Store.open(home) as store:
        assert store.rows("SELECT user_id, body FROM reviews") == [("ben", "A nice lamp")]


def test_the_same_figure_is_one_persons_user_id_and_anothers_review_id(home, tmp_path):
    """User 1 wrote review 7, user 7 wrote review 8, and there is a product 1."""
    (tmp_path / "reviews.csv").write_text("review_id,user_id,product_id,rating,body\n7,1,3,5,Nice\n8,7,1,5,A nice lamp\n")
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"])
        with store.transaction() as cursor:
            own = "INSERT INTO labels (label_id, task, text, label, created_at, attributes) VALUES ('l1', 'room', 'x', 'hall', now(), ?)"
            cursor.execute(own, ['{"about": "products"}'])
    registry = Registry(home)
    version, folder = registry.new_folder()
    halves = np.array([[0.2, 0.8], [0.5, 0.5]])
    with write_space(folder / "vectors.duckdb") as space:
        for entity, ids in (("users", ["1", "7"]), ("reviews", ["7", "8"]), ("products", ["1", "3"])):
            space.vectors(entity, ids, np.eye(8, dtype=np.float32)[:2])
        for task, keys in (("category", ["1", "3"]), ("room", ["1", "7"]), ("sentiment", ["7", "8"]), ("return", ["1", "7"])):
            space.predictions(task, ["a", "b"], keys, halves)
    made = registry.publish(version, {"parent": None})
    write_json(made.folder / "derived" / "names.json", {"names": {"1": "regulars", "7": "others"}, "version": "7"})
    assert forget(home, "1")["found"] == []
    made = Registry(home).get(version)
    assert version_vectors(made, "users")[0] == ["7"] and version_vectors(made, "reviews")[0] == ["8"]
    assert [version_predicted(made, task) for task in ("category", "room", "sentiment", "return")] == [{"1", "3"}, {"1", "7"}, {"8"}, {"7"}]
    assert (made.folder / "derived" / "names.json").exists()


def test_a_label_that_holds_title_and_text_is_forgotten(home, tmp_path):
    (tmp_path / "reviews.csv").write_text(f"user_id,product_id,rating,title,body\n{USER},K-1,5,Best kettle,{TEXT}\n")
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"])
        with store.transaction() as cursor:
            cursor.execute("INSERT INTO labels (label_id, task, text, label) VALUES ('l1', 'mood', ?, 'good')", [f"Best kettle. {TEXT}"])
    assert forget(home, USER)["removed"]["labels"] == 1


def test_a_label_without_the_line_ends_markup_and_names_of_the_text_is_forgotten(home, tmp_path):
    """A file with its quotes doubled or its line ends escaped holds the text too."""
    text = 'My neighbour\n"Gisela" uses this<br>kettle  each morning'
    mailed = "Write to anna@x.org,\nshe is the one who knows this kettle"
    rows = [{"user_id": USER, "product_id": f"K-{i}", "rating": 5, "body": body} for i, body in enumerate((text, mailed))]
    pd.DataFrame(rows).to_csv(tmp_path / "reviews.csv", index=False)
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"], personal="keep")
        labelled = read_labelled([{"t": t, "l": str(i % 2)} for i, t in enumerate((text, mailed, *map(str, range(10))))], "mood", "t", "l")
        assert store_labels(store, labelled, "sha")["masked"] == 1
    pd.DataFrame({"t": [text]}).to_csv(home.uploads / "labels.csv", index=False)
    (home.uploads / "labels.jsonl").write_text(json.dumps({"t": text}))
    report = forget(home, USER)
    assert report["removed"]["labels"] == 2 and report["found"] == []
    assert {"data/uploads/labels.csv", "data/uploads/labels.jsonl"} <= {*report["deleted"]}


def test_a_phone_number_as_id_is_forgotten_where_others_name_it(home, tmp_path):
    lines = "+491701234567,K-1,5,short\nben,K-1,5,ask +491701234567 for it please\n"
    (tmp_path / "reviews.csv").write_text("user_id,product_id,rating,body\n" + lines)
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"], personal="keep")
    assert forget(home, "+491701234567")["found"] == []
    with Store.open(home) as store:
        assert store.rows("SELECT user_id, body FROM reviews") == [("ben", "ask [forgotten] for it please")]


def test_a_headline_that_is_the_products_name_is_no_trace(home, tmp_path):
    named = "Electric kettle of two litres"
    (tmp_path / "products.csv").write_text(f"product_id,title,price\nK-1,{named},9\n")
    (tmp_path / "reviews.csv").write_text(f"user_id,product_id,rating,title,body\n{USER},K-1,5,{named},{TEXT}\n")
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "products.csv", tmp_path / "reviews.csv"])
    assert forget(home, USER)["found"] == []
    with Store.open(home) as store:
        assert store.rows("SELECT title FROM products") == [(named,)] and store.counts()["reviews"] == 0


def test_what_a_builtin_task_tells_of_is_known_here():
    assert {name: task.predicts for name, task in tasks().items() if task.predicts} == PREDICTED


def test_a_run_at_work_is_waited_for(home, lived_in):
    run = Run.create(home, "train", {})
    with run.working(), pytest.raises(WorkbenchError, match="is at work"):
        forget(home, USER)


def test_the_command_says_what_it_did(home, lived_in, capsys):
    assert main(["forget", USER, "--home", str(home.root)]) == 0
    said = capsys.readouterr().out
    assert "no trace is left" in said and "may have learned from this person" in said


def test_copies_that_a_kill_left_go_when_the_shop_is_opened(home, lived_in):
    version = Registry(home).versions()[0]
    left = [folder / f"{'a' * 32}.{kind}" for folder in (home.data, version.folder, home.snapshots) for kind in ("forget", "fresh")]
    for path in left:
        path.write_text(TEXT)
    with Store.open(home):
        assert not [path for path in left if path.exists()]


class Killed(BaseException):
    """What no code catches."""


@pytest.mark.slow
def test_a_forgetting_that_was_killed_anywhere_is_finished_by_the_next(home, tmp_path, monkeypatch):
    """A kill may come wherever a file gets its name or goes; a copy of the home is forgotten in for each."""
    (tmp_path / "reviews.csv").write_text(f"review_id,user_id,product_id,rating,body\nr1,{USER},K-1,5,{TEXT}\nr2,ben-1,K-1,4,Fine\n")
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "reviews.csv"])
        store.snapshot()
    (tmp_path / "reviews.csv").unlink()
    version, folder = Registry(home).new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.vectors("reviews", ["r1", "r2"], np.eye(8, dtype=np.float32)[:2])
    made = Registry(home).publish(version, {"parent": None})
    write_json(made.folder / "derived" / "topics-1.json", {"reviews": ["r1"]})
    write_json(made.folder / "derived" / "names.json", {"names": ["a"]})
    (home.runs / "train-1").mkdir()
    (home.runs / "train-1" / "log.txt").write_text(TEXT)
    whole = tmp_path.parent / f"{tmp_path.name}-whole"
    shutil.copytree(home.root, whole)
    at, killed = 0, True
    while killed:
        shutil.rmtree(home.root)
        shutil.copytree(whole, home.root)
        killed, left = False, [at]
        with monkeypatch.context() as patched:
            for name in ("replace", "unlink"):
                patched.setattr(Path, name, _until(getattr(Path, name), left))
            try:
                forget(home, USER)
            except Killed:
                killed = True
        if killed and _knows(home):
            assert forget(home, USER)["found"] == [], at
        assert_gone(home)
        Registry(home).get(version).verify()
        assert version_vectors(Registry(home).get(version), "reviews")[0] == ["r2"], at
        assert not list((made.folder / "derived").iterdir()), at
        at += 1
    assert at > 8


def _until(real, left):
    """`real`, which is no longer reached after so many calls that change a file."""

    def call(path, *given, **named):
        left[0] -= path.exists()
        if left[0] < 0:
            raise Killed
        return real(path, *given, **named)

    return call


def _knows(home):
    with Store.open(home) as store:
        return bool(held(store, USER))
