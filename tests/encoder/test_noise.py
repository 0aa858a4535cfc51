import pytest

from workbench.encoder.noise import NOISES, noisy

TEXTS = [f"The zip of this jacket number {i} broke after two days of careful use" for i in range(50)]


@pytest.mark.parametrize("kind", NOISES)
def test_a_text_comes_out_changed_and_always_the_same(kind):
    first = noisy(TEXTS, kind)
    assert noisy(TEXTS[::-1], kind)[::-1] == first != noisy(TEXTS, kind, seed=1)
    assert sum(a != b for a, b in zip(TEXTS, first, strict=True)) > 40


def test_typing_errors_touch_about_a_fifth_of_the_longer_words_by_one_letter():
    old, new = (" ".join(texts).split() for texts in (TEXTS, noisy(TEXTS, "typing_errors")))
    pairs = list(zip(old, new, strict=True))
    assert all(abs(len(a) - len(b)) <= 1 for a, b in pairs)
    assert all(a == b for a, b in pairs if len(a) < 4)
    assert 0.1 < sum(a != b for a, b in pairs if len(a) >= 4) / sum(len(a) >= 4 for a, _ in pairs) < 0.25


def test_case_changes_change_the_case_alone_and_word_order_the_order_alone():
    for old, capitals, order in zip(TEXTS, noisy(TEXTS, "case_changes"), noisy(TEXTS, "word_order"), strict=True):
        assert capitals.lower() == old.lower()
        assert sorted(order.split()) == sorted(old.split())


@pytest.mark.parametrize("text", ["", "a", "质量很好，物流也快", "🙂 ok", "x" * 5000])
def test_any_text_can_be_made_noisy(text):
    for kind in NOISES:
        assert len(noisy([text], kind)) == 1
