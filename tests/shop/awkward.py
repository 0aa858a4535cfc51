"""Files as shops have them and as the world breaks them: each with what must become of it.

`CORPUS` maps a name to a `Case`: the file's name and bytes, what is said beside it, and either the rows that
come in (`added`) with the cells that must be right, or the words with which it is refused or asked about.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from dataclasses import dataclass, field
from typing import Any

HEADER = "review_id,product_id,user_id,rating,body,created_at\n"
ROWS = "r1,p1,u1,5,Good lamp,2024-05-01\nr2,p2,u2,1,Broke at once,2024-05-02\n"
PLAIN = HEADER + ROWS
CHINESE = (
    "评论id,商品id,用户id,评分,评论内容,评论时间\n"
    "r1,p1,u1,5,这个商品的质量很好，物流也很快，非常满意,2024-05-01\nr2,p2,u2,1,质量太差，用了一次就坏了,2024年5月2日\n"
)
FRENCH = HEADER + "r1,p1,u1,5,Très joli et très léger,2024-05-01\nr2,p2,u2,1,Déçu: cassé après un été,2024-05-02\n"
GERMAN = "Artikel;sku;price\nLöffel;p1;3,50\nSchüssel groß;p2;1.234,00\n"


@dataclass(frozen=True)
class Case:
    """A file, what is said of it, and what must become of it."""

    name: str
    content: bytes
    added: int | None = None
    table: str = "reviews"
    said: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    asked: str = ""
    rejected: int = 0
    sql: str = ""
    finds: Any = None


def text(name: str, content: str, encoding: str = "utf-8", **expected: Any) -> Case:
    return Case(name, content.encode(encoding), **expected)


def zipped(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def taped(mode: str, name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tape:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tape.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for i, row in enumerate(rows):
                sheet.write_row(i, 0, row)
    return buffer.getvalue()


def parquet() -> bytes:
    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame({"review_id": ["r1", "r2"], "product_id": "p", "rating": [5.0, 1.0], "body": ["a", "b"]}).to_parquet(buffer)
    return buffer.getvalue()


TABLE = [["review_id", "product_id", "rating", "body"], ["r1", "p1", 5, "Good"], ["r2", "p2", 1, "Bad"]]
JSON_ROWS = [dict(zip(TABLE[0], row, strict=True)) for row in TABLE[1:]]
DATES = "SELECT CAST(created_at AS VARCHAR) FROM reviews ORDER BY review_id LIMIT 1"
BODY = "SELECT body FROM reviews ORDER BY review_id LIMIT 1"
PRICE = "SELECT price FROM products ORDER BY product_id DESC LIMIT 1"


def one_date(written: str, **more: Any) -> Case:
    expected = {"added": 1, "sql": DATES, "finds": "2024-05-25 00:00:00", **more}
    return text("reviews.csv", HEADER + f'r1,p1,u1,5,Good,"{written}"\n', **expected)


def one_price(written: str, finds: float, delimiter: str = ";", **more: Any) -> Case:
    content = (
        f"product_id,title,price\np1,Mug,7.5\np2,Pot,{written}\n"
        if delimiter == ","
        else f"product_id;title;price\np1;Mug;7,5\np2;Pot;{written}\n"
    )
    return text("products.csv", content, table="products", added=2, sql=PRICE, finds=finds, **more)


def one_rating(written: str, finds: float) -> Case:
    return text("reviews.csv", HEADER + f'r1,p1,u1,"{written}",Good,2024-05-01\n', added=1, sql="SELECT rating FROM reviews", finds=finds)


CORPUS: dict[str, Case] = {
    # -- encodings
    "utf-8": text("reviews.csv", PLAIN, added=2),
    "utf-8 with a mark": text("reviews.csv", PLAIN, "utf-8-sig", added=2),
    "utf-16 with a mark": text("reviews.csv", PLAIN, "utf-16", added=2),
    "utf-16 little end first without a mark": text("reviews.csv", PLAIN, "utf-16-le", added=2),
    "utf-16 big end first without a mark": text("reviews.csv", PLAIN, "utf-16-be", added=2),
    "utf-32 with a mark": text("reviews.csv", PLAIN, "utf-32", added=2),
    "gbk": text("评论.csv", CHINESE, "gbk", added=2, sql="SELECT left(body, 4) FROM reviews ORDER BY review_id LIMIT 1", finds="这个商品"),
    "gb18030": text("评论.csv", CHINESE, "gb18030", added=2, sql="SELECT count(created_at) FROM reviews", finds=2),
    "chinese in utf-16": text("评论.csv", CHINESE, "utf-16", added=2),
    "latin-1": text("avis.csv", FRENCH, "latin-1", added=2, sql=BODY, finds="Très joli et très léger"),
    "cp1252 with its own quotes": text("avis.csv", FRENCH.replace("Déçu", "‘Déçu’ – “non”"), "cp1252", added=2),
    "cyrillic is asked": text(
        "отзывы.csv", HEADER + "r1,p1,u1,5,Очень хороший товар всем советую,2024-05-01\n" * 9, "cp1251", asked="encoding"
    ),
    "cyrillic when said": text(
        "отзывы.csv",
        HEADER + "r1,p1,u1,5,Очень хороший товар,2024-05-01\n",
        "cp1251",
        said={"encoding": "cp1251"},
        added=1,
        sql=BODY,
        finds="Очень хороший товар",
    ),
    "a wrong encoding is named": text("r.csv", FRENCH, "latin-1", said={"encoding": "utf-8"}, refused="not written in utf-8"),
    "one broken byte in utf-8": Case(
        "reviews.csv",
        (HEADER + "r1,p1,u1,5,质量很好非常满意下次再来,2024-05-01\n" * 5).encode().replace("来".encode(), "来".encode()[:2], 1),
        added=1,
        sql="SELECT count(*) FROM reviews WHERE body LIKE '质量很好%'",
        finds=1,
    ),
    "a stray nul": Case(
        "reviews.csv", (PLAIN * 40).replace("lamp", "la\0mp", 1).encode(), added=2, rejected=39, sql=BODY, finds="Good lamp"
    ),
    "binary": Case("reviews.csv", bytes(range(256)) * 40, refused="NUL bytes"),
    # -- delimiters and quotes
    "semicolons": text("reviews.csv", PLAIN.replace(",", ";"), added=2),
    "tabs": text("reviews.tsv", PLAIN.replace(",", "\t"), added=2),
    "bars": text("reviews.txt", PLAIN.replace(",", "|"), added=2),
    "sep= above": text("reviews.csv", "sep=;\n" + PLAIN.replace(",", ";"), added=2),
    "a title above": text("reviews.csv", "Reviews of May\nmade by hand\n" + PLAIN, added=2),
    "two delimiters that fit": text("products.csv", "product_id;title,price;brand\np1;a,1;x\np2;b,2;y\n", asked="delimiter"),
    "a delimiter said": text(
        "products.csv", "product_id;title,price;brand\np1;a,1;x\np2;b,2;y\n", said={"delimiter": "semicolon"}, added=2, table="products"
    ),
    "one column": text("reviews.csv", "body\nGood\n", refused="one column only"),
    "quotes behind a backslash": text(
        "reviews.csv",
        HEADER + 'r1,p1,u1,5,"He said \\"well, good\\" to me",2024-05-01\n' + ROWS.split("\n")[1] + "\n",
        added=2,
        sql=BODY,
        finds='He said "well, good" to me',
    ),
    "doubled quotes": text("reviews.csv", HEADER + 'r1,p1,u1,5,"He said ""good""",2024-05-01\n', added=1, sql=BODY, finds='He said "good"'),
    "a text of several lines": text(
        "reviews.csv",
        HEADER + 'r1,p1,u1,5,"one\ntwo\nthree",2024-05-01\nr2,p1,u1,many,x,2024-05-01\n',
        added=1,
        rejected=1,
        sql=BODY,
        finds="one\ntwo\nthree",
    ),
    "a quote never closed": text(
        "reviews.csv", PLAIN + 'r3,p,u,5,"never,2024-05-03\n' + "r4,p,u,5,x,2024-05-03\n" * 3, added=2, rejected=1
    ),
    "too few fields": text("reviews.csv", PLAIN + "r3,p\n", added=2, rejected=1),
    "too many fields": text("reviews.csv", PLAIN + "r3,p,u,5,x,2024-05-05,more\n", added=2, rejected=1),
    "blank lines at the end": text("reviews.csv", PLAIN + "\n\n\n", added=2),
    "carriage returns alone": text("reviews.csv", PLAIN.replace("\n", "\r"), added=2),
    "mixed line ends": text("reviews.csv", PLAIN.replace("\n", "\r\n", 1), added=2),
    # -- headers
    "an empty header": text("reviews.csv", HEADER.replace("created_at", "") + ROWS, added=2),
    "a header twice": text("reviews.csv", "product_id,rating,body,body\np1,5,a,b\n", refused="more than once"),
    "a hostile header": text("reviews.csv", 'product_id,rating,body,"x""); drop table reviews;--"\np1,5,a,b\n', added=1),
    "spaces and capitals in headers": text("r.csv", " Product ID , Star-Rating ,Review Text\np1,5,Good\n", added=1),
    "chinese headers": text("订单.csv", "订单号,商品编号,买家,数量,单价,下单时间\n1,p1,u1,2,9.5,2024/5/3 10:20\n", table="events", added=1),
    "five thousand columns": text(
        "w.csv", ",".join(f"c{i}" for i in range(5000)) + "\n" + ",".join("1" * 5000) + "\n", refused="at most 1000"
    ),
    "empty": text("reviews.csv", "", refused="is empty"),
    "a header alone": text("reviews.csv", HEADER, refused="no row"),
    "columns that tell nothing": text("x.csv", "alpha,beta\n1,2\n", refused="not certain"),
    # -- dates
    "an iso date": one_date("2024-05-25"),
    "an iso time with a zone": one_date("2024-05-25T00:00:00Z"),
    "day first with dots": one_date("25.05.2024"),
    "day first with slashes": one_date("25/05/2024"),
    "month first": one_date("05/25/2024"),
    "an open date is asked": one_date("03/04/2024", asked="dates", added=None),
    "an open date when said": one_date("05/04/2024", said={"dates": "dayfirst"}, finds="2024-04-05 00:00:00"),
    "two-digit year": one_date("31/05/24", finds="2024-05-31 00:00:00"),
    "an open two-digit year is asked": one_date("25/05/24", asked="dates", added=None),
    "month by name": one_date("May 25, 2024"),
    "day and month by name": one_date("25 May 2024"),
    "amazon's way": one_date("05 25, 2024"),
    "chinese date": one_date("2024年5月25日"),
    "digits alone": one_date("20240525"),
    "seconds since 1970": one_date("1716595200"),
    "no date": text("reviews.csv", PLAIN + "r3,p,u,5,x,someday\n", added=2, rejected=1),
    # -- numbers
    "decimal comma": one_price("12,5", 12.5),
    "decimal comma with thousands": one_price("1.234,56", 1234.56),
    "a point for thousands beside commas": one_price("1.234", 1234.0),
    "decimal point": one_price("12.5", 12.5, ","),
    "thousands in quotes": one_price('"1,234.56"', 1234.56, ","),
    "a currency before": one_price("$12.50", 12.5, ","),
    "a currency behind": one_price("12,50 €", 12.5),
    "an open comma is asked": text("products.csv", 'product_id,title,price\np1,Mug,"1,234"\n', asked="decimal"),
    "an open comma when said": text(
        "products.csv",
        'product_id,title,price\np2,Mug,"1,234"\n',
        said={"decimal": "comma"},
        table="products",
        added=1,
        sql=PRICE,
        finds=1.234,
    ),
    "stars of five": one_rating("4/5", 4.0),
    "stars drawn": one_rating("★★★★☆", 4.0),
    "stars in words": one_rating("4.0 out of 5 stars", 4.0),
    "not a number": text("products.csv", "product_id,title,price\np1,Mug,nan\np2,Pot,3\n", table="products", added=1, rejected=1),
    "a german file": text(
        "artikel.csv", GERMAN, "cp1252", table="products", said={"mapping": {"title": "Artikel"}}, added=2, sql=PRICE, finds=1234.0
    ),
    # -- packing
    "gz": Case("reviews.csv.gz", gzip.compress(PLAIN.encode()), added=2),
    "bz2": Case("reviews.csv.bz2", bz2.compress(PLAIN.encode()), added=2),
    "xz": Case("reviews.csv.xz", lzma.compress(PLAIN.encode()), added=2),
    "zip": Case("any.zip", zipped({"reviews.csv": PLAIN}), added=2),
    "zip from a mac": Case("any.zip", zipped({"reviews.csv": PLAIN, "__MACOSX/._reviews.csv": "junk"}), added=2),
    "tgz": Case("any.tgz", taped("w:gz", "reviews.csv", PLAIN.encode()), added=2),
    "tar": Case("any.tar", taped("w", "reviews.csv", PLAIN.encode()), added=2),
    "gz in a zip": Case("any.zip", zipped({"reviews.csv.gz": gzip.compress(PLAIN.encode())}), added=2),
    "two tables in a zip": Case("all.zip", zipped({"reviews.csv": PLAIN, "products.csv": "product_id,title\np1,Lamp\n"}), added=2),
    "nothing in a zip": Case("any.zip", zipped({"readme.md": "hello"}), refused="no file that can be read"),
    "a damaged zip": Case("any.zip", b"PK\x03\x04garbage", refused="damaged"),
    "a gz cut off": Case("reviews.csv.gz", gzip.compress(PLAIN.encode() * 500)[:60], refused="damaged"),
    # -- other kinds
    "json lines": text("reviews.jsonl", "\n".join(map(json.dumps, JSON_ROWS)), added=2),
    "json array": text("reviews.json", json.dumps(JSON_ROWS, indent=2), added=2),
    "json around an array": text("reviews.json", json.dumps({"count": 2, "reviews": JSON_ROWS}), added=2),
    "json around an array, laid out": text("reviews.json", json.dumps({"count": 2, "reviews": JSON_ROWS}, indent=2), added=2),
    "python's notation": text("reviews.json", "\n".join(map(repr, JSON_ROWS)), added=2),
    "json lines with a mark": text("reviews.jsonl", "\n".join(map(json.dumps, JSON_ROWS)), "utf-8-sig", added=2),
    "a broken json line": text("reviews.jsonl", json.dumps(JSON_ROWS[0]) + "\n{broken\n", added=1, rejected=1),
    "json of numbers": text("reviews.json", "[1, 2, 3]", refused="no JSON objects"),
    "broken json": text("reviews.json", '[{"a": 1', refused="is not JSON"),
    "parquet": Case("reviews.parquet", parquet(), added=2),
    "parquet under a csv's name": Case("reviews.csv", parquet(), added=2),
    "workbook": Case("reviews.xlsx", workbook({"Sheet1": TABLE}), added=2),
    "workbook under a csv's name": Case("reviews.csv", workbook({"Sheet1": TABLE}), added=2),
    "workbook with a cover sheet": Case("reviews.xlsx", workbook({"About": [["Reviews of May"]], "Data": TABLE}), added=2),
    "workbook with two tables is asked": Case("reviews.xlsx", workbook({"A": TABLE, "B": TABLE}), asked="part"),
    "workbook with two tables when said": Case("reviews.xlsx", workbook({"A": TABLE, "B": TABLE}), said={"part": "B"}, added=2),
    "an empty workbook": Case("reviews.xlsx", workbook({"A": []}), refused="no sheet"),
    "a damaged workbook": Case("reviews.xlsx", b"PK\x03\x04garbage", refused="damaged|not a readable"),
    "a damaged parquet": Case("reviews.parquet", b"PAR1garbage", refused="not a readable"),
    "a page under a table's name": text("reviews.csv", "<html><table><tr><td>1</td></tr></table></html>", refused="HTML"),
    "an unknown kind": Case("reviews.pkl", b"abc", refused="cannot be read"),
    # -- contents
    "emoji and right-to-left": text(
        "reviews.csv", HEADER + "r1,p1,u1,5,😀 مرحبا بالعالم 👍🏽,2024-05-01\n", added=1, sql=BODY, finds="😀 مرحبا بالعالم 👍🏽"
    ),
    "a very long text": text(
        "reviews.csv",
        HEADER + f"r1,p1,u1,5,{'long ' * 6000},2024-05-01\n",
        added=1,
        sql="SELECT length(body) > 29000 FROM reviews",
        finds=True,
    ),
    "one row twice": text("reviews.csv", PLAIN + ROWS, added=2),
    "a rating out of range": text("reviews.csv", PLAIN + "r3,p,u,9,x,2024-05-05\n", added=2, rejected=1),
    "a row number column": text("reviews.csv", ",product_id,rating,body\n0,p1,5,a\n1,p2,4,b\n", added=2),
    "sequences when said": text("s.txt", "u1 p1 p2 p3\nu2 p2 p3\n", said={"preset": "sequences"}, table="events", added=5),
    "sequences are refused unsaid": text("s.txt", "u1 p1 p2 p3\nu2 p2 p3\n", refused="--preset: sequences"),
    "reviews with German headers": text(
        "b.csv",
        "Bewertungsnr;Artikelnummer;Kundennr;Sterne;Überschrift;Bewertungstext;Datum;Preis\n"
        "B1;P1;U1;4 von 5;Toll;Sehr leise und stark;16.08.2026;65,83\nB2;P1;U2;1 von 5;Müll;Größe stimmt nicht;17.08.2026;60,77\n",
        added=2,
        sql="SELECT bool_and(review_id IN ('B1', 'B2') AND user_id IN ('U1', 'U2') AND title <> '' AND language = 'de') FROM reviews",
        finds=True,
    ),
    "one id in most rows is no catalogue": text("x.csv", "sku,price,note\n" + "A,1,x\nA,2,y\nB,1,z\n" * 3, asked="as_table"),
    "a table without a header": text("x.csv", "17,4.5,2024-05-01,fine\n18,3.5,2024-05-02,poor\n", refused="looks like a row"),
}
