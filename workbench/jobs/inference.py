"""A client of the encoder: one warm process that answers while the page waits.

The process is `python -m workbench.encoder.serve <home> <version>`. It says `{"ready": true}` once
and then answers one JSON line for each JSON line it is asked; it ends when its input is closed.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from workbench.errors import WorkbenchError
from workbench.home import Home

START_SECONDS = 180.0
ANSWER_SECONDS = 120.0
TEXTS_AT_ONCE = 128
_END: None = None


class _Gone(Exception):
    """The process ended before it answered."""


class Predictions(NamedTuple):
    """A task's labels, the probability of each for every text (texts, labels), the index of the label to show (texts,).

    `abstain` (texts,): whether a text is unlike all that the task learned from, so that its label means little.
    """

    labels: list[str]
    probabilities: np.ndarray
    shown: np.ndarray
    abstain: np.ndarray


class Inference:
    """Texts, histories and predictions of one version, asked of a warm process of its own.

    Safe to share between threads: one request at a time. A process that died is started again
    once for each request. `command` replaces the encoder's own server.
    """

    def __init__(
        self,
        home: Home,
        version: str,
        *,
        command: Sequence[str] | None = None,
        start_seconds: float = START_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.home = home
        self.version = version
        self.command = list(command or [sys.executable, "-m", "workbench.encoder.serve", str(home.root), version])
        self.start_seconds = start_seconds
        self.answer_seconds = answer_seconds
        self._lock = threading.Lock()
        self._server: _Server | None = None

    # -- what can be asked -------------------------------------------------------------------

    def texts(self, kind: Literal["product", "review"], texts: Sequence[str]) -> np.ndarray:
        """Vectors of unit length, shape (texts, n), of product or review texts."""
        vectors: list[list[float]] = []
        for part in _parts(texts):
            vectors += self._ask({"op": "texts", "kind": kind, "texts": part}, "vectors", len(part))
        return np.array(vectors, np.float32)

    def user(self, events: Iterable[dict[str, Any]]) -> np.ndarray:
        """The vector, shape (n,), of a history: product_id, kind, rating, review_id and happened_at (ISO) of each event."""
        return np.array(self._ask({"op": "user", "events": list(events)}, "vector"), np.float32)

    def predict(self, task: str, texts: Sequence[str]) -> Predictions:
        """What the version makes of each text."""
        labels: list[str] = []
        rows: list[list[float]] = []
        shown: list[int] = []
        abstain: list[bool] = []
        for part in _parts(texts):
            answer = self._answer({"op": "predict", "task": task, "texts": part})
            labels = list(answer.get("labels", []))
            rows += _field(answer, "probabilities", len(part))
            shown += _field(answer, "shown", len(part))
            abstain += _field(answer, "abstain", len(part))
        shares = np.array(rows, np.float32).reshape(len(texts), -1)
        return Predictions(labels, shares, np.array(shown, np.int64), np.array(abstain, bool))

    # -- its process -------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the process runs now."""
        return self._server is not None and self._server.alive

    def warm(self) -> None:
        """Start the process where none runs, without waiting for it: a request then finds it ready, or nearly."""
        if not self.alive and not self._lock.locked():
            threading.Thread(target=self._warm, daemon=True).start()

    def close(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Inference:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], name: str, rows: int | None = None) -> Any:
        return _field(self._answer(request), name, rows)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            for attempt in (1, 2):
                try:
                    return self._once(request)
                except _Gone as gone:
                    self._stop()
                    if attempt == 2:
                        raise WorkbenchError(
                            f"The encoder of version {self.version} ended twice without an answer. Its last words: {gone}",
                            "Free memory if it ran short, or roll back to another version.",
                        ) from None
        raise AssertionError("unreachable")

    def _warm(self) -> None:
        with self._lock, suppress(WorkbenchError, _Gone, queue.Empty):  # who asks next is told
            self._started()

    def _started(self) -> _Server:
        if self._server is None or not self._server.alive:
            self._stop()
            self._server = _Server(self.command)
            self._checked(self._server.read(self.start_seconds))
        return self._server

    def _once(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            server = self._started()
            server.write(request)
            return self._checked(server.read(self.answer_seconds))
        except queue.Empty:
            self._stop()
            raise WorkbenchError(
                f"The encoder of version {self.version} did not answer in time ({request['op']}).",
                "Try again with less at once; if another job is training, wait for it to end.",
            ) from None

    def _checked(self, answer: dict[str, Any]) -> dict[str, Any]:
        if "problem" in answer:
            raise WorkbenchError(str(answer["problem"]), str(answer.get("fix", "Try again, or roll back to another version.")))
        return answer

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None


class _Server:
    """The process with its pipes; ended when this object is forgotten or the interpreter ends."""

    def __init__(self, command: Sequence[str]) -> None:
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._lines: queue.Queue[str | None] = queue.Queue()
        environment = {"TOKENIZERS_PARALLELISM": "false", **os.environ, "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words, text=True, encoding="utf-8", env=environment
        )
        threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
        self._finalizer = weakref.finalize(self, _end, self._process)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError, OSError) as error:
            raise _Gone(self.last_words()) from error

    def read(self, seconds: float) -> dict[str, Any]:
        """The next answer; what a library prints between the answers is passed over."""
        until = time.monotonic() + seconds
        while True:
            line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            if line is _END:
                raise _Gone(self.last_words())
            try:
                answer = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(answer, dict):
                return answer

    def last_words(self) -> str:
        """The last line the process wrote to its error stream."""
        self._words.flush()
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - 4000))
        lines = self._words.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:400] if lines else f"none (exit status {self._process.poll()})"

    def stop(self) -> None:
        self._finalizer()


def _pump(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(_END)


def _end(process: subprocess.Popen[str]) -> None:
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass
    try:
        process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _parts(texts: Sequence[str]) -> list[list[str]]:
    return [list(texts[i : i + TEXTS_AT_ONCE]) for i in range(0, len(texts), TEXTS_AT_ONCE)]


def _field(answer: dict[str, Any], name: str, rows: int | None = None) -> Any:
    found = answer.get(name)
    if found is None or (rows is not None and len(found) != rows):
        raise WorkbenchError(
            f"The encoder's answer has no usable {name!r}; it has {', '.join(sorted(answer)) or 'nothing'}.",
            "The model version may belong to another workbench: train again.",
        )
    return found
