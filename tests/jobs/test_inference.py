import os
import sys
import threading
import time

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.jobs.inference import Inference

SERVER = """
import json, os, pathlib, sys, time
starts = pathlib.Path(sys.argv[1])
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
print("a library says hello")
print(json.dumps({"ready": True, "version": "v1", "pid": os.getpid()}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    texts = asked.get("texts", [])
    if "die" in texts or ("die once" in texts and starts.read_text() == "x"):
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(9)
    if "sleep" in texts:
        time.sleep(30)
    if asked["op"] == "texts":
        answer = {"vectors": [[float(len(t)), 1.0] for t in texts]}
    elif asked["op"] == "user":
        answer = {"vector": [float(len(asked["events"])), 0.5]}
    elif asked["task"] == "sentiment":
        answer = {"labels": ["negative", "positive"], "probabilities": [[0.25, 0.75] for _ in texts]}
        answer |= {"shown": [1 for _ in texts], "abstain": [t == "b" for t in texts]}
    else:
        answer = {"problem": "There is no task " + asked["task"] + ".", "fix": "Ask for sentiment."}
    print("WARNING: not json")
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def make(home, tmp_path):
    made = []

    def start(**options):
        script = tmp_path / "server.py"
        script.write_text(SERVER, "utf-8")
        command = options.pop("command", [sys.executable, str(script), str(tmp_path / "starts")])
        made.append(Inference(home, "v1", command=command, **options))
        return made[-1]

    yield start
    for client in made:
        client.close()


def starts(tmp_path):
    return len((tmp_path / "starts").read_text())


def test_texts_user_and_predict_share_one_process(make, tmp_path):
    client = make()
    assert client.texts("product", ["ab", "日本語"]).tolist() == [[2.0, 1.0], [3.0, 1.0]]
    assert client.user([{"product_id": "p", "kind": "purchase"}]).tolist() == [1.0, 0.5]
    labels, probabilities, shown, abstain = client.predict("sentiment", ["a", "b"])
    assert labels == ["negative", "positive"] and probabilities.shape == (2, 2) and shown.tolist() == [1, 1]
    assert abstain.tolist() == [False, True]
    assert starts(tmp_path) == 1


def test_many_texts_are_asked_in_parts(make):
    texts = ["x" * (i % 7) for i in range(300)]
    assert make().texts("review", texts)[:, 0].tolist() == [float(len(t)) for t in texts]
    assert make().texts("review", []).shape[0] == 0


def test_threads_get_their_own_answers(make):
    client, wrong = make(), []

    def ask(n):
        for _ in range(10):
            if client.texts("product", ["x" * n])[0, 0] != n:
                wrong.append(n)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_dead_process_is_started_again_once(make, tmp_path):
    client = make()
    assert np.allclose(client.texts("product", ["die once"]), [[8.0, 1.0]])
    assert starts(tmp_path) == 2


def test_one_that_dies_again_is_an_error_with_its_last_words(make, tmp_path):
    client = make()
    with pytest.raises(WorkbenchError, match=r"ended twice.*out of memory"):
        client.texts("product", ["die"])
    assert starts(tmp_path) == 2 and not client.alive
    assert client.texts("product", ["ok"]).shape == (1, 2)


def test_one_that_cannot_start_is_an_error(make):
    client = make(command=[sys.executable, "-c", "raise SystemExit('no such model')"])
    with pytest.raises(WorkbenchError, match="no such model"):
        client.user([])


def test_a_process_that_hangs_is_given_up_and_replaced(make):
    client = make(answer_seconds=20)
    client.texts("product", ["warm"])
    client.answer_seconds, began = 0.3, time.monotonic()
    with pytest.raises(WorkbenchError, match="did not answer in time"):
        client.texts("product", ["sleep"])
    assert time.monotonic() - began < 5
    client.answer_seconds = 20
    assert client.texts("product", ["four"])[0, 0] == 4


def test_the_servers_own_errors_are_worded_for_people(make):
    client = make()
    with pytest.raises(WorkbenchError) as caught:
        client.predict("mood", ["a"])
    assert (caught.value.problem, caught.value.fix) == ("There is no task mood.", "Ask for sentiment.")
    assert client.alive


def test_closing_or_forgetting_it_ends_the_process(make, home, tmp_path):
    client = make()
    client.texts("product", ["a"])
    pid = client._server._process.pid
    client.close()
    assert not client.alive
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_warm_process_is_there_before_it_is_asked(make, tmp_path):
    client = make()
    client.warm()
    client.warm()
    until = time.monotonic() + 20
    while not client.alive and time.monotonic() < until:
        time.sleep(0.02)
    assert client.alive
    assert client.texts("review", ["ab"]).tolist() == [[2.0, 1.0]] and starts(tmp_path) == 1
    client.warm()
    assert client.texts("review", ["a"]).tolist() == [[1.0, 1.0]] and starts(tmp_path) == 1


def test_a_process_that_cannot_be_warmed_says_so_to_who_asks(make):
    client = make(command=[sys.executable, "-c", "raise SystemExit('no model here')"])
    client.warm()
    with pytest.raises(WorkbenchError, match="no model here"):
        client.texts("review", ["a"])
