"""The overview: empty shop, shop without model, model with its figures, running job."""

from datetime import date

import pytest
import streamlit as st
from app_page import fixture_of, words
from joint_space import METRIC, fill, publish
from streamlit.proto.Metric_pb2 import Metric as MetricProto

from workbench.components import alerted, context, states
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store


def script():
    from workbench.pages import overview

    overview.render()


page = fixture_of(script)


@pytest.fixture
def filled(home):
    with Store.open(home) as store:
        fill(store)


def test_an_empty_shop_leads_to_the_import(page):
    at = page()
    assert "This shop is empty" in words(at)
    assert [b.label for b in at.button] == ["Import data"]


def test_data_without_a_model_leads_to_training(page, filled, monkeypatch, home):
    started = []
    monkeypatch.setattr("workbench.jobs.start", lambda home, kind, spec: started.append((kind, spec)) or Run.create(home, kind, {}))
    at = page()
    assert "Next: train a model" in words(at)
    assert {m.label: m.value for m in at.metric}["Users"] == "12"
    at.button(key="train-now").click().run()
    assert started[0][0] == "train" and started[0][1]["snapshot"].exists()
    assert at.query_params["run"]


def test_the_active_model_is_shown_with_interval_n_and_best_rival(page, filled, home):
    made = publish(home)
    at = page()
    assert made.id in words(at)
    card = next(m for m in at.metric if m.label.startswith("Next item"))
    assert card.value == "0.310" and card.delta == "+0.100"
    assert "0.270 to 0.350 · n 400" in words(at)
    assert "Not learned: Ticket intent (needs two intents" in words(at)


@pytest.mark.parametrize(
    ("low", "high", "paired", "colour"), [(0.2, 0.26, None, "GREEN"), (0.2, 0.28, None, "GRAY"), (0.2, 0.28, (0.01, 0.1), "GREEN")]
)
def test_a_difference_is_coloured_only_beyond_chance(page, filled, home, monkeypatch, low, high, paired, colour):
    rival = {"value": 0.24, "low": low, "high": high, "n": 400}
    measured = {"metrics": {"ndcg_at_10": METRIC}, "baselines": {"popularity": {"ndcg_at_10": rival}}}
    if paired:
        measured["differences"] = {"ndcg_at_10": {"popularity": {"value": 0.07, "low": paired[0], "high": paired[1], "n": 400}}}
    monkeypatch.setattr("joint_space.METRICS", {"tasks": {"next_item": measured}})
    publish(home)
    card = next(m for m in page().metric if m.label.startswith("Next item"))
    assert MetricProto.MetricColor.Name(card.color) == colour


def test_a_card_rounds_as_the_tables_of_the_page_models_do(page, filled, home, monkeypatch):
    measured = {"metrics": {"ndcg_at_10": {**METRIC, "value": 0.8125}}}
    monkeypatch.setattr("joint_space.METRICS", {"tasks": {"next_item": measured}})
    publish(home)
    assert next(m for m in page().metric if m.label.startswith("Next item")).value == "0.813"


def test_an_open_alert_is_shown_with_its_scope_and_shares(page, filled, home, monkeypatch):
    from workbench.insights import alerts

    assert "None is open" in words(page())
    ((product, title),) = context.store().rows("SELECT product_id, title FROM products WHERE title IS NOT NULL LIMIT 1")
    days = (date(2025, 1, 1), date(2025, 1, 9), date(2025, 1, 12), 0.6, 0.1, 40)
    found = alerts.Alerts(
        [alerts.Alert({"product_id": product}, *days), alerts.Alert({"brand": "*Acme*"}, *days)], 1.0, 9, date(2025, 1, 13)
    )
    monkeypatch.setattr(alerts, "find", lambda store, space: found)
    alerted._found.clear()
    at = page()
    assert [t.value for t in at.text][:2] == [f"{title} ({product})", "brand *Acme*"], "before anything else"
    assert "60% negative of 40 reviews since 2025-01-01, usually 10% · certain on 2025-01-09" in words(at)
    gone = []
    monkeypatch.setattr(st, "switch_page", lambda place, query_params: gone.append((place, query_params)))
    at.session_state[states._PLACES] = {"sentiment": "the page"}
    at.button(key="alert-0").click().run()
    assert gone == [("the page", {"product": product})]
    alerted._found.clear()


def test_newer_data_asks_for_another_training(page, filled, home):
    publish(home)
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('new')")
    assert "The data is at version 2; the active model learned from version 1." in words(page())


def test_a_training_on_newer_data_asks_for_a_decision_and_not_for_another(page, filled, home):
    publish(home)
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('new')")
    second = publish(home, promote=False, data_version=2)
    while Registry(home).versions()[0].id != second.id:  # ids of one second have no order
        second = publish(home, promote=False, data_version=2)
    told = words(page())
    assert f"{second.id} was trained on data version 2, the active model on 1, and waits for its promotion." in told
    assert "learn from the new data" not in told


def test_a_child_of_the_active_version_asks_for_a_decision(page, filled, home):
    first = publish(home)
    second = publish(home, parent=first.id, promote=False)
    while Registry(home).versions()[0].id != second.id:  # ids of one second have no order
        second = publish(home, parent=first.id, promote=False)
    assert f"{second.id} was trained on top of the active model" in words(page())


def test_a_running_job_is_shown_and_found_again_by_its_id(page, filled, home):
    run = Run.create(home, "train", {})
    with run.working():
        run.report(0.4, "epoch 3")
        run.point(step=1, task="sentiment", loss=0.7)
        for _ in range(2):
            at = page(run=run.id)
            assert run.id in words(at) and "40%" in words(at)
            assert at.button[0].label == "Cancel"
        at.button[0].click().run()
        assert run.cancel_asked()
    run.fail("Stopped.", "Start again.", "cancelled")
    assert "Training was cancelled" in words(page(run=run.id))


def test_a_run_whose_worker_was_killed_is_shown_with_the_way_on(page, filled, home):
    run = Run.create(home, "train", {})
    with run.working():
        run.report(0.4, "epoch 3")
    at = page()
    assert "ended without a word" in words(at) and "log.txt" in words(at) and str(home.root) not in words(at)
    assert "Resume" in [b.label for b in at.button]


def test_a_failed_run_shows_the_end_of_its_log_and_can_be_dismissed(page, filled, home):
    run = Run.create(home, "train", {})
    run.log.write_text("<b>KeyError</b>: 'rating'\n")
    run.fail("Only one class.", "Label another.", resumable=False)
    at = page(run=run.id)
    assert "<b>KeyError</b>: 'rating'" in [t.value for t in at.text]
    assert "Resume" not in [b.label for b in at.button], "it would fail again"
    at.button(key=f"dismiss-{run.id}").click().run()
    assert "Only one class." not in words(at) and "run" not in at.query_params
    assert "Only one class." not in words(page())
