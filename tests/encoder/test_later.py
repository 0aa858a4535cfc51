"""Rows that come after a version was made, read by it without training."""

import json
import shutil

import duckdb
import numpy as np
import pytest
from small_shop import work

from workbench.errors import WorkbenchError
from workbench.files import read_json, sha256, write_json
from workbench.home import Home
from workbench.registry import MANIFEST, Registry
from workbench.shop.importers import import_files
from workbench.shop.space import Space, version_vectors
from workbench.shop.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def grown(trained, tmp_path):
    """(home, version) of a shop into which a product, two reviews of it and a new user came after its version was made."""
    old, result = trained
    shutil.copytree(old.root, tmp_path / "home")
    home = Home.find(tmp_path / "home")
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) VALUES ('p99', 'guitar number 99')")
        for number, body in enumerate(("Wonderful guitar, I love it and use it every day", "Terrible guitar, it broke at once")):
            cursor.execute(
                "INSERT INTO reviews (review_id, product_id, user_id, body, created_at) VALUES (?, 'p99', 'newcomer', ?, '2025-06-01')",
                [f"new{number}", body],
            )
        for product in ("p00", "p99"):
            cursor.execute(
                "INSERT INTO events (event_id, user_id, product_id, kind, happened_at) VALUES (?, 'newcomer', ?, 'purchase', '2025-06-01')",
                [f"new-{product}", product],
            )
    return home, result["version"]


def test_new_rows_are_read_into_a_further_file_and_seen_as_one(grown):
    home, version = grown
    before = {p.name: p.read_bytes() for p in Registry(home).get(version).folder.iterdir() if p.is_file()}
    with Store.open(home) as store:
        assert Space(store, Registry(home).get(version)).unseen() == {"products": 1, "reviews": 2, "users": 1}
    code, result = work(home, "embed", version=version)
    assert code == 0, result
    assert result["rows"] == {"products": 1, "reviews": 2, "tickets": 0, "users": 131}
    found = Registry(home).get(version)
    found.verify()
    assert {p.name: p.read_bytes() for p in found.folder.iterdir() if p.name in before} == before
    assert [oct(file.stat().st_mode & 0o777) for file in found.added] == ["0o444"] and found.state == f"{version}+1"
    with Store.open(home) as store:
        space = Space(store, found)
        assert space.unseen() == {"products": 0, "reviews": 0, "users": 0}
        for entity, rows in (("products", 13), ("reviews", 262), ("users", 131)):
            ids, vectors = space.vectors(entity)
            assert len(ids) == len(set(ids)) == rows and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        told = dict(store.rows(f"SELECT key, label FROM {space.table('predictions_sentiment')} WHERE key LIKE 'new%'"))
        assert told == {"new0": "positive", "new1": "negative"}
        assert store.value(f"SELECT count(*) FROM {space.table('predictions_return')}") == 131
        assert space.labels("sentiment") == ["negative", "neutral", "positive"] and space.setting("scale") > 0
    assert len(version_vectors(found, "products")[0]) == 13


def test_rows_that_are_read_again_give_the_same_vectors(grown):
    home, version = grown
    first = version_vectors(Registry(home).get(version), "users")
    work(home, "embed", version=version)
    ids, vectors = version_vectors(Registry(home).get(version), "users")
    old = dict(zip(*first, strict=True))
    assert min(float(old[key] @ vector) for key, vector in zip(ids, vectors, strict=True) if key in old) > 0.999


def test_what_is_seen_already_adds_nothing(grown):
    home, version = grown
    work(home, "embed", version=version)
    _, again = work(home, "embed", version=version)
    assert again["rows"] == {"products": 0, "reviews": 0, "tickets": 0} and len(Registry(home).get(version).added) == 1


@pytest.fixture
def changed(trained, tmp_path):
    """(home, version, before) of a shop whose best review and first product say something else since; `before` is what was said of them."""
    old, result = trained
    shutil.copytree(old.root, tmp_path / "home")
    home = Home.find(tmp_path / "home")
    with Store.open(home) as store:
        review = store.value("SELECT min(review_id) FROM reviews WHERE rating = 5")
        before = {"review": review} | told_of(store, Registry(home).get(result["version"]), review)
        table = tmp_path / "reviews.csv"
        table.write_text(f'review_id,product_id,stars,review_text\n{review},p00,1,"Terrible guitar, it broke at once"\n')
        import_files(store, [table])
        with store.transaction() as cursor:
            cursor.execute("UPDATE products SET title = 'a lamp that broke' WHERE product_id = 'p00'")
    return home, result["version"], before


def told_of(store, version, review):
    space = Space(store, version)
    said = f"SELECT label FROM {space.table('predictions_sentiment')} WHERE key = ?"
    bias = f"SELECT bias FROM {space.table('products')} WHERE product_id = 'p00'"
    vectors = {entity: space.vectors(entity, [key])[1] for entity, key in (("products", "p00"), ("reviews", review))}
    return {"labels": [label for (label,) in store.rows(said, [review])], "bias": store.rows(bias), **vectors}


def test_changed_rows_are_read_again_and_the_newest_counts(changed):
    home, version, before = changed
    with Store.open(home) as store:
        assert Space(store, Registry(home).get(version)).unseen() == {"products": 1, "reviews": 1, "users": 0}
    code, result = work(home, "embed", version=version)
    assert code == 0, result
    assert result["rows"] == {"products": 1, "reviews": 1, "tickets": 0, "users": 130}
    assert result["changed"] == {"products": 1, "reviews": 1, "tickets": 0}
    found = Registry(home).get(version)
    with Store.open(home) as store:
        assert Space(store, found).unseen() == {"products": 0, "reviews": 0, "users": 0}
        after = told_of(store, found, before["review"])
    assert (before["labels"], after["labels"]) == (["positive"], ["negative"])
    assert after["bias"] == before["bias"]
    for entity, key in (("products", "p00"), ("reviews", before["review"])):
        assert len(after[entity]) == 1 and (after[entity] @ before[entity].T).item() < 0.999
        ids, vectors = version_vectors(found, entity)
        assert len(ids) == len(set(ids)) and np.array_equal(vectors[ids.index(key)], after[entity][0])


def test_a_product_that_says_the_same_again_keeps_its_vector(changed):
    home, version, _ = changed
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("UPDATE products SET title = ' ' || title WHERE product_id = 'p01'")
        old = Space(store, Registry(home).get(version)).vectors("products", ["p01"])[1]
    work(home, "embed", version=version)
    with Store.open(home) as store:
        new = Space(store, Registry(home).get(version)).vectors("products", ["p01"])[1]
    assert (old @ new.T).item() > 0.999


def test_a_version_without_sums_reads_new_rows_alone(changed):
    home, version, _ = changed
    found = Registry(home).get(version)
    without_sums(found)
    with Store.open(home) as store:
        assert Space(store, found).unseen() == {"products": 0, "reviews": 0, "users": 0}
        with store.transaction() as cursor:
            cursor.execute("INSERT INTO products (product_id, title) VALUES ('p99', 'guitar number 99')")
    code, result = work(home, "embed", version=version)
    assert code == 0 and result["rows"]["products"] == 1 and result["rows"]["reviews"] == 0, result
    with Store.open(home) as store:
        space = Space(store, Registry(home).get(version))
        assert len(space.vectors("products")[0]) == 13 and not space.unseen()["products"]
        with store.transaction() as cursor:
            cursor.execute("UPDATE products SET title = 'something else' WHERE product_id = 'p99'")
        assert space.unseen()["products"] == 1


def without_sums(version):
    """The version as an earlier release made it."""
    file = version.vectors_file
    version.folder.chmod(0o755)
    file.chmod(0o644)
    with duckdb.connect(file) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_columns() WHERE column_name = 'text_sum'").fetchall():
            connection.execute(f'ALTER TABLE "{table}" DROP COLUMN text_sum')
    manifest = version.folder / MANIFEST
    manifest.chmod(0o644)
    told = read_json(manifest)
    write_json(manifest, {**told, "files": {**told["files"], file.name: sha256(file)}})


def test_a_damaged_added_file_is_found_and_a_half_made_one_swept(grown):
    home, version = grown
    work(home, "embed", version=version)
    registry = Registry(home)
    folder = registry.get(version).folder
    (folder / "added-0002.partial").write_bytes(b"half")
    (folder / "added-0003.duckdb").write_bytes(b"no manifest")
    registry.sweep()
    assert sorted(p.name for p in folder.glob("added-*")) == ["added-0001.duckdb", "added-0001.json"]
    file = folder / "added-0001.duckdb"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(WorkbenchError, match=r"added-0001\.duckdb is missing or its SHA-256"):
        registry.get(version).verify()
    assert json.loads((folder / "added-0001.json").read_text())["data_version"] > 0
