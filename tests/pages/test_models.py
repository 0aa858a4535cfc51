"""The models page: side by side, lineage, promote, roll back, two promotions at once, training."""

import pytest
from app_page import fixture_of, words
from joint_space import fill, publish

from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store


def script():
    from workbench.pages import models

    models.render()


page = fixture_of(script)


@pytest.fixture
def two(home):
    """An active version and its child."""
    with Store.open(home) as store:
        fill(store)
    first = publish(home)
    return first, publish(home, parent=first.id, promote=False)


def test_an_empty_shop_leads_to_the_import(page):
    assert [b.label for b in page().button] == ["Import data"]


@pytest.fixture
def reviewed(home):
    """A shop with reviews enough to learn sentiment from, and nothing for ticket intents."""
    with Store.open(home) as store:
        fill(store)
        with store.transaction() as cursor:
            cursor.execute(
                "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at) "
                "SELECT 'x' || i, 'a' || (i % 6), 'u_a' || (i % 6), 1 + i % 5, 'words of review ' || i, TIMESTAMP '2025-01-01' "
                "FROM range(300) r(i)"
            )


def test_the_first_training_shows_what_is_missing_and_the_recipe(page, home, reviewed, monkeypatch):
    started = []
    monkeypatch.setattr("workbench.jobs.start", lambda home, kind, spec: started.append(spec) or Run.create(home, kind, {}))
    at = page()
    tasks, settings = (frame.value for frame in at.dataframe)
    state = dict(zip(tasks["title"], tasks["state"], strict=True))
    assert state["Review sentiment"] == "ready" and state["Ticket intent"].startswith("needs")
    assert {"epochs", "learning_rate"} <= set(settings["setting"])
    at.multiselect(key="only-tasks").set_value(["sentiment"])
    at.button(key="start-training").click().run()
    assert (started[0]["recipe"], started[0]["tasks"]) == ("laptop", ["sentiment"])
    assert at.query_params["run"]


def test_nothing_to_learn_keeps_the_button_shut(page, home):
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('alone')")
    at = page()
    assert at.button(key="start-training").disabled
    assert "Nothing can be learned" in words(at)


def test_versions_side_by_side_with_baselines(page, two):
    at = page(versions=[two[0].id, two[1].id])
    frames = [frame.value for frame in at.dataframe]
    assert dict(zip(frames[0]["version"], frames[0]["active"], strict=True)) == {two[0].id: True, two[1].id: False}
    figures = next(f for f in frames if "by" in f and "version" in f)
    assert set(figures["version"]) == {v.id for v in two}
    assert {"this version", "popularity", "item neighbours", "most frequent label"} <= set(figures["by"])
    assert {"low", "high", "n"} <= set(figures.columns)


def test_a_link_opens_one_version_with_its_lineage(page, two):
    at = page(version=two[1].id)
    assert f"Comes from: {two[1].id} ← {two[0].id}" in words(at)


def test_a_link_to_a_version_outlives_its_promotion(page, two, home):
    at = page(version=two[1].id)
    assert "This version is active" not in words(at)
    Registry(home).promote(two[1].id)
    at = page(version=two[1].id)
    assert at.selectbox(key="version").value == two[1].id and set(at.selectbox(key="version").options) == {v.id for v in two}
    assert "This version is active" in words(at)


def test_promote_and_roll_back_ask_first_and_are_written_down(page, two, home):
    first, second = two
    at = page(version=second.id)
    at.button(key="promote").click().run()
    assert Registry(home).active().id == first.id
    at.text_input(key="promote-why").set_value("better on reviews")
    at.button(key="promote-yes").click().run()
    assert Registry(home).active().id == second.id
    assert Registry(home).history()[-1]["why"] == "better on reviews"
    at.button(key="roll-back").click().run()
    at.button(key="roll-back-yes").click().run()
    assert Registry(home).active().id == first.id
    assert "is active again" in at.success[0].value


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(page, two, home):
    third = publish(home, promote=False)
    at = page(version=two[1].id)
    at.button(key="promote").click().run()
    Registry(home).promote(third.id)
    at.button(key="promote-yes").click().run()
    assert Registry(home).active().id == third.id
    assert "became active in the meantime" in words(at)
