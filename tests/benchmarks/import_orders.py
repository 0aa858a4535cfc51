"""How long an import takes against DuckDB's own typed read of the same file, in one run.

python tests/benchmarks/import_orders.py online_retail.csv.gz
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from workbench.home import Home
from workbench.shop import importers
from workbench.shop.store import Store

COLUMNS = {
    "InvoiceNo": "VARCHAR", "StockCode": "VARCHAR", "Description": "VARCHAR", "Quantity": "BIGINT",
    "InvoiceDate": "TIMESTAMP", "UnitPrice": "DOUBLE", "CustomerID": "VARCHAR", "Country": "VARCHAR",
}  # fmt: skip
ROUNDS = 3


def duckdb_alone(file: Path, folder: Path) -> float:
    began = time.perf_counter()
    with duckdb.connect(str(folder / "alone.duckdb")) as connection:
        connection.execute(f"CREATE TABLE orders AS SELECT * FROM read_csv(?, columns={COLUMNS!r}, header=true)", [str(file)])
        connection.execute("CHECKPOINT")
    return time.perf_counter() - began


def workbench_import(file: Path, folder: Path) -> float:
    with Store.open(Home.find(folder)) as store:
        began = time.perf_counter()
        importers.import_files(store, [file])
        return time.perf_counter() - began


def main(file: Path) -> None:
    seconds: dict[str, list[float]] = {"duckdb": [], "workbench": []}
    for _ in range(ROUNDS):
        for name, measure in (("duckdb", duckdb_alone), ("workbench", workbench_import)):
            with tempfile.TemporaryDirectory() as folder:
                seconds[name].append(measure(file, Path(folder)))
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    print(json.dumps({"seconds": medians, "ratio": medians["workbench"] / medians["duckdb"], "rounds": ROUNDS}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
