import gzip

import pytest
from sequences import corpus_of, ordered, read_set, same_items

from workbench.errors import WorkbenchError


@pytest.fixture
def files(tmp_path):
    """Three users' lines under numbers (packed) and under letters, the texts of the letters."""
    numbers, letters, texts = tmp_path / "numbers.txt.gz", tmp_path / "letters.txt", tmp_path / "texts.txt"
    numbers.write_bytes(gzip.compress(b"1 4 3 2 1\n2 3 2 4\n3 2 1\n"))
    letters.write_text("x A B C D\ny B C D\nz A B\n")
    texts.write_text("A a red kettle\nB a blue mug\nC tea\nD\n")
    return numbers, letters, texts


def test_a_set_is_read_with_its_texts(files):
    corpus, facts = read_set(files[1], files[2])
    assert [corpus.texts[i] if i >= 0 else "" for i in corpus.product_text] == ["a red kettle", "a blue mug", "tea", ""]
    assert [u.held["test"] for u in corpus.users] == [3, 2, None] and [u.train_end for u in corpus.users] == [2, 1, 2]
    assert facts["lines_sorted_by_id"] == 1.0 and facts["items"] == 4


def test_other_ids_are_matched_by_the_lines_that_hold_them(files):
    with pytest.raises(WorkbenchError, match=r"None of the 4 items .*") as failed:
        read_set(files[0], files[2])
    assert "--ids" in failed.value.fix
    corpus, facts = read_set(files[0], files[2], files[1])
    said = {key: corpus.texts[i] for key, i in zip(corpus.product_ids, corpus.product_text, strict=True) if i >= 0}
    assert said == {"1": "a red kettle", "2": "a blue mug"} and facts["lines_sorted_by_id"] == 0.0


def test_items_in_the_same_lines_are_not_told_apart():
    assert same_items([["1", "2"], ["1"]], [["A", "B"], ["A"]]) == {"1": "A", "2": "B"}
    assert same_items([["1", "2"]], [["A", "B"]]) == {}


def test_swapped_changes_the_last_two_of_about_half_of_the_users():
    changed = sum(ordered(f"u{u}", ["a", "b", "c"], "swapped") == ["a", "c", "b"] for u in range(400))
    assert 150 < changed < 250
    assert ordered("u1", ["a", "b", "c"], "file") == ["a", "b", "c"]


def test_an_item_taken_again_is_no_target():
    corpus = corpus_of({"u": ["a", "b", "a", "c"]}, {"a": "x", "b": "y", "c": ""})
    assert corpus.users[0].target.tolist() == [True, True, False, True] and corpus.users[0].held == {"validation": 1, "test": 3}
