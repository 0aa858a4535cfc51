"""The real data sets through the page Data, as a person brings them in."""

from pathlib import Path

import pytest
from live_app import chromium, served

from workbench.shop.store import Store

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside the project"),
]
SETS = {
    "amazon_gift_cards": {"reviews": 2972, "users": 458, "products": 1547},
    "amazon_musical_instruments": {"reviews": 10261, "users": 1429, "products": 900},
    "amazon_hair_dryer": {"reviews": 11470},
    "uci_online_retail": {"events": 527390, "users": 4372, "products": 4070},
    "womens_clothing": {"reviews": 23465, "products": 1206},
    "cn_online_shopping": {"reviews": 62774},
    "bestbuy_products": {"products": 46156},
    "bitext_sample": {"tickets": 8227},
}
ASKED = {  # what the page cannot know of a file: the file, what is chosen under "Read it as", what then comes in
    "bank tickets": ("banking77/train.csv", "tickets", {"tickets": 10003}),
    "sequences": ("seqrec_toys/Toys.user_sequence.txt.gz", "sequences", {"events": 167597, "users": 19412, "products": 11924}),
    "keyword texts": ("seqrec_toys/Toys.item_generative_indexing_phase_0.txt.gz", "product-lines", {"products": 11924}),
}
PATIENCE = 120_000  # milliseconds


@pytest.mark.parametrize("name", SETS)
def test_a_real_set_comes_in_by_the_page(home, tmp_path, name):
    with served(home, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/data")
        page.locator("input[type=file]").set_input_files([str(file) for file in sorted((DATA / name).iterdir())])
        page.get_by_role("button", name="Import", exact=True).click(timeout=PATIENCE)
        page.get_by_text("Imported", exact=True).wait_for(timeout=PATIENCE)
        assert page.get_by_test_id("stException").count() == 0
    with Store.open(home) as store:
        counts = store.counts()
    assert {table: counts[table] for table in SETS[name]} == SETS[name]


@pytest.mark.parametrize("name", ASKED)
def test_a_set_that_leaves_its_table_open_comes_in_when_one_says_what_it_is(home, tmp_path, name):
    file, answer, expected = ASKED[name]
    with served(home, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/data")
        page.locator("input[type=file]").set_input_files(str(DATA / file))
        page.get_by_text("What to do").wait_for(timeout=PATIENCE)
        page.get_by_test_id("stSelectbox").filter(has_text="Read it as").locator("input").first.click()
        page.get_by_role("option", name=answer, exact=True).click()
        page.get_by_text("What importing it would do").wait_for(timeout=PATIENCE)
        page.get_by_role("button", name="Import", exact=True).click(timeout=PATIENCE)
        page.get_by_text("Imported", exact=True).wait_for(timeout=PATIENCE)
        assert page.get_by_test_id("stException").count() == 0
    with Store.open(home) as store:
        counts = store.counts()
    assert {table: counts[table] for table in expected} == expected
