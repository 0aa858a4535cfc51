"""Names inside sentences: found where something tells them, words that only stand there left alone."""

import itertools

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
)
TOLD_IN_FULL = ("I am {} from Leeds.", "I'm {}, order late.", "I spoke to {} about it twice.", "ich bin {} und warte noch")
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


def test_a_name_that_was_told_is_masked_wherever_it_stands(without):
    assert (
        without("Anna called. My name is Anna! Annabel knows, Anna does.")
        == "[name] called. My name is [name]! Annabel knows, [name] does."
    )


def test_a_name_ends_before_a_word_that_is_none(without):
    assert without("My name is Anna The lamp broke") == "My name is [name] The lamp broke"


def test_the_names_of_a_rows_own_columns_are_masked_in_its_texts(store, tmp_path):
    path = tmp_path / "reviews.csv"
    rows = ["r1,p1,5,Jane Miller here: love it,Jane Miller", "r2,p1,4,Jane Miller said so,Tom Rowe", "r3,p1,3,so Sunny outside,Sunny"]
    path.write_text("review_id,product_id,rating,body,reviewerName\n" + "\n".join(rows) + "\n")
    document = importers.import_files(store, [path])
    assert [body for (body,) in store.rows("SELECT body FROM reviews ORDER BY review_id")] == [
        "[name] here: love it",
        "Jane Miller said so",
        "so Sunny outside",
    ]
    assert document["files"][0]["personal"]["rows"] == {"name": 1}
