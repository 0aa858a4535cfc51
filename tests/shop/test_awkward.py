"""A corpus of awkward files: each comes in with its cells right and its rows counted, or is refused or asked about in the right words."""

import re

import pytest
from awkward import CORPUS

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.schema import TABLES
from workbench.shop.store import Store

COUNTS = ("added", "updated", "unchanged", "rejected", "set_apart")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with Store.open(Home.find(tmp_path_factory.mktemp("shop"))) as store:
        yield store


@pytest.fixture
def store(opened):
    """One shop for all files, emptied before each."""
    with opened.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")
    (opened.home.settings / "mappings.json").unlink(missing_ok=True)
    return opened


def taken(store, tmp_path, case):
    path = tmp_path / "file"
    path.write_bytes(case.content)
    return importers.import_files(store, [path], names=[case.name], **case.said)


def test_the_corpus_has_at_least_sixty_files():
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("name", [name for name, case in CORPUS.items() if case.added is not None])
def test_an_awkward_file_comes_in(store, tmp_path, name):
    case = CORPUS[name]
    document = taken(store, tmp_path, case)
    tables = next(file["tables"] for file in document["files"] if case.table in file["tables"])
    found = tables[case.table]
    assert found["read"] == sum(found[kind] for kind in COUNTS)
    assert (found["added"], found["rejected"]) == (case.added, case.rejected)
    assert not case.sql or store.value(case.sql) == case.finds
    assert list(store.home.uploads.iterdir()) == []


@pytest.mark.parametrize("name", [name for name, case in CORPUS.items() if case.refused or case.asked])
def test_an_awkward_file_is_refused_or_asked_about(store, tmp_path, name):
    case, before = CORPUS[name], store.data_version
    with pytest.raises(WorkbenchError) as caught:
        taken(store, tmp_path, case)
    if case.asked:
        option = {"as_table": "as"}.get(case.asked, case.asked)
        assert f"--{option} " in caught.value.fix
    else:
        assert re.search(case.refused, f"{caught.value.problem} {caught.value.fix}")
    assert store.data_version == before and list(store.home.uploads.iterdir()) == []


def test_lines_are_those_of_the_file_where_texts_hold_line_ends(store, tmp_path):
    document = taken(store, tmp_path, CORPUS["a text of several lines"])
    assert [p["line"] for p in document["files"][0]["problems"]] == [5]


def test_nuls_and_broken_bytes_are_named(store, tmp_path):
    warning, twice = taken(store, tmp_path, CORPUS["a stray nul"])["files"][0]["warnings"]
    assert "line" in twice and warning == "1 NUL bytes were taken out, the first in line 2"
