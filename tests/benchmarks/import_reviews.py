"""A large file of reviews made from a seed: import against DuckDB's own typed read, the memory it takes, how long pages wait.

python tests/benchmarks/import_reviews.py --rows 1000000
"""

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb

from workbench.home import Home
from workbench.shop import importers
from workbench.shop.store import Store

COLUMNS = {
    "review_id": "VARCHAR", "product_id": "VARCHAR", "user_id": "VARCHAR", "rating": "DOUBLE", "title": "VARCHAR", "body": "VARCHAR",
    "created_at": "TIMESTAMP", "helpful": "INTEGER", "verified": "BOOLEAN",
}  # fmt: skip
TEXT = """the lamp arrived quickly and works very well but cable is short quality good price fair would buy again never broke after
two weeks service answered late box damaged colour nice bright heavy light small large battery charger screen sound poor excellent"""
WORDS = TEXT.split()


def write(path: Path, rows: int) -> None:
    draw = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for i in range(rows):
            day = f"2024-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d} 10:11:12"
            texts = " ".join(draw.choices(WORDS, k=4)), " ".join(draw.choices(WORDS, k=draw.randint(5, 45)))
            who = f"R{i}", f"P{draw.randrange(20_000)}", f"U{draw.randrange(200_000)}"
            writer.writerow([*who, draw.randint(1, 5), *texts, day, draw.randrange(9), draw.choice(["true", "false"])])


def duckdb_alone(file: Path, folder: Path) -> float:
    began = time.perf_counter()
    with duckdb.connect(str(folder / "alone.duckdb")) as connection:
        options = "header=true, auto_detect=false, delim=',', quote='\"', escape='\"'"
        connection.execute(f"CREATE TABLE reviews AS SELECT * FROM read_csv(?, columns={COLUMNS!r}, {options})", [str(file)])
        connection.execute("CHECKPOINT")
    return time.perf_counter() - began


def workbench_import(file: Path, folder: Path, waits: list[float]) -> float:
    with Store.open(Home.find(folder)) as store:
        done = threading.Event()
        reader = threading.Thread(target=_ask, args=(store, done, waits))
        reader.start()
        began = time.perf_counter()
        importers.import_files(store, [file])
        seconds = time.perf_counter() - began
        done.set()
        reader.join()
    return seconds


def _ask(store: Store, done: threading.Event, waits: list[float]) -> None:
    """What a page does meanwhile: a question every tenth of a second, and how long each answer took."""
    while not done.wait(0.1):
        began = time.perf_counter()
        store.counts()
        waits.append(time.perf_counter() - began)


def measure(what: str, file: Path) -> None:
    """Print one measurement as JSON; each runs in a process of its own, so that memory is its own."""
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        seconds = duckdb_alone(file, Path(folder)) if what == "duckdb" else workbench_import(file, Path(folder), waits)
    peak = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps({"seconds": seconds, "cpu": peak.ru_utime + peak.ru_stime, "mb": peak.ru_maxrss / 1024, "wait": max(waits, default=0)})
    )


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reviews.csv"
        write(file, rows)
        found = {}
        for what in ("duckdb", "workbench"):
            command = [sys.executable, __file__, "--measure", what, str(file)]
            found[what] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ratio = {name: found["workbench"][name] / found["duckdb"][name] for name in ("seconds", "cpu")}
    answer = {"longest_wait_of_a_reader": found["workbench"]["wait"], "peak_mb": found["workbench"]["mb"]}
    print(json.dumps({"rows": rows, "ratio": ratio, **answer, **found}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"))
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], Path(given.measure[1]))
    else:
        main(given.rows)
