"""Markup goes, however it is written; what is left is text, and cleaning it again changes nothing."""

import pytest

from workbench.shop.plain import clean
from workbench.tasks import texts


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Great <br/> product", "Great product"),
        ("Great &lt;br&gt; product", "Great product"),
        ("Great &amp;lt;br&amp;gt; product", "Great product"),
        ('<a title="5 &gt; 3">See</a> <!-- hidden --> here', "See here"),
        ("Tom &amp;amp; Jerry &#128077;", "Tom & Jerry 👍"),
        ("1 &lt; 2 and 3 &gt; 2", "1 < 2 and 3 > 2"),
        ("I <3 it -> buy it", "I <3 it -> buy it"),
    ],
)
def test_cleaned_once_is_cleaned_for_good(written, text):
    assert clean(written) == clean(clean(written)) == text


def test_parts_are_joined_and_empty_ones_left_out():
    assert clean("A title", None, " ", "and  a\nbody") == "A title. and a body"


def test_without_reviews_no_history_is_read_for_a_product_without_a_text(store, monkeypatch):
    monkeypatch.setattr(texts, "held_out", None)
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id) VALUES ('p1')")
    assert texts.review_splits(store) == {} and texts.product_texts(store) == {"p1": ""}
