"""The benchmark of sentiment as it is run: one JSON document on stdout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[1] / "benchmarks" / "sentiment.py"


@pytest.mark.slow
def test_joint_and_alone_are_compared_with_few_labels(tmp_path):
    random = np.random.default_rng(0)
    said = {1: "broken and late number", 3: "it does what it says number", 5: "lovely would buy again number"}
    stars = random.choice([1, 3, 5], 400)
    lines = [f"r{i},p{i % 20},u{i % 50},{s},{said[int(s)]} {i},2025-01-{1 + i % 28:02}" for i, s in enumerate(stars)]
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("review_id,product_id,user_id,rating,body,created_at\n" + "\n".join(lines) + "\n")
    words = [str(FILE), "--reviews", str(reviews), "--labelled", "60", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    assert 0 <= found["test_texts_taught"] <= 1
    assert sum(found["rows"]["train"]) == 60 and {"single_task", "tfidf_logistic", "frozen_probe"} <= set(found["rivals"])
    assert set(found["seconds"]) == {"reading", "joint", *found["rivals"]}
    joint, alone = (part["macro_f1"]["value"] for part in (found["metrics"], found["rivals"]["single_task"]))
    assert found["differences"]["macro_f1"]["single_task"]["value"] == pytest.approx(joint - alone)
    assert joint > 0.9  # the three kinds of words leave no doubt
