"""Personal data: what is found and masked, what is left alone, ids that are hashed with a key of the home."""

import json

import pytest

from workbench.cli import main
from workbench.shop import importers
from workbench.shop.forget import forget
from workbench.shop.importers import personal
from workbench.shop.store import Store

HEADER = "review_id,product_id,user_id,rating,body,reviewerName,shop\n"
FOUND = {
    "write to anna.smith+x@mail.example.org please": "write to [mail] please",
    "call +49 170 1234567 or (555) 123-4567": "call [phone] or [phone]",
    "my number is 555-123-4567": "my number is [phone]",
    "电话13812345678请联系": "电话[phone]请联系",
    "paid with 4111 1111 1111 1111 twice": "paid with [card] twice",
    "IBAN DE89 3704 0044 0532 0130 00 was charged": "IBAN [iban] was charged",
    "身份证11010519491231002X": "身份证[id number]",
    "sent to 221B Baker Street by mistake": "sent to [address] by mistake",
    "wohne in der Lindenstraße 12a hier": "wohne in der [address] hier",
    "送到上海市浦东新区世纪大道100号了": "[address]了",
}
LEFT = (
    "it is 1920x1080 and cost 1,234.56 on 2024-05-03",
    "order 4111111111111112 never came",
    "model 0439893577 of 10.5 inch, 30000 hours @ 5 W",
    "isbn 9780321125217, bought 3 for 10",
    "used it 12345 times, 100-200-300 done",
    "Fender 099-0502-000 and a JF-02 Ultimate Drive",
    "5 stars! 10/10 would buy again in 2025",
)


def masked(store, text):
    with store.cursor() as cursor:
        personal.prepare(cursor, store.home)
        return cursor.execute("SELECT masked(?)", [text]).fetchall()[0][0]


def test_what_is_personal_in_a_text_is_masked(store):
    assert {text: masked(store, text) for text in FOUND} == FOUND


def test_what_only_looks_like_it_is_left_alone(store):
    assert [masked(store, text) for text in LEFT] == list(LEFT)


def test_the_hash_of_sql_is_that_of_python(store):
    with store.cursor() as cursor:
        personal.prepare(cursor, store.home)
        assert cursor.execute("SELECT pseudonym('Änna')").fetchall()[0][0] == personal.pseudonym(store.home, "Änna")
    assert (store.home.settings / "pseudonyms.key").stat().st_mode & 0o077 == 0


def test_an_import_masks_by_default_and_says_so(store, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + "r1,p1,anna@x.org,5,Mail me at anna@x.org,Anna Smith,north\nr2,p1,u2,4,Fine,,north\n")
    document = importers.import_files(store, [path])
    found = document["files"][0]["personal"]
    assert found == {"masked": True, "rows": {"mail": 1}, "columns": {"reviewerName": "name"}}
    ((user, body, attributes),) = store.rows("SELECT user_id, body, attributes FROM reviews WHERE review_id = 'r1'")
    assert user == personal.pseudonym(store.home, "anna@x.org") and body == "Mail me at [mail]"
    assert json.loads(attributes) == {"reviewerName": "[name]", "shop": "north"}
    assert store.rows("SELECT user_id FROM users ORDER BY 1") == [(user,), ("u2",)]


def test_it_is_kept_when_one_says_so_and_ids_are_hashed_when_chosen(store, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + "r1,p1,u1,5,Mail me at anna@x.org,Anna Smith,north\n")
    importers.import_files(store, [path], personal="keep", pseudonyms=True)
    assert store.rows("SELECT user_id, body FROM reviews") == [(personal.pseudonym(store.home, "u1"), "Mail me at anna@x.org")]


@pytest.mark.parametrize(
    ("user", "hashed"),
    [
        ("o'brien@example.com", True),
        ("müller@example.de", True),
        ("+49 170 1234567", True),
        ("Anna Smith", True),
        ("王小明", True),
        ("anna schmidt", True),
        ("Schmidt, Anna", True),
        ("Anna O’Brien", True),
        ("Anna  Schmidt", True),
        ("Anna <anna@x.org>", True),
        ("C-1001", False),
        ("12345678", False),
        ("anna", False),
    ],
)
def test_a_user_id_that_tells_the_person_is_hashed(store, tmp_path, user, hashed):
    (tmp_path / "orders.csv").write_text(f'customer,product_id,order_date,quantity\n"{user}",p1,2024-01-02,1\n', "utf-8")
    importers.import_files(store, [tmp_path / "orders.csv"])
    kept = personal.pseudonym(store.home, personal.one_spelling(user)) if hashed else user
    assert store.rows("SELECT user_id FROM users") == [(kept,)] and store.value("SELECT user_id FROM events") == kept


SPELLINGS = {
    "+491701234567": ["+49 170 1234567", "+49 (170) 123-4567", "+49/170.1234567"],
    "Anna Schmidt": ["Schmidt, Anna", "Anna  Schmidt", "Anna\u00a0Schmidt"],
    "anna@x.co.uk": ["Anna <Anna@x.co.uk>", "mailto:anna@x.co.uk"],
    "Anna O'Brien": ["Anna O’Brien"],
    "C-1001 / 2": [],
    "a@b": ["A@B"],
}


def test_one_person_has_one_spelling_in_python_and_sql(store):
    with store.cursor() as cursor:
        personal.prepare(cursor, store.home)
        for one, others in SPELLINGS.items():
            for written in (one, *others):
                assert personal.one_spelling(written) == one
                assert cursor.execute("SELECT one_spelling(?)", [written]).fetchall() == [(one,)]


def test_a_name_is_the_same_user_whatever_its_column_is_called(store, tmp_path):
    (tmp_path / "reviews.csv").write_text("review_id,sku,customer,stars,review_text\nR1,K,Anna Schmidt,5,Boils in a minute\n")
    (tmp_path / "orders.csv").write_text("order_id,kunde,sku,date,quantity\n1,Anna Schmidt,K,2026-02-20,1\n2,x1,K,2026-02-20,1\n")
    importers.import_files(store, [tmp_path / "reviews.csv", tmp_path / "orders.csv"])
    assert store.rows("SELECT user_id FROM users ORDER BY 1") == [(personal.pseudonym(store.home, "Anna Schmidt"),), ("x1",)]


def test_a_mail_address_in_capitals_is_the_same_user_and_is_forgotten_by_either(home, tmp_path):
    lines = "Anna@x.org,p1,2024-01-02,1\nanna@x.org,p2,2024-01-03,1\n"
    (tmp_path / "orders.csv").write_text("user_id,product_id,order_date,quantity\n" + lines)
    with Store.open(home) as store:
        importers.import_files(store, [tmp_path / "orders.csv"])
        assert store.value("SELECT count(DISTINCT user_id) FROM events") == 1
    assert forget(home, "Anna@x.org")["removed"]["events"] == 2


def test_the_values_of_problems_are_masked(store, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + "r1,p1,u1,5,Fine,Anna,north\nr2,anna@x.org\n")
    (problem,) = importers.import_files(store, [path])["files"][0]["problems"]
    assert problem["value"] == "r2,[mail]"


def test_neither_words_of_the_command_nor_a_file_of_the_home_tell_what_was_masked(home, tmp_path, capsys):
    path = tmp_path / "reviews.csv"
    bad = "r2,p1,u1,7 of anna@x.org,Call 030 1234567,Anna,north\nr3,p1,anna@x.org\n"
    path.write_text(HEADER + "r1,p1,u1,5,Mail me at anna@x.org or 030 1234567,Anna Smith,north\n" + bad)
    assert main(["import", str(path), "--home", str(home.root)]) == 0
    said = "".join(capsys.readouterr())
    with Store.open(home) as store:
        store.snapshot()
        texts = [str(row) for table in ("reviews", "users") for row in store.rows(f"FROM {table}")]
    files = [file for file in home.root.rglob("*") if file.is_file() and file != path]
    assert "reviews.csv" in said and len(files) >= 2
    for told in (said, *texts, *(file.read_bytes().decode("latin-1") for file in files)):
        assert "anna@x.org" not in told and "1234567" not in told


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("E-Mail", "mail"),
        ("Billing Name", "name"),
        ("收货地址", "address"),
        ("Phone (Billing)", "phone"),
        ("product_name", None),
        ("Title", None),
    ],
)
def test_columns_are_known_by_their_headers(header, kind):
    assert personal.kind_of(header) == kind


def rejected(store, path, **said):
    staged = importers.read(store.home, [path], **said)
    try:
        return importers.rejects(staged)[0][1]
    finally:
        staged.discard()


def test_rejects_are_masked_and_bring_in_the_same_once_they_are_mended(store, tmp_path):
    good = "r1,p0439893577,anna@x.org,5,Mail anna@x.org says Anna Smith or call 555-123-4567,Anna Smith,555-123-4567\n"
    first, broken, mended = (tmp_path / name for name in ("first.csv", "broken.csv", "mended.csv"))
    first.write_text(HEADER + good)
    broken.write_text(HEADER + good.replace(",5,", ",ask bob@x.org,") + "r2,p1,carol@x.org\n")
    importers.import_files(store, [first])
    wanted = store.rows("SELECT * FROM reviews")
    left_out = rejected(store, broken)
    told = left_out.to_csv(index=False)
    assert not [word for word in ("anna@", "bob@", "carol@", "Smith", "555") if word in told]
    assert left_out["product_id"].tolist() == ["p0439893577", "p1"] and left_out["rating"][0] == "ask [mail]"
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM reviews")
    left_out.head(1).assign(rating="5").to_csv(mended, index=False)
    importers.import_files(store, [mended])
    assert store.rows("SELECT * FROM reviews") == wanted


@pytest.mark.parametrize("said", [{}, {"pseudonyms": True}, {"personal": "keep"}])
def test_a_mended_reject_without_a_key_is_the_line_of_the_mended_file(store, tmp_path, said):
    header, good = "order_id,email,name,note,sku,date,quantity\n", "1,Anna@x.org,Anna Smith,call 555-123-4567,K,2026-01-01,1\n"
    broken, mended, whole = (tmp_path / name for name in ("broken.csv", "mended.csv", "whole.csv"))
    broken.write_text(header + good + "2,Ben@x.org,Ben Smith,Mail ben@x.org,K,2026-01-02,many\n")
    left_out = rejected(store, broken, **said)
    importers.import_files(store, [broken], **said)
    left_out.assign(quantity="3").to_csv(mended, index=False)
    importers.import_files(store, [mended], **said)
    whole.write_text(broken.read_text().replace("many", "3"))
    importers.import_files(store, [whole], **said)
    assert store.rows("SELECT order_id, quantity FROM events ORDER BY 1") == [("1", 1.0), ("2", 3.0)]


def test_a_mended_reject_keeps_the_hash_of_its_user(store, tmp_path):
    path, mended = tmp_path / "reviews.csv", tmp_path / "mended.csv"
    path.write_text(HEADER + "r1,p1,u1,many,Fine,,north\n")
    left_out = rejected(store, path, pseudonyms=True)
    assert left_out["user_id"].tolist() == [personal.pseudonym(store.home, "u1")]
    left_out.assign(rating="4").to_csv(mended, index=False)
    importers.import_files(store, [mended], pseudonyms=True)
    assert store.rows("SELECT user_id FROM reviews") == [(personal.pseudonym(store.home, "u1"),)]


def test_rejects_stand_as_in_the_file_where_nothing_is_masked(store, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + "r1,p1,anna@x.org,many,Mail anna@x.org,Anna Smith,north\n")
    assert rejected(store, path, personal="keep").iloc[0, :7].tolist() == path.read_text().splitlines()[1].split(",")
