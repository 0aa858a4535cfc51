"""The benchmark of reading: the texts it takes, and the figures of every reader, other engines among them."""

import gzip
import json
import sys

import numpy as np
import other_engines
import pytest
from opened import benchmark_named
from tiny_base import tiny_base

from workbench.encoder.backbone import Backbone

SPEED = {"seconds", "times_as_fast", "times_as_fast_interval", "least_times_as_fast", "seconds_once"}
FIGURES = SPEED | {"mean_cosine", "mean_cosine_interval", "cosine_p1"}
LINES = ["a good lamp", "it broke, at once", "very nice", "not what I ordered, sadly, and late"]
needs_engines = pytest.mark.skipif(bool(other_engines.missing()), reason="needs the extra `engines`")


@pytest.mark.parametrize(
    "lines", [LINES, [f"{number} {line}" for number, line in enumerate(LINES)], [line.replace(",", "") for line in LINES]]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_one_column_has_a_text_on_each_line(tmp_path, lines, packed):
    file = tmp_path / ("texts.txt.gz" if packed else "texts.txt")
    content = ("\n".join(lines) + "\n\n").encode()
    file.write_bytes(gzip.compress(content) if packed else content)
    texts_of = benchmark_named("encode").texts_of
    assert texts_of(file, "body", None) == lines and texts_of(file, "body", 2) == lines[:2]


def test_a_table_is_read_by_the_importers(tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text('review_id,body\n1,a good lamp\n2,"it broke, at once"\n')
    assert benchmark_named("encode").texts_of(file, "body", None) == ["a good lamp", "it broke, at once"]


@pytest.mark.parametrize(("content", "said"), [("id,colour\n1,red\n2,blue\n", "It is not certain"), (None, "No such file")])
def test_what_goes_wrong_is_said_without_a_traceback(tmp_path, monkeypatch, capsys, content, said):
    file = tmp_path / "colours.csv"
    if content:
        file.write_text(content)
    monkeypatch.setattr(sys, "argv", ["encode.py", "--texts", str(file)])
    assert benchmark_named("encode").main() == 2
    assert said in capsys.readouterr().err


def test_an_interval_holds_its_figure_and_says_nothing_of_one_value():
    interval = benchmark_named("encode").interval
    low, high = interval(np.mean, np.arange(100.0))
    assert low < 49.5 < high and interval(np.median, np.array([2.0])) == [2.0, 2.0]


def test_engines_that_are_not_installed_are_named_before_anything_is_read(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(other_engines, "missing", lambda: ["openvino", "nncf"])
    monkeypatch.setattr(sys, "argv", ["encode.py", "--texts", str(tmp_path / "none.csv"), "--engines"])
    assert benchmark_named("encode").main() == 2
    assert "--engines needs openvino, nncf. Install them: pip install 'shop-workbench[engines]'" in capsys.readouterr().err


@pytest.mark.slow
@needs_engines
def test_other_engines_read_what_the_encoder_reads(tmp_path):
    encode = benchmark_named("encode")
    backbone, texts = Backbone(tiny_base(tmp_path / "base"), top_layers=0, max_length=16), [*LINES, *LINES[::-1], "a lamp"]
    expected = encode.once_each(encode.ours(backbone, "fp32", texts))(texts)
    for name, ready in other_engines.readers(backbone, texts, tmp_path).items():
        found = encode.once_each(ready())(texts)
        assert found.shape == expected.shape and (found * expected).sum(1).min() > 0.95, name


@pytest.mark.parametrize("engines", [False, pytest.param(True, marks=[pytest.mark.slow, needs_engines])])
def test_the_document_has_every_figure_of_every_reader(tmp_path, monkeypatch, engines):
    encode, base = benchmark_named("encode"), tiny_base(tmp_path / "base")
    monkeypatch.setattr(encode, "find_base", lambda name: base)
    monkeypatch.setattr(encode, "READINGS", ("fp32", "bf16"))  # int8 is not for every processor
    texts = [*LINES, LINES[0]]
    found = encode.compare(texts, 2, engines=engines)
    json.dumps(found, allow_nan=False)
    assert (found["texts"], found["duplicates"], found["rounds"]) == (5, 1, 2)
    read = found["readers"]
    assert set(read.pop(encode.RIVAL)) == {"seconds"}
    assert set(read) == {"fp32", "bf16"} | ({"onnxruntime_int8", "openvino_bf16", "openvino_int8"} if engines else set())
    for name, its in read.items():
        assert set(its) == FIGURES and its["mean_cosine"] > 0.95, name
