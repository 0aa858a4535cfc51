"""Rejects mended and imported again, replacing instead of adding, and the undo of the last import."""

import csv

import pytest

from workbench.errors import WorkbenchError
from workbench.export import to_csv
from workbench.shop import importers
from workbench.shop.importers import undo
from workbench.shop.schema import TABLES

HEADER = "review_id,product_id,user_id,rating,body,created_at\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def state(store):
    return {name: store.rows(f"SELECT * FROM {name} ORDER BY 1") for name in TABLES}


def add_up(document):
    kinds = ("added", "updated", "unchanged", "rejected", "set_apart")
    return all(t["read"] == sum(t[kind] for kind in kinds) for file in document["files"] for t in file["tables"].values())


def test_rejects_are_mended_and_imported_again(store, tmp_path):
    bad = "r2,p1,u1,many,=Odd,2024-01-03\nr3,p1\nr4,p1,u1,4,a,b,2024-01-01\n"
    path = write(tmp_path, "reviews.csv", HEADER + "r1,p1,u1,5,Good,2024-01-02\n" + bad)
    staged = importers.read(store.home, [path])
    ((name, left_out),) = importers.rejects(staged)
    document = importers.commit(store, staged)
    assert name == "reviews.csv" and document["files"][0]["tables"]["reviews"]["rejected"] == 3 and add_up(document)
    assert left_out["rejected_line"].tolist() == [3, 4, 5]
    mended = tmp_path / "mended.csv"
    mended.write_bytes(to_csv(left_out))
    rows = list(csv.reader(mended.open(encoding="utf-8-sig")))
    assert rows[1][:5] == ["r2", "p1", "u1", "many", "'=Odd"]
    rows[1][3], rows[2][3:6], rows[3][3:6] = "2", ["3", "Short", "2024-01-04"], ["4", "a, b", "2024-01-01"]
    with mended.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    again = importers.import_files(store, [mended])
    assert again["files"][0]["tables"]["reviews"]["added"] == 3 and add_up(again)
    assert store.rows("SELECT review_id, rating, body, attributes FROM reviews ORDER BY 1")[1:] == [
        ("r2", 2.0, "=Odd", None),
        ("r3", 3.0, "Short", None),
        ("r4", 4.0, "a, b", None),
    ]


def test_after_an_undo_the_content_is_that_of_an_earlier_version(store, tmp_path):
    one, two = (write(tmp_path, name, HEADER + f"{name},p1,u1,5,Good,2024-01-02\n") for name in ("one.csv", "two.csv"))
    importers.import_files(store, [one])
    assert store.content_version == store.data_version == 1
    importers.import_files(store, [two])
    undo.take_back(store)
    assert (store.data_version, store.content_version) == (3, 1)
    importers.import_files(store, [two])
    assert store.content_version == store.data_version == 4
    undo.take_back(store)
    assert (store.data_version, store.content_version) == (5, 1)  # what was the same as version 1 is so again
    importers.import_files(store, [two])
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO labels (label_id, task, text, label) VALUES ('1', 'tone', 'x', 'warm')")
    undo.take_back(store)
    assert store.content_version == store.data_version == 8  # the label came after the import and is still there


def test_an_undo_brings_back_every_row_as_it_was(store, tmp_path):
    first = HEADER + "r1,p1,u1,5,Good,2024-01-02\nr2,p1,u2,4,Fine,2024-01-02\n"
    importers.import_files(store, [write(tmp_path, "reviews.csv", first)])
    before = state(store)
    second = HEADER + "r1,p1,u1,1,Broke,2024-01-02\nr3,p9,u9,3,New,2024-01-03\n"
    third = HEADER + "r1,p1,u1,2,Again,2024-01-02\n"
    document = importers.import_files(store, [write(tmp_path, "b.csv", second), write(tmp_path, "c.csv", third)], as_table="reviews")
    assert add_up(document) and state(store) != before
    assert [file["file"] for file in undo.last(store)["files"]] == ["b.csv", "c.csv"]
    undone = undo.take_back(store)
    assert state(store) == before and undone["data_version"] == 3
    assert undone["tables"]["reviews"] == {"removed": 1, "restored": 1}
    with pytest.raises(WorkbenchError, match="no import to take back"):
        undo.take_back(store)


def test_the_first_import_is_undone_to_an_empty_shop(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "reviews.csv", HEADER + "r1,p1,u1,5,Good,2024-01-02\n")])
    undo.take_back(store)
    assert not any(store.counts().values())


@pytest.mark.parametrize("there", ["", "p9,Old,1.00\n"])
def test_rows_that_the_same_import_added_and_changed_are_gone_after_an_undo(store, tmp_path, there):
    if there:
        importers.import_files(store, [write(tmp_path, "old.csv", "product_id,title,price\n" + there)])
    before = state(store)
    reviews = write(tmp_path, "reviews.csv", HEADER + "r1,p1,u1,5,Good,2024-01-02\nr2,p2,u2,4,Fine,2024-01-02\n")
    products = write(tmp_path, "products.csv", "product_id,title,price\np1,Lamp,3.50\np2,Chair,9.00\n")
    importers.import_files(store, [reviews, products])
    undo.take_back(store)
    assert state(store) == before


def test_an_import_that_changes_nothing_leaves_the_undo_of_the_one_before(store, tmp_path):
    path = write(tmp_path, "reviews.csv", HEADER + "r1,p1,u1,5,Good,2024-01-02\n")
    importers.import_files(store, [path])
    importers.import_files(store, [path])
    importers.import_files(store, [path], dry_run=True)
    undo.take_back(store)
    assert store.counts()["reviews"] == 0


def test_replacing_leaves_only_the_files_rows_and_is_undone(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "reviews.csv", HEADER + "r1,p1,u1,5,Good,2024-01-02\nr2,p1,u2,4,Fine,2024-01-02\n")])
    before = state(store)
    path = write(tmp_path, "reviews.csv", HEADER + "r2,p1,u2,1,Bad,2024-01-02\n")
    assert importers.import_files(store, [path], dry_run=True, replacing=True)["data_version"] == 1 and state(store) == before
    importers.import_files(store, [path], replacing=True)
    assert store.rows("SELECT review_id, rating FROM reviews") == [("r2", 1.0)]
    assert store.counts()["users"] == 2, "only the table that the lines go to is replaced"
    undo.take_back(store)
    assert state(store) == before


def test_a_wish_to_stop_interrupts_a_long_query(monkeypatch):
    from workbench.errors import Cancelled
    from workbench.shop.importers import heard
    from workbench.shop.store import connect

    monkeypatch.setattr(heard, "EVERY_SECONDS", 0.05)
    asked = []

    def report(done, step):
        asked.append(step)
        if len(asked) > 2:
            raise Cancelled("x")

    connection = connect(None)
    with pytest.raises(Cancelled), heard.heard(connection, report) as tell:
        tell(0.1, "counting")
        connection.execute("SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) = 1").fetchall()
    assert set(asked) == {"counting"}
