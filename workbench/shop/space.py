"""The joint space of one model version: `vectors.duckdb`, written once, then attached read-only.

Tables: `products(product_id, vector FLOAT[n], text_sum UBIGINT, bias FLOAT)`, `reviews(review_id, vector, text_sum)`,
`users(user_id, vector, text_sum)`, and for each task `predictions_<task>(key, label, probability,
probabilities FLOAT[k], text_sum)` with the order of its labels in `tasks(task, labels VARCHAR[])`. `text_sum` tells which
text was read (`text_sums`); it is NULL for users and for predictions on them, and files of earlier releases have no such column.
Rows that came or changed after the version was made lie in further files of the same tables (`ModelVersion.added`); where
a key is in several, the newest counts. Vectors of all three have unit length; a user's score of a product is
`exp(scale) * dot(user, product) + bias`, with `scale` in `settings(key, value)`, and what its companions add:
`companions(product_id, other_id, weight)` with `companion_share`, `companion_steps` and `companion_days` in the settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from workbench.registry import ModelVersion
from workbench.shop.companions import Companions
from workbench.shop.markup import TAG
from workbench.shop.store import Connection, Store, connect, quote
from workbench.shop.text_sums import OWN_TEXT, sum_of

NO_SUMS: Mapping[str, int] = MappingProxyType({})
OF_THE_VERSION = ("tasks", "settings")
_TAG = TAG.replace("{", "{{").replace("}", "}}")  # the statements below are formatted
_TEXT = "trim(regexp_replace(concat_ws(' ', {}), '{}', ' ', 'g')) <> ''"
UNSEEN = {
    "products": "SELECT count(*) FROM products ANTI JOIN {table} USING (product_id) WHERE "
    + _TEXT.format("title, brand, description", _TAG),
    "reviews": "SELECT count(*) FROM reviews ANTI JOIN {table} USING (review_id) WHERE " + _TEXT.format("title, body", _TAG),
    "users": "SELECT count(*) FROM (SELECT DISTINCT user_id FROM histories WHERE kind IN ('purchase', 'return', 'review')) "
    "ANTI JOIN {table} USING (user_id)",
}
CHANGED = "SELECT count(*) FROM {rows} JOIN {table} known USING ({key}) WHERE {text} AND known.text_sum <> {sum}"
ENTITIES = {"products": "product_id", "reviews": "review_id", "users": "user_id"}


class Space:
    """Vectors and predictions of one version, readable beside the shop's own tables."""

    def __init__(self, store: Store, version: ModelVersion) -> None:
        self.store = store
        self.version = version
        self.alias = store.attach(version.vectors_file)
        self._added = {alias: self._tables_of(alias) for alias in map(store.attach, version.added)}

    def table(self, name: str) -> str:
        """One of the version's tables, for use in SQL after FROM: its name, or where rows were added all of them in parentheses."""
        found = f"{quote(self.alias)}.{quote(name)}"
        for alias in [alias for alias, tables in self._added.items() if name in tables and name not in OF_THE_VERSION]:
            newer = f"{quote(alias)}.{quote(name)}"
            key = quote(ENTITIES.get(name, "key"))
            found = f"(SELECT * FROM {newer} UNION ALL BY NAME SELECT older.* FROM {found} older ANTI JOIN {newer} USING ({key}))"
        return found

    def tables(self) -> set[str]:
        return self._tables_of(self.alias)

    def _tables_of(self, alias: str) -> set[str]:
        found = self.store.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [alias])
        return {name for (name,) in found}

    def unseen(self) -> dict[str, int]:
        """Rows of the shop that can be read and have no vector here, or one of another text, by table.

        A row whose vector has no sum of its text, as those of earlier releases have none, is taken as unchanged.
        """
        wanted = {name: [sql.format(table=self.table(name))] for name, sql in UNSEEN.items() if name in self.tables()}
        for name in wanted.keys() & OWN_TEXT.keys():
            if self._has_sums(name):
                key, columns = OWN_TEXT[name]
                text = _TEXT.format(", ".join(columns), TAG)
                wanted[name].append(CHANGED.format(rows=name, table=self.table(name), key=key, text=text, sum=sum_of(name)))
        return {name: sum(int(self.store.value(sql) or 0) for sql in counts) for name, counts in wanted.items()}

    def _has_sums(self, table: str) -> bool:
        """Whether any of the version's files keeps sums of the texts of this table."""
        sql = "SELECT count(*) FROM duckdb_columns() WHERE database_name = ? AND table_name = ? AND column_name = 'text_sum'"
        return any(self.store.value(sql, [alias, table]) for alias in (self.alias, *self._added))

    def has_task(self, task: str) -> bool:
        """Whether the version predicts this task."""
        return f"predictions_{task}" in self.tables()

    def labels(self, task: str) -> list[str]:
        """The task's labels, in the order of `probabilities`."""
        return list(self.store.value(f"SELECT labels FROM {self.table('tasks')} WHERE task = ?", [task]) or [])

    def setting(self, key: str) -> float:
        return float(self.store.value(f"SELECT value FROM {self.table('settings')} WHERE key = ?", [key]) or 0.0)

    def companions(self, ids: Sequence[str]) -> Companions:
        """The companions of the products `ids`, by their places there; none where the version has none."""
        if "companions" not in self.tables():
            return Companions(csr_matrix((len(ids),) * 2, dtype=np.float32))
        place = {key: at for at, key in enumerate(ids)}
        frame = self.store.frame(f"SELECT product_id, other_id, weight FROM {self.table('companions')}")
        found = frame["weight"].to_numpy(np.float32), (frame["product_id"].map(place), frame["other_id"].map(place))
        lives = (self.setting("companion_steps") or np.inf, self.setting("companion_days") or np.inf)
        return Companions(csr_matrix(found, shape=(len(ids),) * 2), *lives, share=self.setting("companion_share"))

    def vectors(self, entity: str, ids: Sequence[str] | None = None) -> tuple[list[str], np.ndarray]:
        """Ids and float32 vectors of shape (rows, n), ordered by id; only `ids` where they are given."""
        key = quote(ENTITIES[entity])
        where, values = ("", [])
        if ids is not None:
            where, values = f"WHERE {key} IN (SELECT unnest(?))", [list(ids)]
        frame = self.store.frame(f"SELECT {key} AS id, vector FROM {self.table(entity)} {where} ORDER BY {key}", values)
        if frame.empty:
            return [], np.zeros((0, 0), np.float32)
        return frame["id"].tolist(), np.stack(frame["vector"].to_list()).astype(np.float32)


def version_vectors(version: ModelVersion, entity: str) -> tuple[list[str], np.ndarray]:
    """Ids and float32 vectors (rows, n) of a version, read without the shop."""
    found: dict[str, np.ndarray] = {}
    for file in (version.vectors_file, *version.added):
        found |= _column(file, entity, ENTITIES[entity], "vector")
    ids = sorted(found)
    return ids, np.stack([found[key] for key in ids]).astype(np.float32) if ids else np.zeros((0, 0), np.float32)


def version_predicted(version: ModelVersion, task: str) -> set[str]:
    """The keys that have a prediction of the task, read without the shop."""
    return {key for file in (version.vectors_file, *version.added) for key in _column(file, f"predictions_{task}", "key", "label")}


def version_sums(version: ModelVersion, table: str) -> dict[str, int]:
    """The sum of the text that was read last for each key of a table of vectors or predictions; only keys that have one."""
    found: dict[str, int] = {}
    for file in (version.vectors_file, *version.added):
        found |= _column(file, table, ENTITIES.get(table, "key"), "text_sum")
    return found


def _column(file: Path, table: str, key: str, column: str) -> dict[str, Any]:
    """The values of a table's column in a closed file by their keys, NULL left out; {} where the file has no such column."""
    connection = connect(file, read_only=True, allow=(file.parent,))
    try:
        if not connection.execute("SELECT 1 FROM duckdb_columns() WHERE table_name = ? AND column_name = ?", [table, column]).fetchone():
            return {}
        frame = connection.execute(f"SELECT {quote(key)} AS id, {quote(column)} AS value FROM {quote(table)} WHERE value IS NOT NULL").df()
    finally:
        connection.close()
    return dict(zip(frame["id"], frame["value"], strict=True))


class SpaceWriter:
    """Writes a version's `vectors.duckdb`; used by the encoder while the version is `.partial`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tasks: set[str] = set()
        connection.execute("CREATE TABLE tasks (task VARCHAR, labels VARCHAR[])")
        connection.execute("CREATE TABLE settings (key VARCHAR, value DOUBLE)")

    def settings(self, **values: float) -> None:
        for key, value in values.items():
            self._connection.execute("INSERT INTO settings VALUES (?, ?)", [key, value])

    def vectors(
        self,
        entity: str,
        ids: Sequence[str],
        vectors: np.ndarray,
        bias: np.ndarray | None = None,
        sums: Mapping[str, int] = NO_SUMS,
    ) -> None:
        """Append rows of `entity`: `vectors` of shape (rows, n), `bias` of shape (rows,) for products; `sums` of texts by id."""
        n = vectors.shape[1]
        extra = ", bias FLOAT" if entity == "products" else ""
        key = ENTITIES[entity]
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {entity} ({key} VARCHAR, vector FLOAT[{n}], text_sum UBIGINT{extra})")
        columns = {"id": pa.array(list(ids), pa.string()), "vector": _fixed(vectors), "text_sum": _sums(ids, sums)}
        if entity == "products":
            columns["bias"] = pa.array(np.zeros(len(ids)) if bias is None else bias, pa.float32())
        self._insert(entity, pa.table(columns))

    def companions(self, ids: Sequence[str], found: Companions) -> None:
        """Write the companions of the products `ids`; a life of 0 in the settings is one without end."""
        lives = {"companion_steps": found.step_life, "companion_days": found.day_life}
        self.settings(companion_share=found.share, **{key: life if np.isfinite(life) else 0.0 for key, life in lives.items()})
        weights, names = found.weights.tocoo(), np.array(ids, object)
        kept = weights.data != 0
        pairs = [pa.array(names[places[kept]], pa.string()) for places in (weights.row, weights.col)]
        self._connection.execute("CREATE TABLE companions (product_id VARCHAR, other_id VARCHAR, weight FLOAT)")
        self._insert("companions", pa.table([*pairs, pa.array(weights.data[kept], pa.float32())], ["product_id", "other_id", "weight"]))

    def predictions(
        self,
        task: str,
        labels: Sequence[str],
        keys: Sequence[str],
        probabilities: np.ndarray,
        shown: np.ndarray | None = None,
        sums: Mapping[str, int] = NO_SUMS,
    ) -> None:
        """Append predictions of a task: `probabilities` of shape (rows, labels), rows summing to 1.

        `shown` (rows,) are the indices of the labels to show; the likeliest where it is not given.
        `sums` are those of the keys' texts.
        """
        name, k = quote(f"predictions_{task}"), probabilities.shape[1]
        if task not in self._tasks:
            columns = f"key VARCHAR, label VARCHAR, probability FLOAT, probabilities FLOAT[{k}], text_sum UBIGINT"
            self._connection.execute(f"CREATE TABLE {name} ({columns})")
            self._connection.execute("INSERT INTO tasks VALUES (?, ?)", [task, list(labels)])
            self._tasks.add(task)
        likeliest = probabilities.argmax(1) if len(probabilities) else np.zeros(0, int)
        best = likeliest if shown is None else shown
        self._insert(
            f"predictions_{task}",
            pa.table(
                {
                    "key": pa.array(list(keys), pa.string()),
                    "label": pa.array([labels[i] for i in best], pa.string()),
                    "probability": pa.array(probabilities[np.arange(len(best)), best], pa.float32()),
                    "probabilities": _fixed(probabilities),
                    "text_sum": _sums(keys, sums),
                }
            ),
        )

    def _insert(self, name: str, table: pa.Table) -> None:
        self._connection.register("incoming", table)
        self._connection.execute(f"INSERT INTO {quote(name)} SELECT * FROM incoming")
        self._connection.unregister("incoming")


def _sums(keys: Sequence[str], sums: Mapping[str, int]) -> pa.Array:
    return pa.array([sums.get(key) for key in keys], pa.uint64())


def _fixed(values: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


@contextmanager
def write_space(path: Path) -> Iterator[SpaceWriter]:
    """A new `vectors.duckdb` at `path`, written in one transaction and closed when the block ends."""
    connection = connect(path, allow=(path.parent,), compressed=False)  # vectors of floats do not shrink
    try:
        connection.begin()
        yield SpaceWriter(connection)
        connection.commit()
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
