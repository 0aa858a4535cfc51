"""Word pieces looked up are those that the tokenizer itself would make."""

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from workbench.encoder import pieces as module
from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.pieces import Pieces, read_words, reads_words
from workbench.encoder.recipe import DEFAULT_BASE
from workbench.encoder.tokens import Tokens, parts

TEXTS = [
    "",
    " ",
    "Great guitar, great price!",
    "two  spaces and a\ttab and a\nnew line",
    "Übergröße naïve café e\u0301te\u0301",
    "不错 很好 good",
    "a [SEP] in the text and a[MASK]b",
    "control\x1cin\x85side \ufeffmark\u200b zero\u00a0width",
    "ΣΑΣ ΟΔΟΣ İstanbul",
    "🎸🎸 rocks",
    "x" * 150 + " after a word too long",
    "word " * 200,
    "don't stop-it. e.g. 3,50€",
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(find_base(DEFAULT_BASE))


@pytest.mark.parametrize("length", [8, 96])
def test_they_are_the_tokenizers_own(tokenizer, length):
    expected = tokenizer(TEXTS, truncation=True, max_length=length)["input_ids"]
    found = Pieces.of(tokenizer, length)
    assert found(TEXTS) == expected
    assert found(TEXTS) == expected  # all words are known now


def test_a_full_store_begins_anew(tokenizer, monkeypatch):
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    found = Pieces.of(tokenizer, 96)
    found(["one two three four"])
    assert found(["five one"]) == tokenizer(["five one"])["input_ids"]
    assert set(found.known) == {"five", "one"}


def test_a_tokenizer_that_looks_beyond_spaces_is_left_to_itself(tokenizer):
    told = tokenizer.backend_tokenizer.to_str()
    assert reads_words(told)
    assert not reads_words(told.replace('"lstrip":false', '"lstrip":true', 1))
    assert not reads_words(told.replace("BertPreTokenizer", "Metaspace"))
    other = Tokenizer.from_str(told)
    other.post_processor = TemplateProcessing(single="[CLS] [CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)])
    assert not reads_words(other.to_str())
    assert Pieces.of(object(), 96) is None


def test_another_process_is_told_the_tokenizer_alone(tokenizer):
    ids, lengths = read_words(tokenizer.backend_tokenizer.to_str(), 96, TEXTS)
    assert ids.dtype == np.int32
    found = Tokens.end_to_end(ids, lengths).rows(range(len(TEXTS)))
    assert [text.tolist() for text in found] == tokenizer(TEXTS, truncation=True, max_length=96)["input_ids"]


def test_processes_say_the_same_in_the_same_order(monkeypatch):
    backbone = Backbone(find_base(DEFAULT_BASE), top_layers=0, max_length=96)
    alone = Tokens.joined(list(parts(backbone, TEXTS, 2)))
    monkeypatch.setattr("workbench.encoder.tokens.processes_for", lambda backbone, texts: 2)
    both = Tokens.joined(list(parts(backbone, TEXTS, 2)))
    assert np.array_equal(alone.ids, both.ids) and np.array_equal(alone.starts, both.starts)
