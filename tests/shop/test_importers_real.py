"""The real data sets, where they lie beside the project."""

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.shop import importers

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside the project")]

GIFT_CARDS = ["amazon_gift_cards/Gift_Cards_5.json.gz", "amazon_gift_cards/meta_Gift_Cards.json.gz"]
INSTRUMENTS = ["amazon_musical_instruments/Musical_instruments_reviews.csv.zip"]
SETS = {
    "gift cards": (GIFT_CARDS, {"reviews": 2972, "users": 458, "products": 1547}),
    "musical instruments": (INSTRUMENTS, {"reviews": 10261, "users": 1429, "products": 900}),
    "hair dryers": (["amazon_hair_dryer/hair_dryer.xlsx"], {"reviews": 11470}),
    "women's clothing": (["womens_clothing/womens_clothing.csv.zip"], {"reviews": 23_465, "products": 1206}),
    "Chinese reviews": (["cn_online_shopping/online_shopping_10_cats.zip"], {"reviews": 62_774}),
    "Best Buy": (["bestbuy_products/products.tgz"], {"products": 46_156}),  # of several lines with one UPC the last counts
    "tickets": (["bitext_sample/Bitext_Sample_Customer_Service_Training_Dataset.csv"], {"tickets": 8227}),
}
ASKED = {
    "bank tickets": ("banking77/train.csv", "fitting tables", {"as_table": "tickets"}, {"tickets": 10_003}),
    "bank tickets of the test": ("banking77/test.csv", "fitting tables", {"as_table": "tickets"}, {"tickets": 3080}),
    "sequences by original ids": (
        *("seqrec_toys/Toys.user_sequence.txt.gz", "one column", {"preset": "sequences"}),
        {"events": 167_597, "users": 19_412, "products": 11_924},
    ),
    "sequences by number": (
        *("seqrec_toys/Toys_and_Games.txt.gz", "one column", {"preset": "sequences"}),
        {"events": 167_597, "users": 19_412, "products": 11_924},
    ),
    "keyword texts": (
        *("seqrec_toys/Toys.item_generative_indexing_phase_0.txt.gz", "one column", {"preset": "product-lines"}),
        {"products": 11_924},
    ),
    "attributes by product": (
        *("seqrec_toys/Toys_and_Games_item2attributes.json.gz", "not certain", {"as_table": "products", "mapping": {"product_id": "key"}}),
        {"products": 11_924},
    ),
}
READ = {"women's clothing": 23_486, "Chinese reviews": 62_774, "Best Buy": 48_194, "tickets": 8359}  # copies of whole lines are merged


@pytest.mark.parametrize("name", SETS)
def test_a_real_set_comes_in_whole_and_twice_changes_nothing(store, name):
    files, expected = SETS[name]
    paths = [DATA / file for file in files]
    first = importers.import_files(store, paths)
    if name in READ:
        assert next(iter(first["files"][0]["tables"].values()))["read"] == READ[name]
        assert not first["files"][0]["problems"]
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


@pytest.mark.parametrize("name", ASKED)
def test_a_real_set_that_leaves_its_table_open_is_asked_for_and_then_comes_in_whole(store, name):
    file, asked, answer, expected = ASKED[name]
    with pytest.raises(WorkbenchError, match=asked):
        importers.import_files(store, [DATA / file])
    importers.import_files(store, [DATA / file], **answer)
    assert {table: store.counts()[table] for table in expected} == expected


def test_best_buy_has_its_long_descriptions(store):
    importers.import_files(store, [DATA / "bestbuy_products" / "products.tgz"])
    assert store.value("SELECT count(*) FROM products WHERE description IS NOT NULL") > 21_000
    assert store.value("SELECT attributes->>'short_description' FROM products WHERE product_id = '027242825734'").startswith('3" Xtra Fine')
