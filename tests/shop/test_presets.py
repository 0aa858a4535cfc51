"""The presets of shop systems on small exports of their shape: counts, joins, what holds for all lines of an order."""

import csv

import pytest

from workbench.errors import WorkbenchError
from workbench.shop import importers
from workbench.shop.importers import remembered


def write(folder, name, rows):
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


SHOPIFY = [
    ["Name", "Email", "Financial Status", "Paid at", "Created at", "Cancelled at", "Lineitem quantity", "Lineitem name",
     "Lineitem price", "Lineitem sku", "Vendor", "Billing Country"],
    ["#1001", "Anna@x.org", "paid", "", "2024-05-03 10:20:10 +0200", "", "2", "Mug - red", "9.50", "M-1", "Potter", "DE"],
    ["#1001", "", "", "", "", "", "1", "Kettle", "39.90", "K-1", "Potter", ""],
    ["#1002", "ben@x.org", "voided", "", "2024-05-04 10:20:11 +0200", "", "1", "Kettle", "39.90", "K-1", "Potter", "FR"],
    ["#1003", "ben@x.org", "refunded", "", "2024-05-05 10:20:11 +0200", "", "1", "Kettle", "39.90", "K-1", "Potter", "FR"],
]  # fmt: skip


def test_shopify_orders_take_from_their_first_line_what_holds_for_all(store, tmp_path):
    read = importers.import_files(store, [write(tmp_path, "orders_export.csv", SHOPIFY)], personal="keep")["files"][0]
    assert read["importer"] == "shopify-orders"
    assert read["tables"]["events"] == {"read": 4, "added": 3, "updated": 0, "unchanged": 0, "rejected": 0, "set_apart": 1}
    assert store.rows("SELECT user_id, product_id, kind, order_id, quantity FROM events ORDER BY order_id, product_id DESC") == [
        ("anna@x.org", "M-1", "purchase", "#1001", 2.0),
        ("anna@x.org", "K-1", "purchase", "#1001", 1.0),
        ("ben@x.org", "K-1", "return", "#1003", 1.0),
    ]


def test_shopify_products_are_their_variants(store, tmp_path):
    rows = [
        ["Handle", "Title", "Body (HTML)", "Vendor", "Type", "Variant SKU", "Variant Price", "Image Src"],
        ["mug", "Mug", "<p>Holds <b>tea</b></p>", "Potter", "Kitchen", "M-1", "9.50", "a.jpg"],
        ["mug", "", "", "", "", "M-2", "10.50", ""],
        ["mug", "", "", "", "", "", "", "b.jpg"],
    ]
    read = importers.import_files(store, [write(tmp_path, "products_export.csv", rows)])["files"][0]
    assert read["importer"] == "shopify-products" and read["notes"] == {"picture_lines": 1}
    assert store.rows("SELECT product_id, title, brand, price FROM products ORDER BY 1") == [
        ("M-1", "Mug", "Potter", 9.5),
        ("M-2", "Mug", "Potter", 10.5),
    ]


def test_a_less_than_sign_is_no_markup(store, tmp_path):
    rows = [
        ["review_id", "product_id", "star_rating", "review_headline", "review_body", "review_date", "customer_id"],
        ["R1", "P1", "2", "I <3 it", "Holds <2 kg, never believe<br />those who say >5 kg", "2024-01-02", "c1"],
    ]
    importers.import_files(store, [write(tmp_path, "amazon.csv", rows)])
    assert store.rows("SELECT title, body FROM reviews") == [("I <3 it", "Holds <2 kg, never believe those who say >5 kg")]


def test_woocommerce_orders_and_products(store, tmp_path):
    orders = [
        ["Order Number", "Order Status", "Order Date", "Email (Billing)", "Country Code (Billing)", "SKU", "Item Name",
         "Quantity (- Refund)", "Item Cost"],
        ["1", "Completed", "2024-05-03 10:20", "anna@x.org", "DE", "M-1", "Mug", "2", "9.5"],
        ["2", "Cancelled", "2024-05-03 10:20", "anna@x.org", "DE", "M-1", "Mug", "2", "9.5"],
    ]  # fmt: skip
    products = [
        ["ID", "Type", "SKU", "Name", "Description", "Regular price", "Categories"],
        ["7", "simple", "M-1", "Mug", "", "9.50", "Kitchen > Cups"],
    ]
    document = importers.import_files(store, [write(tmp_path, "o.csv", orders), write(tmp_path, "p.csv", products)])
    assert [f["importer"] for f in document["files"]] == ["woocommerce-orders", "woocommerce-products"]
    assert document["files"][0]["tables"]["events"]["set_apart"] == 1
    assert store.rows("SELECT title, category, price FROM products") == [("Mug", "Kitchen > Cups", 9.5)]


ORDERS = [["order_id", "customer_id", "order_status", "order_purchase_timestamp"],
          ["o1", "c1", "delivered", "2018-01-02 10:00:00"],
          ["o2", "c2", "canceled", "2018-01-03 10:00:00"]]  # fmt: skip
CUSTOMERS = [["customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"],
             ["c1", "anna", "1", "x", "SP"],
             ["c2", "ben", "1", "x", "SP"]]  # fmt: skip
ITEMS = [["order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"],
         ["o1", "1", "p1", "s", "2018-01-09 00:00:00", "9.5", "1"], ["o1", "2", "p2", "s", "2018-01-09 00:00:00", "3", "1"],
         ["o2", "1", "p1", "s", "2018-01-09 00:00:00", "9.5", "1"]]  # fmt: skip
REVIEWS = [["review_id", "order_id", "review_score", "review_comment_title", "review_comment_message", "review_creation_date"],
           ["r1", "o1", "5", "", "Muito bom", "2018-01-12 00:00:00"]]  # fmt: skip


def test_olist_tables_find_one_another(store, tmp_path):
    rows = {"orders": ORDERS, "customers": CUSTOMERS, "items": ITEMS, "reviews": REVIEWS}
    files = [write(tmp_path, f"olist_{name}.csv", content) for name, content in rows.items()]
    document = importers.import_files(store, files)
    assert [f["importer"] for f in document["files"]] == ["olist-items", "olist-reviews"]
    assert store.rows("SELECT user_id, product_id, CAST(happened_at AS DATE)::VARCHAR FROM events ORDER BY 2") == [
        ("anna", "p1", "2018-01-02"),
        ("anna", "p2", "2018-01-02"),
    ]
    assert store.rows("SELECT user_id, rating, body FROM reviews") == [("anna", 5.0, "Muito bom")]


def test_a_file_that_needs_another_beside_it_says_which(store, tmp_path):
    with pytest.raises(WorkbenchError, match="needs the file of orders beside it") as caught:
        importers.import_files(store, [write(tmp_path, "items.csv", ITEMS)])
    assert "together" in caught.value.fix


SURVEY = [
    ["what_they_said", "grade", "about"],
    ["The lamp flickers all the time", "2", "L-3"],
    ["A nice warm light for the evening", "5", "L-3"],
]
SAID = {"as_table": "reviews", "mapping": {"body": "what_they_said", "rating": "grade", "product_id": "about"}}


def test_what_was_said_of_a_file_is_remembered_for_the_next_of_its_shape(store, tmp_path):
    with pytest.raises(WorkbenchError, match="not certain"):
        importers.import_files(store, [write(tmp_path, "a.csv", SURVEY)])
    importers.import_files(store, [tmp_path / "a.csv"], **SAID)
    importers.import_files(store, [write(tmp_path, "b.csv", [SURVEY[0], ["Broke at once, what a pity", "1", "L-4"]])])
    assert store.rows("SELECT rating, product_id FROM reviews ORDER BY 1") == [(1.0, "L-4"), (2.0, "L-3"), (5.0, "L-3")]


def test_rejects_that_were_mended_are_read_as_their_file_was(store, tmp_path):
    path = write(tmp_path, "a.csv", [*SURVEY, ["Broke at once, what a pity", "many", "L-4"]])
    staged = importers.read(store.home, [path], **SAID)
    ((_, left_out),) = importers.rejects(staged)
    importers.commit(store, staged)
    left_out["grade"] = "1"
    left_out.to_csv(tmp_path / "mended.csv", index=False)
    importers.import_files(store, [tmp_path / "mended.csv"])
    assert store.rows("SELECT rating, product_id, attributes FROM reviews ORDER BY 1")[0] == (1.0, "L-4", None)


def test_a_dry_run_remembers_nothing(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "a.csv", SURVEY)], dry_run=True, **SAID)
    with pytest.raises(WorkbenchError, match="not certain"):
        importers.import_files(store, [tmp_path / "a.csv"])


def test_a_mapping_saved_under_a_name_is_a_preset(store, tmp_path):
    importers.import_files(store, [write(tmp_path, "a.csv", SURVEY)], save_as="survey", **SAID)
    assert list(remembered.named(store.home)) == ["survey"]
    other = [["grade", "what_they_said", "about", "more"], ["1", "Broke at once", "L-4", "x"]]
    importers.import_files(store, [write(tmp_path, "b.csv", other)], preset="survey")
    assert store.value("SELECT attributes->>'more' FROM reviews WHERE rating = 1") == "x"
    with pytest.raises(WorkbenchError, match="lacks the columns about"):
        importers.import_files(store, [write(tmp_path, "c.csv", [["grade", "what_they_said"], ["1", "x"]])], preset="survey")


def test_a_column_is_proposed_by_its_content(store, tmp_path):
    with pytest.raises(WorkbenchError) as caught:
        importers.import_files(store, [write(tmp_path, "a.csv", SURVEY)], as_table="reviews")
    assert caught.value.fix == "Say which it is with --map body=what_they_said"
    assert caught.value.page == "Choose it under “Columns”."


def test_the_second_online_retail_set_is_known(store, tmp_path):
    rows = [
        ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"],
        ["489434", "85048", "LIGHTS", "12", "2009-12-01 07:45:00", "6.95", "13085.0", "United Kingdom"],
        ["489435", "85048", "LIGHTS", "-2", "2009-12-02 07:45:00", "6.95", "13085.0", "United Kingdom"],
        ["C489449", "22087", "PAPER BUNTING", "-12", "2009-12-01 10:33:00", "2.95", "16321.0", "Australia"],
    ]
    read = importers.import_files(store, [write(tmp_path, "online_retail_II.csv", rows)])["files"][0]
    assert read["importer"] == "online-retail-2" and read["notes"]["cancelled"] == 1
    kept = store.rows("SELECT user_id, kind, quantity, order_id FROM events ORDER BY happened_at")
    assert kept == [("13085", "purchase", 12.0, "489434"), ("13085", "return", 2.0, "489435")]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("reviewerID asin overall unixReviewTime reviewText", "A1 B1 5 1400000000 nice"),
        ("parent_asin user_id rating timestamp text", "B1 A1 5 1400000000000000000 nice"),
        ("review_id product_id star_rating review_headline review_body review_date", "r1 B1 5 hey nice 2014-05-13"),
    ],
)
def test_a_known_layout_may_lack_a_column_that_it_can_do_without(store, tmp_path, header, row):
    importers.import_files(store, [write(tmp_path, "reviews.csv", [header.split(), row.split()])])
    assert store.rows("SELECT product_id, body, created_at::DATE::VARCHAR FROM reviews") == [("B1", "nice", "2014-05-13")]
