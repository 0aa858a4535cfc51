import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.export import to_xlsx
from workbench.tasks import tables
from workbench.tasks.labelled import read_labelled
from workbench.tasks.tables import propose, read_file, read_table, two_columns

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ROWS = pd.DataFrame({"text": ["很好用，喜欢", "质量太差了, 不推荐", "一般般吧"], "label": ["positive", "negative", "neutral"]})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_are_found(encoding):
    content = pd.concat([ROWS] * 20).to_csv(index=False).encode(encoding)
    found = read_table(content)
    assert found.frame["text"].head(3).tolist() == ROWS["text"].tolist() and found.frame.index.tolist()[:2] == [2, 3]


def test_latin_1_is_found():
    found = read_table("text,label\nTrès déçu de l'appareil acheté à Noël,negative\nÇa marche très bien,positive\n".encode("latin-1"))
    assert found.frame["text"].iloc[0] == "Très déçu de l'appareil acheté à Noël"


@pytest.mark.parametrize(("delimiter", "form"), [(",", "CSV"), ("\t", "TSV"), (";", "CSV"), ("|", "CSV")])
def test_delimiters_are_found(delimiter, form):
    found = read_table(ROWS.to_csv(index=False, sep=delimiter).encode())
    assert (found.form, found.delimiter) == (form, delimiter) and found.frame["label"].tolist() == ROWS["label"].tolist()


def test_every_form_gives_the_same_table(tmp_path):
    parquet = io.BytesIO()
    ROWS.to_parquet(parquet)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("rows.csv", ROWS.to_csv(index=False))
    forms = [to_xlsx({"rows": ROWS}), parquet.getvalue(), ROWS.to_json(orient="records", lines=True, force_ascii=False).encode()]
    forms += [gzip.compress(ROWS.to_csv(index=False).encode()), packed.getvalue()]
    for content in forms:
        assert read_table(content).frame.to_dict("list") == ROWS.to_dict("list")
    path = tmp_path / "x.csv"
    path.write_bytes(forms[0])  # content decides, not the name
    assert read_file(path).form == "XLSX"


def test_rows_of_another_width_are_named_by_their_line():
    found = read_table(b'text,label\n"two\nlines",a\ntoo,many,fields\nfine,b\nfew\n')
    assert found.frame.index.tolist() == [2, 5] and [p.row for p in found.problems] == [4, 6]
    assert "3 fields where the header has 2" in found.problems[0].problem
    labelled = read_labelled(pd.DataFrame({"text": ["", "x"], "label": ["a", "b"]}, index=found.frame.index), "tone", "text", "label")
    assert [p.row for p in labelled.problems] == [2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"text,label\n", "a header but no rows"),
        (b'text,label\nfine,a\n"never closed,b\nmore,c\n', "quote that opens in line 3"),
        (b"text,label\n\0\0\0,a\n", "NUL bytes"),
        (b"PK\x03\x04 not a workbook", "cannot be unpacked"),
        (b"PAR1 not parquet PAR1", "no readable Parquet"),
        (b"\x1f\x8b broken", "cannot be unpacked"),
    ],
)
def test_what_cannot_be_read_is_said(content, said):
    with pytest.raises(WorkbenchError, match=said):
        read_table(content)


def test_one_column_of_texts_may_hold_commas():
    found = read_table(b'text\nnice, but late\n"quoted, too"\nfine\n')
    assert found.frame["text"].tolist() == ["nice, but late", "quoted, too", "fine"] and found.problems == []
    with pytest.raises(WorkbenchError, match="read as one column, 'text'"):
        two_columns(found)


def test_the_limits_hold_for_what_a_file_unpacks_to(monkeypatch):
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    with pytest.raises(WorkbenchError, match="unpacks to more than"):
        read_table(gzip.compress(b"text,label\n" + b"a,b\n" * 1000))
    monkeypatch.setattr(tables, "MOST_ROWS", 100)
    with pytest.raises(WorkbenchError, match="more than 100 rows"):
        read_table(b"text,label\n" + b"a,b\n" * 101)


def test_repeated_and_empty_headers_get_names_of_their_own():
    assert list(read_table(b"text,,text,label\na,b,c,d\n").frame.columns) == ["text", "column 2", "text (3)", "label"]


def test_columns_are_proposed_by_name_else_by_their_look():
    assert propose(pd.DataFrame({"id": ["1"], "Review Body": ["x"], "sentiment": ["a"]})) == ("Review Body", "sentiment")
    looks = pd.DataFrame({"nr": ["1", "2", "3"], "q": ["a long question?", "another one here", "and a third"], "k": ["a", "b", "a"]})
    assert propose(looks) == ("q", "k")


@pytest.mark.real
def test_real_tickets_are_proposed_and_read():
    path = DATA / "banking77" / "train.csv"
    if not path.exists():
        pytest.skip("needs ../shared/data/banking77")
    table = read_file(path)
    text, label = propose(table.frame)
    found = read_labelled(table.frame, "bank", text, label)
    assert (text, label) == ("text", "category") and len(found.counts) == 77 and len(found.rows) > 9900
    found.check()
