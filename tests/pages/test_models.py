"""The models page: side by side, lineage, promote, roll back, two promotions at once, training."""

import shutil
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from app_page import fixture_of, words
from joint_space import EVALUATION, fill, publish

from workbench.components import training
from workbench.pages import models
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.store import Store
from workbench.tasks.base import tasks


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


def test_another_version_is_promoted_where_the_active_one_is_gone(page, home, two):
    first, second = two
    shutil.rmtree(first.folder)
    at = page()
    at.button(key="promote").click().run()
    at.button(key="promote-yes").click().run()
    assert not at.exception and Registry(home).active().id == second.id


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


def test_a_broken_recipe_is_told_and_the_others_are_there(page, home, reviewed):
    (home.models / "recipes").mkdir()
    (home.models / "recipes" / "mine.toml").write_text("epochs = \n")
    at = page()
    assert "laptop" in at.selectbox(key="recipe").options and "mine" not in at.selectbox(key="recipe").options
    assert "mine.toml cannot be read" in words(at)


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


def test_masked_words_are_ready_only_with_a_recipe_that_takes_them(page, home, reviewed, monkeypatch):
    masked = replace(tasks()["masked_words"], missing=lambda store: None)
    monkeypatch.setattr(training, "tasks", lambda: {"masked_words": masked})
    training._learnable.clear()
    at = page()
    assert at.dataframe[0].value["state"][0].startswith("not with this recipe")
    assert at.multiselect(key="only-tasks").options == []
    at.selectbox(key="recipe").select("full").run()
    assert at.dataframe[0].value["state"][0] == "ready"
    training._learnable.clear()


def test_what_can_be_learned_is_looked_up_when_one_wants_to_train_another(page, two, monkeypatch):
    asked = []
    look = models.what_can_be_learned
    monkeypatch.setattr(models, "what_can_be_learned", lambda recipe: asked.append(recipe.name) or look(recipe))
    at = page()
    assert not asked
    at.session_state["train-another"] = True
    at.run()
    assert asked == ["laptop"] and not at.exception and at.button(key="start-training").label == "Start training"


def test_nothing_to_learn_keeps_the_button_shut(page, home):
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('alone')")
    at = page()
    assert at.button(key="start-training").disabled
    assert "Nothing can be learned" in words(at)


def frame_with(at, *columns):
    """The first table of the page that has these columns."""
    return next(frame.value for frame in at.dataframe if set(columns) <= set(frame.value.columns))


def test_the_verdict_comes_first_and_says_what_was_not_measured(page, two):
    said = words(page())
    assert "Better: Next item (item neighbours)." in said
    assert "No difference beyond chance: Review sentiment (TF-IDF, logistic regression)." in said
    assert "Better: Review sentiment." in said
    assert "would each task alone, trained as long, do better?" in said
    assert "Served worse: Next item, customer “new”, 0.220 NDCG@10, -0.120 to the rest (-0.180 to -0.060)." in said


def test_what_was_measured_later_is_in_the_verdict(page, two):
    two[0].keep_evaluation(EVALUATION)
    said = words(page())
    assert "Learning together costs no task anything beyond chance. Next item gained by it." in said
    assert "Typing errors cost most: Review sentiment -0.100 macro F1 (-0.130 to -0.070)." in said
    assert "On lamps" in said and "Review sentiment 0.550 macro F1" in said and "0.450 (better)" in said


def test_one_task_against_every_method_on_the_same_rows(page, two):
    frame = frame_with(page(task="Review sentiment"), "Compared with")
    told = {row["Compared with"]: row for _, row in frame.iterrows()}
    assert set(told) == {"most frequent label", "TF-IDF, logistic regression", "its parent"}
    assert told["its parent"]["The other"] == pytest.approx(0.65) and told["its parent"]["This version is"] == "better"
    assert told["TF-IDF, logistic regression"]["This version is"] == "no difference beyond chance"


def test_joint_against_alone_noise_groups_and_curves_have_a_view_each(page, two):
    assert "Not measured yet" in words(page(show="Joint or alone")) and "Not measured yet" in words(page(show="Robustness"))
    two[0].keep_evaluation(EVALUATION)
    alone = frame_with(page(show="Joint or alone"), "Task", "The other")
    assert dict(zip(alone["Task"], alone["This version is"], strict=True)) == {
        "Next item · NDCG@10": "better",
        "Review sentiment · macro F1": "no difference beyond chance",
    }
    at = page(show="Robustness")
    assert frame_with(at, "Noise")["Change"].tolist() == ["-0.100 (-0.130 to -0.070)", "+0.000 (+0.000 to +0.000)"]
    assert set(frame_with(at, "Shop")["By"]) == {"this version", "TF-IDF, logistic regression"}
    at = page(show="Fairness")
    assert frame_with(at, "Group")["Figure and interval"].tolist()[-1] == "too few rows to tell"
    assert "Gap: 0.120 NDCG@10 (0.060 to 0.180) from “new” to “old”." in words(at)
    assert frame_with(page(show="Training"), "epoch")["Review sentiment"].tolist() == [0.6, 0.7]


def test_measure_more_asks_what_and_starts_the_job(page, two, home, monkeypatch):
    started = []
    monkeypatch.setattr("workbench.jobs.start", lambda home, kind, spec: started.append((kind, spec)) or Run.create(home, kind, spec))
    at = page()
    at.button(key="measure-more").click().run()
    at.text_input(key="measure-other").set_value("/shops/lamps")
    at.selectbox(key="measure-against").set_value(two[1].id)
    at.button(key="measure-start").click().run()
    spec = {"version": two[0].id, "rivals": ["single_task"], "robustness": True, "against": two[1].id, "other": "/shops/lamps"}
    assert started == [("evaluate", spec)]
    assert at.query_params["run"] and at.button(key="measure-more").disabled


def test_versions_side_by_side_with_baselines(page, two):
    at = page(versions=[two[0].id, two[1].id])
    frames = [frame.value for frame in at.dataframe]
    overview = frame_with(at, "active", "version")
    assert dict(zip(overview["version"], overview["active"], strict=True)) == {two[0].id: True, two[1].id: False}
    figures = next(f for f in frames if "by" in f and "version" in f)
    assert set(figures["version"]) == {v.id for v in two}
    assert {"this version", "popularity", "item neighbours", "most frequent label"} <= set(figures["by"])
    assert {"low", "high", "n"} <= set(figures.columns)


def test_a_link_opens_one_version_with_its_lineage(page, two):
    at = page(version=two[1].id, show="About")
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


def test_what_happened_is_told_in_the_machines_time(page, two, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        at = page()
        when = frame_with(at, "when", "who")["when"].iloc[0]
        assert abs(when.to_pydatetime() - datetime.now()) < timedelta(minutes=5)
        assert "this machine's clock (CST)" in words(at)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(page, two, home):
    third = publish(home, promote=False)
    at = page(version=two[1].id)
    at.button(key="promote").click().run()
    Registry(home).promote(third.id)
    at.button(key="promote-yes").click().run()
    assert Registry(home).active().id == third.id
    assert "became active in the meantime" in words(at)


def test_a_task_with_probabilities_shows_how_honest_they_are(page, two):
    at = page(task="Review sentiment")
    (honest,) = [e for e in at.expander if e.label.startswith("How honest")]
    assert honest.label.endswith("calibration error 0.020")
    (table,) = [frame.value for frame in honest.dataframe]
    assert table["Share that was right"].tolist() == [0.5, 0.91] and table["Test rows"].tolist() == [40, 160]
    at = page(task="Next item")
    assert not [e for e in at.expander if e.label.startswith("How honest")]
