import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.shop import store as store_module
from workbench.shop.store import DatabaseError, Store, open_for_reading, quote


def add(store, key):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) VALUES (?, 'A')", [key])


def test_a_commit_moves_the_data_version(store):
    add(store, "p1")
    assert store.data_version == 1
    assert store.counts()["products"] == 1


def test_a_failed_transaction_leaves_nothing(store):
    with pytest.raises(RuntimeError), store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id) VALUES ('p1')")
        raise RuntimeError
    assert store.counts()["products"] == 0
    assert store.data_version == 0


def test_a_snapshot_does_not_move_with_the_shop(home, store):
    add(store, "p1")
    path = store.snapshot()
    add(store, "p2")
    with Store.open_snapshot(home, path) as old:
        assert old.counts()["products"] == 1
        with pytest.raises(WorkbenchError, match="snapshot"), old.transaction():
            pass


def test_files_outside_the_home_are_refused(store):
    with pytest.raises(DatabaseError, match="Permission"):
        store.rows("SELECT * FROM read_csv('/etc/passwd')")


def test_a_hostile_identifier_is_quoted(store):
    name = 'x"); drop table reviews;--'
    with store.transaction() as cursor:
        cursor.execute(f"CREATE TABLE t ({quote(name)} VARCHAR)")
    assert store.rows("SELECT column_name FROM duckdb_columns() WHERE table_name = 't'") == [(name,)]
    assert store.counts()["reviews"] == 0


HOLDER = """
import sys, os
from workbench.home import Home
from workbench.shop.store import Store
store = Store.open(Home.find(sys.argv[1])); store.snapshot()
print(os.getpid(), flush=True); sys.stdin.read()
"""


def test_a_held_shop_names_its_holder_and_reads_from_the_snapshot(home):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        pid = holder.stdout.readline().strip()
        with pytest.raises(WorkbenchError, match=pid):
            Store.open(home)
        store, note = open_for_reading(home)
        store.close()
        assert note is not None and "snapshot" in note
    finally:
        holder.communicate("")


def test_a_second_opening_in_one_process_is_refused_and_the_first_goes_on(home, store):
    add(store, "p1")
    for again in (lambda: Store.open(home), lambda: Store.open_snapshot(home, home.shop_file)):
        with pytest.raises(WorkbenchError, match="open in this program already"):
            again()
    add(store, "p2")
    assert store.counts()["products"] == 2


def test_a_snapshot_may_be_open_twice_in_one_process(home, store):
    path = store.snapshot()
    with Store.open_snapshot(home, path) as first, Store.open_snapshot(home, path) as second:
        assert first.counts() == second.counts()
        with pytest.raises(DatabaseError, match="Permission"):
            second.rows("SELECT * FROM read_csv('/etc/passwd')")


def test_a_shop_of_a_newer_workbench_is_refused(home):
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("UPDATE workbench_meta SET value = '99' WHERE key = 'format'")
    with pytest.raises(WorkbenchError, match=r"written by a newer workbench \(format 99, this one reads") as caught:
        Store.open(home)
    assert "Update the workbench" in caught.value.fix


def test_a_file_of_a_newer_duckdb_is_told_from_a_held_one():
    said = "Trying to read a database file with version number 99, but we can only read versions between 64 and 70."
    assert (
        "written by a newer version of DuckDB" in store_module._explain(Path("shop.duckdb"), store_module.duckdb.IOException(said)).problem
    )


def test_a_damaged_file_is_called_so_and_left_as_it_is(home):
    Store.open(home).close()
    content = bytearray(home.shop_file.read_bytes())
    content[content.index(b"DUCK") + 5] ^= 1
    home.shop_file.write_bytes(content)
    with pytest.raises(WorkbenchError, match="cannot be opened: Corrupt") as caught:
        Store.open(home)
    assert "snapshot" in caught.value.fix and home.shop_file.read_bytes() == bytes(content)


def torn_shop(home):
    """A shop killed in the middle of a checkpoint: the first block is half of the one before and half of the next; its rows."""
    with Store.open(home) as store:
        for turn in range(2):
            with store.transaction() as cursor:
                cursor.execute("INSERT INTO reviews (review_id, body) SELECT ? || '-' || i, 'words' FROM range(500) r(i)", [str(turn)])
            if turn == 0:
                store._connection.execute("CHECKPOINT")
        before, log = home.shop_file.read_bytes(), home.shop_file.with_name("shop.duckdb.wal").read_bytes()
        store._connection.execute("CHECKPOINT")
        after, rows = home.shop_file.read_bytes(), store.rows("SELECT review_id, body FROM reviews ORDER BY 1")
    block = 3 * 4096
    half = after[block : block + 4 * 4096]
    assert half != before[block : block + 4 * 4096]
    home.shop_file.write_bytes(before[:block] + half + before[block + len(half) :])
    home.shop_file.with_name("shop.duckdb.wal").write_bytes(log)
    return rows


def test_a_shop_whose_block_was_torn_by_a_kill_is_whole_again(home, caplog):
    rows = torn_shop(home)
    with pytest.raises(store_module.duckdb.Error, match="checksum"):
        store_module.duckdb.connect(str(home.shop_file))
    with Store.open(home) as store:
        assert store.rows("SELECT review_id, body FROM reviews ORDER BY 1") == rows and len(rows) == 1000
    assert "torn by a kill" in caplog.text and list(home.snapshots.iterdir()) == []


def test_a_damage_that_is_no_torn_block_is_left_as_it_is(home):
    torn_shop(home)
    content = bytearray(home.shop_file.read_bytes())
    for at in range(3 * 4096 + 2 * 262144 + 100, len(content), 262144):
        content[at] ^= 1  # in every block behind the first two
    home.shop_file.write_bytes(content)
    with pytest.raises(WorkbenchError, match="cannot be opened: Corrupt") as caught:
        Store.open(home)
    assert "snapshot" in caught.value.fix and home.shop_file.read_bytes() == bytes(content) and list(home.snapshots.iterdir()) == []
    home.shop_file.with_name("shop.duckdb.wal").unlink()  # nobody was writing
    with pytest.raises(WorkbenchError, match="cannot be opened: Corrupt"):
        Store.open(home)


def test_opening_clears_what_a_killed_owner_left_and_nothing_else(home):
    left = [home.uploads / f"{'0a' * 16}.data", home.uploads / f"{'0b' * 16}.upload", home.snapshots / f"{'0c' * 16}.partial"]
    own = [home.uploads / "mine.csv"]
    for path in [*left, *own]:
        path.touch()
    Store.open(home).close()
    assert not any(path.exists() for path in left) and all(path.exists() for path in own)
