"""Names inside sentences: found where something tells them, words that only stand there left alone."""

import itertools
import time

import pytest

from workbench.shop import importers
from workbench.shop.importers import names

NAMES = ("Anna", "Peter Brown", "Zoë O'Connor", "Jürgen van der Berg", "Maria J. Lopez", "Łukasz Nowak", "Al")
FULL = tuple(name for name in NAMES if " " in name)
TOLD = (
    "My name is {} and I bought two of them.",
    "Hello, my name's {}. The zip broke.",
    "Dear {}, the parcel never came.",
    "Dear Mr. {} the parcel never came",
    "It never came.\nKind regards,\n{}",
    "Please call back. Sincerely, {}",
    "Mein Name ist {}, die Lampe ist kaputt.",
    "Bonjour, je m'appelle {} et le colis est perdu.",
    "Hola, me llamo {} y no funciona.",
    "Mit freundlichen Grüßen {}",
    "Regards, {}",
    "Kind regards\n{}\nLeeds",
    "It never came.\n\nThanks,\n{}",
    "Dear {}\nthe parcel never came",
    "Customer name: {}\nOrder 17",
    "I spoke with Mrs. {} twice",
)
TOLD_IN_FULL = (
    "Hello {}, where is it?",
    "I am {} from Leeds.",
    "I'm {}, order late.",
    "I spoke to {} about it twice.",
    "ich bin {} und warte noch",
)
HAN = ("王伟", "李小龙", "陈静")
TOLD_HAN = ("我叫{}，东西不错", "收货人：{}", "联系人{}，请打电话", "你好，我的名字是{}。")
NOT_NAMES = (
    "I am Happy with it",
    "I am Very Happy With This",
    "I'm So Disappointed",
    "my name is on the box",
    "Dear Customer, read this",
    "Dear Sir or Madam, it broke",
    "Hi All, do not buy",
    "This is Great",
    "this is a Fender Stratocaster",
    "I am African American and it works",
    "Mr. Coffee makes good coffee",
    "Dr. Martens boots run small",
    "I asked for Two of them",
    "Thanks Amazon",
    "I spoke with Customer Service",
    "Best wishes for the new year",
    "regards quality, it is fine",
    "我叫了外卖",
    "我是老客户",
    "联系人不在",
    "这个名字很好听",
    "Ich bin Sehr Zufrieden mit dem Kauf",
    "I am happy",
    "Dear customer",
    "Thanks!\nGreat product",
    "Thanks\nNice",
    "Best\nPrice Ever",
    "Dear Amazon,\nplease read",
    "Brand name: Fender Stratocaster",
    "Hi Fi Sound, at last",
    "MY NAME IS ON THE BOX",
    "我叫了高铁票",
)


@pytest.fixture
def without(store):
    """A text without its names."""
    with store.cursor() as cursor:
        names.prepare(cursor)
        yield lambda text: cursor.execute("SELECT without_names(?)", [text]).fetchall()[0][0]


def told():
    """(a sentence, the same without its name) for every name in every place that tells it."""
    for words, name in (*itertools.product(TOLD, NAMES), *itertools.product(TOLD_IN_FULL, FULL), *itertools.product(TOLD_HAN, HAN)):
        yield words.format(name), words.format("[name]")


def test_most_names_that_something_tells_are_found_and_little_else(without):
    found = [(text, without(text), wanted) for text, wanted in told()]
    right = sum(made == wanted for _, made, wanted in found)
    wrong = [text for text in NOT_NAMES if without(text) != text]
    changed = sum(made != text for text, made, _ in found) + len(wrong)
    assert right / len(found) >= 0.97, [one for one in found if one[1] != one[2]]
    assert right / changed >= 0.97, wrong


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my name is Anna Smith", "my name is [name]"),
        ("MY NAME IS ANNA SMITH AND I WAIT", "MY NAME IS [name] AND I WAIT"),
        ("I am John Miller", "I am [name]"),
        ("Regards, Peter Brown", "Regards, [name]"),
        ("Dear Mr Jones", "Dear Mr [name]"),
        ("我叫王伟", "我叫[name]"),
    ],
)
def test_names_are_found_at_the_end_of_a_text_too(without, text, masked):
    assert without(text) == masked


def test_a_name_that_was_told_is_masked_wherever_it_stands(without):
    assert (
        without("Anna called. My name is Anna! Annabel knows, Anna does.")
        == "[name] called. My name is [name]! Annabel knows, [name] does."
    )


def test_a_name_ends_before_a_word_that_is_none(without):
    assert without("My name is Anna The lamp broke") == "My name is [name] The lamp broke"


def test_the_names_of_a_rows_own_columns_are_masked_in_its_texts(store, tmp_path):
    path = tmp_path / "reviews.csv"
    rows = [
        "r1,p1,5,JANE MILLER here: love it,Jane Miller",
        "r2,p1,4,Jane Miller said so,Tom Rowe",
        "r3,p1,3,so Sunny outside,Sunny",
        "r4,p1,3,as an Amazon Customer I wait,Amazon Customer",
        "r5,p1,5,王伟很喜欢,王伟",
        "r6,p1,5,很高兴,高",
    ]
    path.write_text("review_id,product_id,rating,body,reviewerName\n" + "\n".join(rows) + "\n")
    document = importers.import_files(store, [path])
    assert [body for (body,) in store.rows("SELECT body FROM reviews ORDER BY review_id")] == [
        "[name] here: love it",
        "Jane Miller said so",
        "so Sunny outside",
        "as an Amazon Customer I wait",
        "[name]很喜欢",
        "很高兴",
    ]
    assert document["files"][0]["personal"]["rows"] == {"name": 2}


def test_a_first_and_a_last_name_are_one(store, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("review_id,product_id,rating,body,Last Name,First Name\nr1,p1,5,jane miller here,Miller,Jane\nr2,p1,5,Grace,,Grace\n")
    importers.import_files(store, [path])
    assert [body for (body,) in store.rows("SELECT body FROM reviews ORDER BY 1")] == ["Grace", "[name] here"]


def test_masking_takes_about_as_long_as_reading(home, tmp_path):
    """A text that its macros read a hundred times, or the pattern of a name with a class of all letters, would take forty times as long."""
    path, words = tmp_path / "reviews.csv", "it works &amp; works; order 12 of 30. " * 30
    rows = (f'r{i},p1,5,"Dear Mr Jones, {words} My name is Anna Smith",Anna Smith' for i in range(3000))
    path.write_text("reviewerID,asin,overall,reviewText,reviewerName\n" + "\n".join(rows) + "\n")
    took = {}
    for personal in ("keep", "mask"):
        began = time.perf_counter()
        importers.read(home, [path], personal=personal).discard()
        took[personal] = time.perf_counter() - began
    assert took["mask"] < 2 + 5 * took["keep"], took
