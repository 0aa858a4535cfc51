import pytest

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.legibility import Legibility, legibility
from workbench.encoder.recipe import DEFAULT_BASE


@pytest.fixture(scope="module")
def backbone():
    return Backbone(find_base(DEFAULT_BASE), top_layers=0, max_length=16)


def test_english_is_read_without_a_warning(backbone):
    found = legibility(backbone, ["The lamp broke after one week, I am very disappointed", "Great!"])
    assert found.unknown == 0 and found.tokens_per_character < 0.4 and found.texts == 2
    assert found.warning() is None


def test_chinese_reviews_are_mostly_unknown_to_the_default_base(backbone):
    found = legibility(backbone, ["刚买的灯泡用了两天就坏掉了，质量太差，非常失望", "物流很快，包装完好"])
    assert found.unknown > 0.3 and found.ideographs > 0.8
    assert "as unknown" in found.warning() and "recipe scratch" in found.warning() and f"{found.unknown:.0%}" in found.warning()


def test_a_script_known_only_by_its_letters_is_warned_of_though_no_token_is_unknown(backbone):
    found = legibility(backbone, ["Лампа сломалась через неделю, очень недоволен покупкой"])
    assert found.unknown == 0 and "letter by letter" in found.warning()


def test_a_token_for_each_ideograph_is_no_reason_to_warn():
    assert Legibility(0.0, 1.0, 0.95, 10).warning() is None
    assert Legibility(0.0, 2.2, 0.95, 10).warning()


def test_no_texts_no_warning(backbone):
    assert legibility(backbone, []).warning() is None
