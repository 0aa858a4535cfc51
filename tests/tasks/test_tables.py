import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.export import to_xlsx
from workbench.shop.importers import Reading
from workbench.tasks import tables
from workbench.tasks.labelled import read_labelled
from workbench.tasks.tables import propose, read_table, two_columns

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ROWS = pd.DataFrame({"text": ["很好用，喜欢", "质量太差了, 不推荐", "一般般吧"], "label": ["positive", "negative", "neutral"]})


@pytest.fixture
def read(tmp_path):
    """The table in this content, in a file of this name."""

    def read(content, name="rows.csv", **said):
        path = tmp_path / name
        path.write_bytes(content)
        return read_table(path, reading=Reading.of(**said))

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_encodings_are_found(read, encoding):
    found = read(pd.concat([ROWS] * 20).to_csv(index=False).encode(encoding))
    assert found.frame["text"].head(3).tolist() == ROWS["text"].tolist() and found.frame.index.tolist()[:2] == [2, 3]
    assert found.questions == ()


def test_latin_1_is_found(read):
    found = read("text,label\nTrès déçu de l'appareil acheté à Noël,negative\nÇa marche très bien,positive\n".encode("latin-1"))
    assert found.frame["text"].iloc[0] == "Très déçu de l'appareil acheté à Noël" and "latin-1, divided by comma" in found.words


def test_what_is_not_certain_is_asked(read):
    content = "text,label\ncaf\xe9,a\nfine,b\n".encode("latin-1")
    (question,) = read(content).questions
    assert question.about == "encoding" and "latin-1" in question.choices
    assert read(content, encoding="latin-1").questions == ()


@pytest.mark.parametrize(("delimiter", "said"), [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "bar")])
def test_delimiters_are_found(read, delimiter, said):
    found = read(ROWS.to_csv(index=False, sep=delimiter).encode())
    assert f"divided by {said}" in found.words and found.frame["label"].tolist() == ROWS["label"].tolist()


def test_every_form_gives_the_same_table(read):
    parquet, packed = io.BytesIO(), io.BytesIO()
    ROWS.to_parquet(parquet)
    content = ROWS.to_csv(index=False).encode()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("rows.csv", content)
    forms = {
        "rows.xlsx": to_xlsx({"rows": ROWS}),
        "book.csv": to_xlsx({"rows": ROWS}),  # content decides, not the name
        "rows.parquet": parquet.getvalue(),
        "rows.jsonl": ROWS.to_json(orient="records", lines=True, force_ascii=False).encode(),
        "rows.json": ROWS.to_json(orient="records", force_ascii=False).encode(),
        "rows.csv.gz": gzip.compress(content),
        "rows.csv.bz2": bz2.compress(content),
        "rows.zip": packed.getvalue(),
    }
    for name, form in forms.items():
        assert read(form, name).frame.to_dict("list") == ROWS.to_dict("list"), name


def test_quotes_behind_a_backslash_and_lines_above_the_header(read):
    quoted = read(b'text,label\n"say \\"hi\\", twice",a\n"the \\"best\\" one",b\n')
    assert quoted.frame["text"].tolist() == ['say "hi", twice', 'the "best" one']
    titled = read(b"Export of Monday\n\ntext,label\nfine,a\nbad,b\ngood,a\n")
    assert list(titled.frame.columns) == ["text", "label"] and titled.frame.index.tolist() == [4, 5, 6]


def test_rows_of_another_width_are_named_by_their_line(read):
    found = read(b'text,label\n"two\nlines",a\ntoo,many,fields\nfine,b\nfew\n')
    assert found.frame.index.tolist() == [2, 5] and [p.row for p in found.problems] == [4, 6]
    assert "too few or too many fields" in found.problems[0].problem
    labelled = read_labelled(pd.DataFrame({"text": ["", "x"], "label": ["a", "b"]}, index=found.frame.index), "tone", "text", "label")
    assert [p.row for p in labelled.problems] == [2]


def test_an_open_quote_is_named_and_the_rows_before_it_are_kept(read):
    found = read(b'text,label\nfine,a\n"never closed,b\nmore,c\n')
    assert found.frame["text"].tolist() == ["fine"] and found.problems[0].row == 3 and "not closed" in found.problems[0].problem


def test_numbers_that_were_exported_as_fractions_are_whole(read):
    table = pd.DataFrame({"text": ["a", "b", "c"], "late": [1.0, None, 0.0], "price": [1.5, 2.0, 3.0], "version": ["2.0", "x", "1.0"]})
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    for found in (read(table.to_csv(index=False).encode()), read(parquet.getvalue(), "rows.parquet")):
        assert found.frame["late"].tolist() == ["1", "", "0"] and found.frame["version"].tolist() == ["2.0", "x", "1.0"]
        assert found.frame["price"].iloc[0] == "1.5"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", b"", "is empty"),
        ("rows.csv", b"text,label\n", "a header and no row"),
        ("rows.csv", b"text,label\n\0\0\0\0,a\n", "NUL bytes"),
        ("rows.xlsx", b"PK\x03\x04 not a workbook", "damaged or cut off"),
        ("rows.parquet", b"PAR1 not parquet PAR1", "not a readable Parquet"),
        ("rows.csv.gz", b"\x1f\x8b broken", "damaged or cut off"),
        ("rows.exe", b"text,label\nfine,a\n", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(read, name, content, said):
    with pytest.raises(WorkbenchError, match=said):
        read(content, name)


def test_one_column_of_texts_may_hold_commas(read):
    found = read(b'text\nnice, but late\nalso, late\n"quoted, too"\n\nfine\n')
    assert found.frame["text"].tolist() == ["nice, but late", "also, late", "quoted, too", "fine"] and found.problems == []
    everywhere = read(b"text\n" + b"nice, but late\n" * 9)
    assert list(everywhere.frame.columns) == ["text"] and len(everywhere.frame) == 9
    with pytest.raises(WorkbenchError, match="read as one column, 'text'"):
        two_columns(found)


def test_a_workbook_of_one_column_is_read(read):
    found = read(to_xlsx({"rows": ROWS[["text"]]}), "rows.xlsx")
    assert found.frame["text"].tolist() == ROWS["text"].tolist() and found.words == "workbook · 3 rows, 1 column"


def test_an_archive_of_several_tables_asks_which(read):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("train.csv", "test.csv"):
            archive.writestr(name, f"text,label\n{name},a\n")
    with pytest.raises(WorkbenchError, match="2 readable files"):
        read(packed.getvalue(), "rows.zip")
    assert read(packed.getvalue(), "rows.zip", part="test.csv").frame["text"].tolist() == ["test.csv"]


def test_too_many_rows_name_the_limit(read, monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 100)
    with pytest.raises(WorkbenchError, match="101 rows; at most 100 are allowed"):
        read(b"text,label\n" + b"a,b\n" * 101)


def test_repeated_and_empty_headers_get_names_of_their_own(read):
    assert list(read(b"text,,text,label\na,b,c,d\n").frame.columns) == ["text", "column 2", "text (2)", "label"]


def test_columns_are_proposed_by_name_else_by_their_look():
    assert propose(pd.DataFrame({"id": ["1"], "Review Body": ["x"], "sentiment": ["a"]})) == ("Review Body", "sentiment")
    looks = pd.DataFrame({"nr": ["1", "2", "3"], "q": ["a long question?", "another one here", "and a third"], "k": ["a", "b", "a"]})
    assert propose(looks) == ("q", "k")


@pytest.mark.real
def test_real_tickets_are_proposed_and_read():
    path = DATA / "banking77" / "train.csv"
    if not path.exists():
        pytest.skip("needs ../shared/data/banking77")
    table = read_table(path)
    text, label = propose(table.frame)
    found = read_labelled(table.frame, "bank", text, label)
    assert (text, label) == ("text", "category") and len(found.counts) == 77 and len(found.rows) > 9900
    found.check()
