import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from planted_alerts import DAYS, days_late, on_decoy

from workbench.home import Home
from workbench.insights import alerts
from workbench.insights.selection import Selection
from workbench.insights.sentiment import trend
from workbench.shop import importers, sample
from workbench.shop.store import Store


def shop(weeks=78, products=12, a_week=5.0, share=0.15, seed=0) -> pd.DataFrame:
    """Reviews of a shop where nothing happens."""
    random = np.random.default_rng(seed)
    rows = []
    for product in range(products):
        for week in range(weeks):
            for _ in range(random.poisson(a_week)):
                day = date(2025, 1, 6) + timedelta(days=int(7 * week + random.integers(0, 7)))
                rows.append((f"p{product}", f"b{product % 4}", f"c{product % 3}", day, bool(random.random() < share)))
    frame = pd.DataFrame(rows, columns=["product_id", "brand", "category", "day", "negative"]).sort_values("day", ignore_index=True)
    ids = [f"r{i}" for i in range(len(frame))]
    return frame.assign(review_id=ids, customer=ids)


def turn_bad(frame: pd.DataFrame, mask: pd.Series, share: float) -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame.loc[mask, "negative"] = random.random(mask.sum()) < share
    return frame


def test_a_calm_shop_raises_about_what_is_promised():
    found = [alerts.find_in(shop(seed=seed)) for seed in range(6)]
    raised, years = sum(len(f.alerts) for f in found), 6 * 78 / 52
    assert raised <= found[0].expected_false_per_year * years


def test_a_bad_product_is_found_where_it_is_and_once():
    frame = shop()
    weeks = (pd.to_datetime(frame["day"]) >= "2026-01-05") & (pd.to_datetime(frame["day"]) < "2026-02-09")
    found = alerts.find_in(turn_bad(frame, weeks & (frame["product_id"] == "p3"), 0.75)).alerts
    assert [a.scope for a in found] == [{"product_id": "p3"}]
    assert abs((found[0].began - date(2026, 1, 5)).days) <= 14 and (found[0].raised - date(2026, 1, 5)).days <= 21
    assert found[0].share > 0.5 and set(found[0].reviews) <= set(frame["review_id"])


def test_what_one_customer_writes_in_a_week_is_one_voice():
    days = [date(2026, 1, 14), date(2026, 1, 21), date(2026, 1, 28)]
    more = [(f"s{i}", f"s{i}", "p3", "b3", "c0", days[i % 3], True) for i in range(18)]
    bad = pd.DataFrame(more, columns=["review_id", "customer", "product_id", "brand", "category", "day", "negative"])
    frame = pd.concat([shop(products=6, a_week=0.5), bad]).sort_values("day", ignore_index=True)
    (several,) = alerts.find_in(frame).alerts
    assert several.n >= 18 and several.scope and several.customers == len(several.reviews) >= 18
    one = frame["customer"].mask(frame["review_id"].str.startswith("s"), "one")
    assert alerts.find_in(frame.assign(customer=one)).alerts == []


def test_a_surge_is_no_matter_of_a_few_customers():
    weekly = [date(2026, 1, 7) + timedelta(days=7 * week) for week in range(9)]
    more = [(f"s{i}", f"c{i}", "p3", "b3", "c0", weekly[i // 2], True) for i in range(18)]
    bad = pd.DataFrame(more, columns=["review_id", "customer", "product_id", "brand", "category", "day", "negative"])
    frame = pd.concat([shop(products=6, a_week=0.5), bad]).sort_values("day", ignore_index=True)
    assert len(alerts.find_in(frame).alerts) == 1
    written = frame["review_id"].str.startswith("s")
    two = frame["customer"].mask(written, frame["review_id"].str[1:].where(written, "0").astype(int) % 2).astype(str)
    assert alerts.find_in(frame.assign(customer=two)).alerts == []


def test_what_is_said_three_times_by_the_same_customers_changes_no_alert():
    weeks = (pd.to_datetime((frame := shop())["day"]) >= "2026-01-05") & (pd.to_datetime(frame["day"]) < "2026-02-09")
    once = turn_bad(frame, weeks & (frame["product_id"] == "p3"), 0.6)
    again = once[once["negative"] & (pd.to_datetime(once["day"]).dt.isocalendar().week % 2 == 0)]
    said = pd.concat([once, again.assign(review_id=again["review_id"] + "-2"), again.assign(review_id=again["review_id"] + "-3")])
    thrice = said.sort_values("day", kind="stable", ignore_index=True)
    told = [[(a.scope, a.began, a.raised, a.n, a.customers, a.baseline) for a in alerts.find_in(f).alerts] for f in (once, thrice)]
    assert told[0] == told[1] and len(told[0]) == 1


def test_an_alert_names_all_reviews_of_its_voices_and_how_many_wrote_them():
    days = [date(2026, 6, 17), date(2026, 6, 24), date(2026, 7, 1)]
    more = [(f"s{i}-{k}", f"c{i}", "p3", "b3", "c0", days[i % 3], True) for i in range(18) for k in range(3)]
    bad = pd.DataFrame(more, columns=["review_id", "customer", "product_id", "brand", "category", "day", "negative"])
    (found,) = alerts.find_in(pd.concat([shop(products=6, a_week=0.5), bad]).sort_values("day", ignore_index=True)).alerts
    assert set(bad["review_id"]) <= set(found.reviews) and 18 <= found.customers < len(found.reviews) - 30
    assert found.n < len(found.reviews) and found.json()["customers"] == found.customers
    assert found.recent > 0.5


def test_a_rise_everywhere_belongs_to_the_shop():
    frame = shop()
    weeks = (pd.to_datetime(frame["day"]) >= "2026-01-05") & (pd.to_datetime(frame["day"]) < "2026-01-26")
    found = alerts.find_in(turn_bad(frame, weeks, 0.45)).alerts
    assert found and found[0].scope == {} and len(found) <= 2


def test_more_reviews_of_the_same_mood_raise_nothing():
    frame = shop()
    sale = frame[(pd.to_datetime(frame["day"]) >= "2026-01-05") & (pd.to_datetime(frame["day"]) < "2026-01-19")]
    more = []
    for i in range(2):
        ids = sale["review_id"] + f"-{i}"
        more.append(sale.assign(review_id=ids, customer=ids, negative=np.random.default_rng(i).random(len(sale)) < 0.15))
    tripled = pd.concat([frame, *more]).sort_values("day", ignore_index=True)
    assert [a for a in alerts.find_in(tripled).alerts if date(2026, 1, 1) <= a.began <= date(2026, 1, 31)] == []


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    home = Home.find(tmp_path_factory.mktemp("shop")).make()
    folder = sample.build(home)
    with Store.open(home) as store:
        importers.import_files(store, [folder / name for name in sample.FILES])
        paths = dict(store.rows("SELECT product_id, [split_part(category, ' > ', 1), brand] FROM products"))
        yield alerts.find(store, None), json.loads((folder / "truth.json").read_text())["incidents"], paths


def test_four_of_five_planted_incidents_are_alerted_within_three_weeks(sampled):
    found, planted, paths = sampled
    late = [days_late(i, found.alerts, paths) for i in planted if not i["decoy"]]
    assert len(late) >= 5 and sum(d is not None and d <= DAYS for d in late) / len(late) >= 0.8


def test_no_alert_on_a_decoy(sampled):
    found, planted, _ = sampled
    decoys = [i for i in planted if i["decoy"]]
    assert decoys and not any(on_decoy(decoy, found.alerts) for decoy in decoys)


def test_the_document_has_the_agreed_form(sampled):
    document = sampled[0].json()
    assert {"alerts", "expected_false_per_year"} <= set(document)
    assert all({"scope", "began", "raised", "share", "baseline", "n"} <= set(a) for a in document["alerts"])


def seldom(every: int, weeks: int, negative: bool = True) -> pd.DataFrame:
    """A product that is reviewed once in so many weeks."""
    days = [date(2025, 1, 8) + timedelta(days=7 * week) for week in range(0, weeks, every)]
    rows = [(f"s{i}", f"s{i}", "seldom", "b0", "c0", day, negative) for i, day in enumerate(days)]
    return pd.DataFrame(rows, columns=["review_id", "customer", "product_id", "brand", "category", "day", "negative"])


@pytest.mark.parametrize(("every", "alerted"), [(20, False), (1, True)])
def test_bad_reviews_years_apart_are_no_surge(every, alerted):
    frame = pd.concat([shop(weeks=20 * every, products=6, a_week=0.5), seldom(every, 20 * every)])
    found = alerts.find_in(frame.sort_values("day", ignore_index=True)).alerts
    mine = [a for a in found if a.scope == {"product_id": "seldom"}]
    assert bool(mine) == alerted and all((a.raised - a.began).days <= 7 * (alerts.LONGEST + 1) for a in found)


def test_a_surge_ends_where_nobody_says_a_word_any_more():
    quiet = seldom(60, 120)
    frame = pd.concat([shop(weeks=180, products=6, a_week=0.5), seldom(1, 16), quiet.assign(review_id="q" + quiet["review_id"])])
    found = [a for a in alerts.find_in(frame.sort_values("day", ignore_index=True)).alerts if a.scope == {"product_id": "seldom"}]
    assert len(found) == 1 and found[0].ended < date(2025, 6, 1)


def alert(ended: date, heard: date | None) -> alerts.Alert:
    return alerts.Alert({"brand": "b"}, ended, ended, ended, 0.5, 0.1, 9, ("r1",), heard)


@pytest.mark.parametrize(
    ("last", "heard", "is_open"),
    [
        (date(2026, 11, 1), date(2026, 11, 1), True),
        (date(2026, 12, 20), date(2026, 11, 1), True),  # others were reviewed since, the brand was not
        (date(2026, 12, 20), date(2026, 12, 10), False),  # the brand was, and the surge was over
        (date(2027, 3, 1), date(2026, 11, 1), False),  # nothing was heard of it for too long
    ],
)
def test_an_alert_is_open_until_its_own_scope_was_reviewed_without_a_surge(last, heard, is_open):
    one = alert(date(2026, 10, 25), heard)
    assert alerts.Alerts([one], 1.0, 1, last).open() == ([one] if is_open else [])


def test_an_alert_concerns_a_selection_that_holds_one_of_its_reviews(store):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, brand) VALUES ('p', 'b'), ('q', 'c')")
        cursor.execute("INSERT INTO reviews (review_id, product_id, rating, body) VALUES ('r1', 'p', 1, 'broke'), ('r2', 'q', 5, 'fine')")
    found = [alert(date(2026, 1, 1), None)]
    assert alerts.concerned(store, None, found, Selection()) == alerts.concerned(store, None, found, Selection(brand="b")) == found
    assert alerts.concerned(store, None, found, Selection(brand="c")) == alerts.concerned(store, None, found, Selection(ratings=(5,))) == []


def test_a_review_dated_in_the_future_hides_no_alert(store):
    with store.transaction() as cursor:
        for week in range(30):
            for i in range(10):
                bad = week >= 27 or i == 0
                row = [f"r{week}-{i}", "p1" if i % 2 else "p2", 1 if bad else 5, date(2025, 1, 6) + timedelta(days=7 * week)]
                cursor.execute("INSERT INTO reviews (review_id, product_id, rating, body, created_at) VALUES (?, ?, ?, 'so', ?)", row)
    before = alerts.find(store, None)
    assert before.open()
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO reviews (review_id, product_id, rating, body, created_at) VALUES ('late', 'p1', 5, 'so', '2242-06-30')")
    assert alerts.find(store, None) == before
    assert trend(store, None, Selection())["period"].max().year == 2025
