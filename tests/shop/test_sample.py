import json

import pandas as pd
import pytest

from workbench.home import Home
from workbench.shop import importers, sample
from workbench.shop.store import Store


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = sample.build(Home.find(tmp_path_factory.mktemp("sample")).make())
    frames = {name: pd.read_csv(folder / name) for name in sample.FILES}
    return folder, frames, json.loads((folder / "truth.json").read_text())


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(built, tmp_path):
    folder, _, _ = built
    home = Home.find(tmp_path).make()
    again = sample.build(home)
    assert all((folder / n).read_bytes() == (again / n).read_bytes() for n in (*sample.FILES, "truth.json"))
    before = (folder / "reviews.csv").read_bytes()
    assert (sample.build(home, seed=8) / "reviews.csv").read_bytes() != before


def test_it_has_the_size_of_a_small_shop(built):
    _, frames, truth = built
    sizes = {name: len(frame) for name, frame in frames.items()}
    assert sizes == {"products.csv": 240, "users.csv": 1500, "events.csv": 20_000, "reviews.csv": 5_000, "tickets.csv": 600}
    assert frames["products.csv"].category.str.split(" > ").str[0].nunique() == 8
    assert len(set(truth["users"].values())) == 6 and frames["tickets.csv"].intent.nunique() == 8
    assert 0.07 < (frames["reviews.csv"].language == "zh").mean() < 0.13
    assert frames["reviews.csv"].body.nunique() > 4_500


def test_the_truth_is_in_no_file_that_is_imported(built):
    folder, _, truth = built
    text = "".join((folder / name).read_text() for name in sample.FILES)
    for word in ("audiophile", "bad batch", *[i["kind"] for i in truth["incidents"]]):
        assert word not in text


def test_incidents_are_in_the_reviews_and_decoys_are_not(built):
    _, frames, truth = built
    products = frames["products.csv"].set_index("product_id")
    reviews = frames["reviews.csv"].assign(when=lambda r: pd.to_datetime(r.created_at))
    reviews["brand"] = reviews.product_id.map(products.brand)
    reviews["category"] = reviews.product_id.map(products.category.str.split(" > ").str[0])
    for incident in truth["incidents"]:
        mine = pd.Series(True, index=reviews.index)
        for column, value in incident["scope"].items():
            mine &= reviews[column] == value
        during = mine & (reviews.when >= incident["began"]) & (reviews.when < incident["ended"])
        ratio = (reviews[during].rating <= 2).mean() / (reviews[mine & ~during].rating <= 2).mean()
        assert during.sum() >= 12
        assert ratio < 1.3 if incident["decoy"] else ratio >= 2, incident


def test_customers_who_left_buy_no_more(built):
    _, frames, truth = built
    events = frames["events.csv"]
    last = pd.to_datetime(events[events.kind == "purchase"].groupby("user_id").happened_at.max())
    assert len(truth["churn"]) > 100
    assert last[last.index.isin(list(truth["churn"]))].median() < last.median() - pd.Timedelta(days=60)


def test_the_importers_take_it_as_it_is(built, store: Store):
    folder, _, _ = built
    document = importers.import_files(store, [folder / name for name in sample.FILES])
    assert store.counts() == {"products": 240, "reviews": 5000, "events": 20_000, "users": 1500, "tickets": 600, "labels": 0}
    assert all(t["rejected"] == t["set_apart"] == 0 for f in document["files"] for t in f["tables"].values())
