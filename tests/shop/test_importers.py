import gzip
import json
import zipfile
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.shop import doubts, importers
from workbench.shop.importers import source, sql, unpack

REVIEWS = "review_id,product_id,user_id,rating,body,created_at\n"


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def counts(document, table="reviews"):
    return document["files"][0]["tables"][table]


def add_up(found) -> bool:
    return found["read"] == sum(found[k] for k in ("added", "updated", "unchanged", "rejected", "set_apart"))


def test_a_bad_number_and_a_bad_date_are_named_and_the_good_rows_come_in(store, tmp_path):
    text = REVIEWS + "r1,p1,u1,5,Good,2024-01-02\nr2,p1,u1,many,Odd,2024-01-03\nr3,p1,u1,4,Late,someday\n"
    document = importers.import_files(store, [write(tmp_path, "reviews.csv", text)])
    assert counts(document) == {"read": 3, "added": 1, "updated": 0, "unchanged": 0, "rejected": 2, "set_apart": 0}
    problems = [(p["line"], p["column"], p["value"]) for p in document["files"][0]["problems"]]
    assert problems == [(3, "rating", "many"), (4, "created_at", "someday")]
    assert "stars from 1 to 5" in document["files"][0]["problems"][0]["reason"]


def test_a_dry_run_leaves_nothing(store, tmp_path):
    path = write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,Good,2024-01-02\n")
    document = importers.import_files(store, [path], dry_run=True)
    assert counts(document)["added"] == 1
    assert store.counts()["reviews"] == 0 and store.data_version == 0 and not list(store.home.uploads.iterdir())


def test_what_is_likely_a_mistake_is_counted_with_its_first_line_and_taken_in(store, tmp_path):
    lines = ["1,u1,p1,2024-01-02,1,9", "2,u1,p1,2099-01-02,1,9", "3,u1,,1899-12-31,1,9", "4,u1,p1,2024-01-05,0,0", "5,u1,p1,2098-05-01,2,9"]
    path = write(tmp_path, "orders.csv", "\n".join(["order_id,user_id,product_id,happened_at,quantity,price", *lines, "6,u1,p1,never,0,0"]))
    document = importers.import_files(store, [path], dry_run=True)
    assert [(d["check"], d["rows"], d["line"], d["value"]) for d in document["files"][0]["doubts"]] == [
        ("missing_product_id", 1, 4, ""),
        ("in_the_future", 2, 3, "2099-01-02 00:00:00"),
        ("before_1995", 1, 4, "1899-12-31 00:00:00"),
        ("no_price", 1, 5, "0.0"),
        ("impossible_quantity", 1, 5, "0.0"),
    ], "the line that is left out is no doubt"
    assert doubts.in_words(document["files"][0]["doubts"][1]) == (
        "2 rows of events: happened_at lies in the future (line 3: 2099-01-02 00:00:00)"
    )
    assert counts(importers.import_files(store, [path]), "events")["added"] == 5


def test_a_file_without_mistakes_raises_no_doubt(store, tmp_path):
    path = write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,Good,2024-01-02\n")
    assert importers.import_files(store, [path])["files"][0]["doubts"] == []


def test_lines_with_too_few_or_too_many_fields_are_rejected(store, tmp_path):
    text = REVIEWS + "r1,p1,u1,5,Good,2024-01-02\nr2,p1\nr3,p1,u1,5,Good,2024-01-02,more,more\n"
    document = importers.import_files(store, [write(tmp_path, "reviews.csv", text)])
    assert (counts(document)["added"], counts(document)["rejected"]) == (1, 2)
    assert [p["line"] for p in document["files"][0]["problems"]] == [3, 4]


def test_ambiguous_dates_are_asked_once_and_the_answer_counts(store, tmp_path):
    path = write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,Good,03/04/2024\n")
    with pytest.raises(WorkbenchError, match="created_at") as caught:
        importers.import_files(store, [path])
    assert "--dates dayfirst" in caught.value.fix
    importers.import_files(store, [path], dates="monthfirst")
    assert str(store.value("SELECT created_at FROM reviews")).startswith("2024-03-04")


def test_another_row_of_the_column_settles_the_order_of_dates(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,A,03/04/2024\nr2,p1,u1,5,B,25/04/2024\n")])
    assert str(store.value("SELECT created_at FROM reviews WHERE review_id = 'r1'")).startswith("2024-04-03")


def test_a_two_digit_year_may_come_first_and_is_asked_for(store, tmp_path):
    path = write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,A,24-03-05\nr2,p1,u1,5,B,24-04-11\n")
    with pytest.raises(WorkbenchError, match="day or the year first"):
        importers.import_files(store, [path])
    importers.import_files(store, [path], dates="yearfirst")
    assert [str(day) for (day,) in store.rows("SELECT created_at::DATE FROM reviews ORDER BY 1")] == ["2024-03-05", "2024-04-11"]


def test_a_two_digit_year_that_can_be_no_day_needs_no_question(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,A,98-03-05\nr2,p1,u1,5,B,99-04-11\n")])
    assert str(store.value("SELECT min(created_at)::DATE FROM reviews")) == "1998-03-05"


@pytest.mark.parametrize(
    ("days", "choices"),
    [
        ("24/03/05 24/12/30 23/01/29", ["yearfirst", "dayfirst"]),  # with the day first, in 2030
        ("24.03.05 24.12.30 23.01.29", ["yearfirst", "dayfirst"]),
        ("09-03-05 11-12-31 12-01-30", ["yearfirst", "dayfirst", "monthfirst"]),
        ("24.03.05 24.11.16 23.01.25", ["dayfirst", "yearfirst"]),
        ("24/03/05", ["dayfirst", "yearfirst"]),
        ("09/03/05 10/04/07", ["dayfirst", "monthfirst", "yearfirst"]),
    ],
)
def test_a_two_digit_year_may_stand_first_with_any_sign_the_likelier_order_first(store, tmp_path, days, choices):
    rows = "".join(f"r{i},p1,u1,5,A,{day}\n" for i, day in enumerate(days.split()))
    with pytest.raises(WorkbenchError, match="can be read with") as caught:
        importers.import_files(store, [write(tmp_path, "reviews.csv", REVIEWS + rows)])
    assert [word for word in caught.value.fix.replace(",", " ").replace(".", " ").split() if word.endswith("first")] == choices


@pytest.mark.parametrize(
    ("days", "first"),
    [
        ("05.03.24 17.03.24 26.04.24", "2024-03-05"),  # days take more values than years
        ("05.03.24 17.03.24 30.12.24", "2024-03-05"),
        ("01.01.23 01.02.23 01.03.24", "2023-01-01"),
        ("25.01.25", "2025-01-25"),
        ("14/03/19 22/04/20 31/05/21", "2019-03-14"),
        ("98/03/05 01/04/11", "1998-03-05"),
    ],
)
def test_two_digit_years_that_one_order_alone_explains_need_no_question(store, tmp_path, days, first):
    rows = "".join(f"r{i},p1,u1,5,A,{day}\n" for i, day in enumerate(days.split()))
    importers.import_files(store, [write(tmp_path, "reviews.csv", REVIEWS + rows)])
    assert str(store.value("SELECT min(created_at)::DATE FROM reviews")) == first


def test_lines_that_share_a_transaction_are_all_kept(store, tmp_path):
    lines = "T1,c1,p1,2024-01-02,1\nT1,c1,p2,2024-01-02,1\nT1,c1,p3,2024-01-02,2\nT2,c2,p1,2024-01-03,1\n"
    document = importers.import_files(
        store, [write(tmp_path, "orders.csv", "transaction_id,customer_id,product_id,date,quantity\n" + lines)]
    )
    assert counts(document, "events")["added"] == 4
    assert store.rows("SELECT order_id, count(*) FROM events GROUP BY 1 ORDER BY 1") == [("T1", 3), ("T2", 1)]


def test_messages_that_share_a_conversation_are_all_kept(store, tmp_path):
    lines = "c1,Where is my parcel,u1\nc1,It came now thanks,u1\nc2,I want my money back,u2\n"
    importers.import_files(store, [write(tmp_path, "tickets.csv", "conversation_id,question,user_id\n" + lines)], as_table="tickets")
    assert store.value("SELECT count(*) FROM tickets") == 3


def test_a_negative_quantity_is_a_return_in_any_table(store, tmp_path):
    text = "order_id,customer_id,product_id,date,quantity\n1,c1,p1,2024-01-02,3\n2,c1,p1,2024-01-05,-2\n"
    importers.import_files(store, [write(tmp_path, "orders.csv", text)])
    assert store.rows("SELECT kind, quantity FROM events ORDER BY happened_at") == [("purchase", 3.0), ("return", 2.0)]


def test_a_comma_in_a_quantity_that_may_be_a_return_is_told_or_asked_for(store, tmp_path):
    header = "bestellnr;kunde;artikel;datum;menge\n"
    told = write(tmp_path, "told.csv", header + "1;a;K;2026-02-20;0,25\n2;b;K;2026-02-21;1,5\n3;c;M;2026-02-22;-2\n")
    assert counts(importers.import_files(store, [told]), "events")["added"] == 3
    assert store.rows("SELECT quantity FROM events ORDER BY happened_at") == [(0.25,), (1.5,), (2.0,)]
    left = write(tmp_path, "open.csv", header + "1;a;K;2026-03-20;0,250\n2;b;K;2026-03-21;1,500\n3;c;M;2026-03-22;-0,750\n")
    with pytest.raises(WorkbenchError, match=r"column 'menge'.*a comma can stand for"):
        importers.import_files(store, [left])
    importers.import_files(store, [left], decimal="comma")
    assert store.value("SELECT sum(quantity) FROM events WHERE happened_at >= '2026-03-01'") == 2.5


def test_a_negative_quantity_is_a_return_beside_a_kind_too(store, tmp_path):
    text = "order_id,customer,sku,date,type,quantity\n1,a,K,2026-02-20,order,3\n1,a,K,2026-02-21,order,-1\n"
    text += "1,a,K,2026-02-22,refund,-2\n1,a,K,2026-02-23,cart,-1\n1,a,K,2026-02-24,odd,-1\n"
    document = importers.import_files(store, [write(tmp_path, "orders.csv", text)])
    found = store.rows("SELECT kind, quantity FROM events ORDER BY happened_at")
    assert found == [("purchase", 3.0), ("return", 1.0), ("return", 2.0), ("cart", -1.0)]
    assert [(p["column"], p["value"]) for p in document["files"][0]["problems"]] == [("type", "odd")]


@pytest.mark.parametrize("text", ["", REVIEWS])
def test_an_empty_file_and_a_header_alone_are_refused(store, tmp_path, text):
    with pytest.raises(WorkbenchError, match=r"is empty|holds a header and no row"):
        importers.import_files(store, [write(tmp_path, "reviews.csv", text)])


def test_a_header_that_stands_twice_is_asked_for(store, tmp_path):
    path = write(tmp_path, "reviews.csv", "body,rating,body\na,4,c\n")
    with pytest.raises(WorkbenchError, match="'body' more than once") as caught:
        importers.import_files(store, [path])
    assert "'body', 'body (2)'" in caught.value.problem
    importers.import_files(store, [path], mapping={"body": "body (2)"})
    assert store.rows("SELECT body, attributes->>'body' FROM reviews") == [("c", "a")]


def test_an_empty_header_is_called_by_its_place(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "reviews.csv", "body,,rating\na,b,4\n")])
    assert json.loads(store.value("SELECT attributes FROM reviews")) == {"column 2": "b"}


@pytest.mark.parametrize("name", ["../../x.csv", "😀" * 300 + ".csv"])
def test_the_name_of_an_upload_is_never_a_path(store, tmp_path, name):
    path = write(tmp_path, "upload", REVIEWS + "r1,p1,u1,5,Good,2024-01-02\n")
    staged = importers.read(store.home, [path], names=[name], as_table="reviews")
    assert staged.sheets[0].ready.parent == store.home.uploads
    staged.discard()
    assert not list(store.home.uploads.iterdir())
    assert not (store.home.root.parent / "x.csv").exists()


def test_a_hostile_column_name_is_only_a_name(store, tmp_path):
    hostile = 'x"); drop table reviews;--'
    text = 'review_id,rating,body,"' + hostile.replace('"', '""') + '"\nr1,5,Good,kept\n'
    importers.import_files(store, [write(tmp_path, "reviews.csv", text)])
    assert json.loads(store.value("SELECT attributes FROM reviews")) == {hostile: "kept"}


def test_the_same_file_twice_changes_nothing_and_a_changed_row_is_updated(store, tmp_path):
    path = write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,Good,2024-01-02\nr2,p1,u2,4,Fine,2024-01-02\n")
    importers.import_files(store, [path])
    again = importers.import_files(store, [path])
    assert counts(again)["unchanged"] == 2 and again["data_version"] == 1
    write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,2,Good,2024-01-02\nr2,p1,u2,4,Fine,2024-01-02\n")
    assert counts(importers.import_files(store, [path])) | {"read": 0} == {
        "read": 0, "added": 0, "updated": 1, "unchanged": 1, "rejected": 0, "set_apart": 0,
    }  # fmt: skip
    assert store.value("SELECT rating FROM reviews WHERE review_id = 'r1'") == 2


def test_a_file_that_lacks_a_column_empties_nothing(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "products.csv", "product_id,title,price\np1,Lamp,9.5\n")])
    importers.import_files(store, [write(tmp_path, "reviews.csv", REVIEWS + "r1,p1,u1,5,Good,2024-01-02\n")])
    assert store.rows("SELECT title, price FROM products") == [("Lamp", 9.5)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings_are_told(store, tmp_path, encoding):
    text = "评论id,商品id,评分,评论\n" + "".join(
        f"r{i},p1,5,这个商品的质量很好，物流也很快，下次还会再来购买，非常满意。\n" for i in range(30)
    )
    document = importers.import_files(store, [write(tmp_path, "reviews.csv", text.encode(encoding))])
    assert counts(document)["added"] == 30
    assert store.rows("SELECT DISTINCT language, left(body, 4) FROM reviews") == [("zh", "这个商品")]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I love this café in the Crème colour"),
        ("en", "Pros and cons: the die is not good"),
        ("en", "Great"),
        ("de", "Müll, nie wieder!"),
        ("de", "Der Deckel ist nach zwei Wochen gebrochen"),
        ("fr", "Très bon produit"),
        ("fr", "Il est arrivé cassé"),
        ("es", "No es lo que esperaba"),
    ],
)
def test_a_language_is_told_by_its_words_and_letters(store, language, text):
    with store.cursor() as cursor:
        sql.prepare(cursor)
        assert cursor.execute("SELECT language_of(?)", [text]).fetchone() == (language,)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_and_one_column_is_refused(store, tmp_path, delimiter):
    text = (REVIEWS + "r1,p1,u1,5,Good,2024-01-02\n").replace(",", delimiter)
    assert counts(importers.import_files(store, [write(tmp_path, "reviews.csv", text)]))["added"] == 1
    with pytest.raises(WorkbenchError, match="one column only"):
        importers.import_files(store, [write(tmp_path, "one.csv", "body\nGood\n")])


def test_binary_files_and_unknown_kinds_are_refused(store, tmp_path):
    with pytest.raises(WorkbenchError, match="NUL bytes"):
        importers.import_files(store, [write(tmp_path, "reviews.csv", b"a,b\n\0\1,2\n")])
    with pytest.raises(WorkbenchError, match="cannot be read"):
        importers.import_files(store, [write(tmp_path, "reviews.pkl", b"abc")])


def test_a_packed_file_that_grows_too_large_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "MOST_BYTES", 10_000)
    with pytest.raises(WorkbenchError, match="the limit"):
        importers.import_files(store, [write(tmp_path, "reviews.csv.gz", gzip.compress(b"a,b\n" * 10_000))])
    assert not list(store.home.uploads.iterdir())


def test_json_lines_zip_and_parquet_come_in(store, tmp_path):
    import pandas as pd

    rows = [{"review_id": f"r{i}", "product_id": "p", "rating": 4, "body": "Fine", "extra": {"a": [1]}} for i in range(3)]
    lines = "\n".join(json.dumps(row) for row in rows)
    importers.import_files(store, [write(tmp_path, "a.jsonl", lines)])
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("inside.json", json.dumps([{**row, "review_id": f"z{i}"} for i, row in enumerate(rows)]))
    importers.import_files(store, [tmp_path / "b.zip"])
    pd.DataFrame(rows).drop(columns="extra").assign(review_id=["q0", "q1", "q2"]).to_parquet(tmp_path / "c.parquet")
    importers.import_files(store, [tmp_path / "c.parquet"])
    assert store.counts()["reviews"] == 9


def test_a_parquet_file_is_previewed(home, tmp_path):
    import pandas as pd

    rows = {"review_id": ["a", "b"], "rating": [4.0, None], "tags": [[pd.Timestamp("2024-05-01")], []]}
    pd.DataFrame(rows).to_parquet(tmp_path / "c.parquet")
    found = source.open_source(home.uploads, tmp_path / "c.parquet").preview()
    assert found[0] == {"review_id": "a", "rating": "4", "tags": '["2024-05-01 00:00:00"]'}
    assert found[1]["review_id"] == "b" and found[1]["tags"] == "[]"


def test_a_table_that_is_not_certain_is_asked_for(store, tmp_path):
    path = write(tmp_path, "x.csv", "alpha,beta\n1,2\n")
    with pytest.raises(WorkbenchError, match="not certain") as caught:
        importers.import_files(store, [path])
    assert "--as" in caught.value.fix
    importers.import_files(store, [path], as_table="products", mapping={"product_id": "alpha", "title": "beta"})
    assert store.rows("SELECT product_id, title FROM products") == [("1", "2")]


def test_every_importer_has_a_table_a_title_and_columns_of_the_schema():
    from workbench.shop.schema import TABLES

    assert len(importers.importers()) >= 7
    for importer in importers.importers().values():
        assert importer.needs and importer.title
        for table, plan in importer.fills.items():
            assert set(plan.columns) <= set(TABLES[table].names) and TABLES[table].key in plan.columns


def test_counts_of_every_kind_add_up(store, tmp_path):
    text = REVIEWS + "r1,p1,u1,5,A,2024-01-02\nr1,p1,u1,5,A,2024-01-02\nr2,p1,u1,9,B,2024-01-02\n"
    found = counts(importers.import_files(store, [write(tmp_path, "reviews.csv", text)]))
    assert add_up(found) and (found["added"], found["rejected"], found["set_apart"]) == (1, 1, 1)
