from datetime import date

import joint_space
import numpy as np
import pytest
from app_page import fixture_of

from workbench.components import alerted
from workbench.insights import alerts
from workbench.insights import sentiment as shares
from workbench.insights.alerts import Alert, Alerts
from workbench.pages import sentiment
from workbench.registry import Registry
from workbench.shop.space import write_space
from workbench.shop.store import Store


def script():
    from workbench.pages import sentiment

    sentiment.render()


page = fixture_of(script)


@pytest.fixture
def filled(home):
    with Store.open(home) as store:
        joint_space.fill(store)
        with store.transaction() as cursor:
            for i in range(60):
                stars = 1 if i >= 45 and i % 3 else 5
                values = [f"x{i}", "a0", f"u{i}", stars, f"words number {i}", f"2025-0{1 + i // 15}-{1 + i % 15:02}"]
                cursor.execute(
                    "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at) VALUES (?, ?, ?, ?, ?, ?)", values
                )
    return home


def test_an_empty_shop_says_what_to_do(page):
    at = page()
    assert "Import reviews" in " ".join(t.value for t in at.text)


def test_reviews_without_a_date_are_shown_as_far_as_they_can_be(home, page):
    with Store.open(home) as store, store.transaction() as cursor:
        for i in range(30):
            values = [f"x{i}", 1 + 4 * (i % 2), f"words number {i}"]
            cursor.execute("INSERT INTO reviews (review_id, rating, body) VALUES (?, ?, ?)", values)
    at = page()
    assert at.metric[0].value == "30" and at.metric[1].value == "50%"
    assert any("None of these reviews has a date" in text.value for text in at.text)
    assert len(page(show="Reviews").dataframe[-1].value) == 30 and not page(show="Alerts").exception


def test_shares_and_reviews_are_shown_and_the_url_narrows_them(filled, page):
    at = page()
    everything = int(at.metric[0].value.replace(",", ""))
    narrowed = page(product="a0", stars="1", show="Reviews")
    rows = narrowed.dataframe[-1].value
    assert 0 < int(narrowed.metric[0].value) < everything
    assert set(rows["sentiment"]) == {"negative"}


def test_products_of_one_title_are_told_apart_in_the_list_and_by_a_link(filled, page):
    with Store.open(filled) as store, store.transaction() as cursor:
        cursor.execute("UPDATE products SET title = 'T-shirt' WHERE product_id IN ('a0', 'a1', 'a2')")
    for product in ("a0", "a1"):
        at = page(product=product)
        box = next(box for box in at.selectbox if box.label == "Product")
        assert box.value == product and {f"T-shirt · a{i}" for i in range(3)} < set(box.options)
    everything = int(page().metric[0].value.replace(",", ""))
    assert int(page(product="a0").metric[0].value) not in (int(at.metric[0].value), everything)


def test_filters_that_leave_nothing_say_so(filled, page):
    at = page(text="no review holds these words")
    assert "No review fits" in " ".join(s.value for s in at.subheader)


def test_a_link_to_a_label_that_no_model_gives_is_answered(filled, page):
    at = page(taught="tone: warm")
    assert any("gives no label “tone: warm”" in caption.value for caption in at.caption)


def test_labels_of_ones_own_are_drawn_over_time(filled, page):
    with Store.open(filled) as store:
        with store.transaction() as cursor:
            told = ["1", "tone", "x", "warm", "u", '{"title": "Tone", "about": "reviews", "family": "tone"}']
            names = "label_id, task, text, label, upload, attributes, created_at"
            cursor.execute(f"INSERT INTO labels ({names}) VALUES (?, ?, ?, ?, ?, ?, now()::TIMESTAMP)", told)
        keys = [key for (key,) in store.rows("SELECT review_id FROM reviews ORDER BY review_id")]
    registry = Registry(filled)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as made:
        made.predictions("tone", ["curt", "warm"], keys, np.eye(2)[[int(i % 4 == 0) for i in range(len(keys))]])
    registry.publish(version, {})
    registry.promote(version)
    at = page(show="Your labels")
    assert not at.exception
    counted = next(f.value for f in at.dataframe if "share" in f.value.columns and "label" in f.value.columns and len(f.value) == 2)
    assert counted["label"].tolist() == ["Tone: curt", "Tone: warm"] and counted["share"].sum() == 1


def surge(product: str, ended: date, **more) -> Alert:
    return Alert({"product_id": product}, date(2025, 1, 1), date(2025, 1, 8), ended, 0.6, 0.1, 40, ("x1",), **more)


def test_an_open_alert_comes_first_and_says_how_it_goes_on(filled, page, monkeypatch):
    over, lasting = surge("a1", date(2025, 2, 1)), surge("a0", date(2025, 4, 14), recent=0.75)
    monkeypatch.setattr(alerts, "find", lambda store, space: Alerts([over, lasting], 1.0, 9, date(2025, 4, 15)))
    alerted._found.clear()
    try:
        frame = next(f.value for f in page(show="Alerts").dataframe if "State" in f.value)
    finally:
        alerted._found.clear()
    assert frame["State"].tolist() == ["open", "over"] and frame["Where"][0].endswith("(a0)")
    assert frame["Last 4 weeks"][0] == 0.75 and frame["Last 4 weeks"].isna()[1]


def test_the_last_four_months_are_months_of_the_calendar(filled, page):
    with Store.open(filled) as store:
        with store.transaction() as cursor:
            cursor.execute("DELETE FROM reviews WHERE created_at >= '2025-02-01' AND created_at < '2025-04-01'")
            for i in range(15):
                values = [f"old{i}", "a0", 1, "of last year", f"2024-06-{1 + i:02}"]
                cursor.execute("INSERT INTO reviews (review_id, product_id, rating, body, created_at) VALUES (?, ?, ?, ?, ?)", values)
        asked = "SELECT 100 * avg((rating <= 2)::INT) FROM reviews WHERE product_id = 'a0' AND rating IS NOT NULL"
        whole, recent = (store.value(asked + since) for since in ("", " AND created_at >= '2025-01-01'"))
    negative = page(every="month", product="a0").metric[1]
    assert negative.label.startswith("Negative") and negative.value == f"{whole:.0f}%"
    assert recent < whole - 10 and negative.delta == f"{recent - whole:+.0f} points"
    assert negative.proto.delta_description == "last 4 months"


def test_files_hold_the_reviews_that_the_table_has_no_room_for(filled, page, monkeypatch):
    monkeypatch.setattr(sentiment, "SHOWN", 20)
    handed = []

    def kept(frame, name, key, whole=None):
        handed.extend([(len(frame), len(whole()))] if name == "reviews" and whole else [])

    monkeypatch.setattr(sentiment.downloads, "table_downloads", kept)
    at = page(show="Reviews", product="a0")
    shown, whole = handed[-1]
    assert shown == len(at.dataframe[-1].value) == 20 < whole
    assert f"The newest 20 of {whole} reviews; the files hold all." in [caption.value for caption in at.caption]


def test_what_no_model_was_sure_of_has_no_column(filled, page):
    assert "probability" not in page(show="Reviews").dataframe[-1].value


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.1, 0.2, "10% to 20%"), (0.0081, 0.0124, "0.8% to 1.2%"), (0.0081, 0.0084, "0.81% to 0.84%"), (0.5, 0.5, "50% to 50%")],
)
def test_an_interval_has_two_ends(low, high, said):
    assert shares.between(low, high) == said


@pytest.mark.parametrize(
    ("change", "share", "said"),
    [(0.061, 0.17, "+6"), (-0.008, 0.008, "-0.8"), (-0.0001, 0.008, "±0.0"), (0.004, 0.7, "±0"), (-0.02, 0.5, "-2")],
)
def test_a_change_has_the_digits_of_its_share(change, share, said):
    assert shares.points(change, share) == f"{said} points"


def test_a_script_in_a_review_stays_text(filled, page):
    at = page(show="Reviews")
    assert any("<script>" in str(v) for v in at.dataframe[-1].value["text"])
    assert not any("<script>" in m.value for m in at.markdown)
