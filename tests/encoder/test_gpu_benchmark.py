"""The benchmark of a GPU, as far as a processor can run it."""

import sys

import numpy as np
import pytest
import torch
from opened import benchmark_named


@pytest.fixture(scope="module")
def gpu():
    return benchmark_named("gpu")


def test_its_reviews_are_of_a_seed_all_different_and_of_realistic_length(gpu):
    texts = gpu.reviews(500)
    assert texts == gpu.reviews(500) and len(set(texts)) == 500
    assert 20 < np.median([len(text.split()) for text in texts]) < 40


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(gpu, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 2 and "no GPU" in capsys.readouterr().err


@pytest.mark.slow
def test_the_processor_runs_all_of_it(gpu):
    found = gpu.measure(400, torch.device("cpu"), 2)
    assert found["texts_per_second"] > 0
    assert {"forward", "training, 32 texts a step", "training, 32 texts a step, compiled"} == set(found["share_of_measured_peak"])
    peak = found["peak_measured_tera"]  # how fast it is is not tested
    for name, share in found["share_of_measured_peak"].items():
        assert share == pytest.approx(found["tera"][name] / peak, rel=0.1, abs=0.01)
    assert "| texts per second |" in gpu.table(found)
