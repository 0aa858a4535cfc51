"""What a fine-tuning will cost is measured by a process of its own and said with its range."""

import json
import sys

import pytest

from workbench.errors import WorkbenchError
from workbench.jobs.estimate import SAMPLE, estimate, in_words

ASKED = {"labels": 2, "shop": 1000, "parent": None, "recipe": "finetune", "train": "top"}
ECHO = """
import json, sys
spec = json.loads(sys.argv[2])
print("a library says hello")
found = {"seconds": 100, "low": 70, "high": 160, "memory_mb": 2048, "read_per_second": 250.0, "learn_per_second": 40.0}
print(json.dumps({**found, "spec": spec}))
"""


def test_a_sample_of_the_texts_and_all_counts_are_sent(home):
    found = estimate(home, texts=[f"t{i}" for i in range(1000)], **ASKED, command=[sys.executable, "-c", ECHO])
    spec = found["spec"]
    assert len(spec["texts"]) == SAMPLE and spec["rows"] == 1000 and spec["shop"] == 1000 and json.dumps(spec)
    assert in_words(found) == (
        "About 70 s to 3 min and 2.0 GB of memory: as busy as this machine is now it reads 250 texts a second and learns from 40."
    )


def test_where_it_cannot_be_measured_the_reason_is_said(home):
    fails = [sys.executable, "-c", "raise SystemExit('no such base')"]
    with pytest.raises(WorkbenchError, match="could not be measured: no such base"):
        estimate(home, texts=["t"], **ASKED, command=fails)
