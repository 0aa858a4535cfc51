"""The real data sets, where they lie beside the project."""

from pathlib import Path

import pytest

from workbench.shop import importers

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside the project")]

GIFT_CARDS = ["amazon_gift_cards/Gift_Cards_5.json.gz", "amazon_gift_cards/meta_Gift_Cards.json.gz"]
INSTRUMENTS = ["amazon_musical_instruments/Musical_instruments_reviews.csv.zip"]
SETS = {
    "gift cards": (GIFT_CARDS, {"reviews": 2972, "users": 458, "products": 1547}),
    "musical instruments": (INSTRUMENTS, {"reviews": 10261, "users": 1429, "products": 900}),
    "hair dryers": (["amazon_hair_dryer/hair_dryer.xlsx"], {"reviews": 11470}),
}


@pytest.mark.parametrize("name", SETS)
def test_a_real_set_comes_in_whole_and_twice_changes_nothing(store, name):
    files, expected = SETS[name]
    paths = [DATA / file for file in files]
    importers.import_files(store, paths)
    assert {table: store.counts()[table] for table in expected} == expected
    again = importers.import_files(store, paths)
    assert again["data_version"] == 1
    assert all(t["added"] == t["updated"] == 0 for f in again["files"] for t in f["tables"].values())


def test_online_retail_accounts_for_every_line(store):
    path = DATA / "uci_online_retail" / "online_retail.csv.gz"
    found = importers.import_files(store, [path])["files"][0]
    events, notes = found["tables"]["events"], found["notes"]
    with_user = events["added"] - notes["without_user"]
    assert with_user + notes["without_user"] + notes["merged_duplicates"] + notes["cancelled"] == events["read"] == 541_909
    assert notes["cancelled"] == 9288
    assert (store.counts()["users"], store.counts()["products"]) == (4372, 4070)
    assert importers.import_files(store, [path])["data_version"] == 1
