"""What is measured after a training: rivals, noise, another shop; kept with the version, which stays as it was."""

import pytest
from small_shop import fill, work

from workbench.files import read_json
from workbench.home import Home
from workbench.registry import Registry
from workbench.shop.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another shop with reviews of the same kind."""
    home = Home.find(tmp_path_factory.mktemp("other")).make()
    with Store.open(home) as store:
        fill(store)
        store.snapshot()
    return home


@pytest.fixture(scope="module")
def judged(trained, other):
    """(version, everything known of it) after all that can be measured was."""
    home, result = trained
    asked = {"rivals": ["all"], "robustness": True, "other": str(other.root)}
    code, known = work(home, "evaluate", version=result["version"], **asked)
    assert code == 0, known
    return Registry(home).get(result["version"]), known


def test_every_task_is_compared_with_its_own_training_alone(judged):
    version, known = judged
    for name, task in known["tasks"].items():
        for metric, theirs in task["baselines"]["single_task"].items():
            assert task["differences"][metric]["single_task"]["value"] == pytest.approx(
                task["metrics"][metric]["value"] - theirs["value"], abs=0.02
            ), name
    assert version.measured["tasks"] == known["tasks"]
    assert "sasrec" in known["tasks"]["next_item"]["differences"]["ndcg_at_10"]


def test_what_was_published_stays(judged):
    version, known = judged
    version.verify()
    published = read_json(version.folder / "metrics.json")["tasks"]
    for name, task in published.items():
        assert "single_task" not in task["baselines"] and known["tasks"][name]["metrics"] == task["metrics"]
        assert set(task["baselines"]) < set(known["tasks"][name]["baselines"])


def test_noise_is_measured_where_texts_are_read(judged):
    _, known = judged
    assert {name for name, task in known["tasks"].items() if "noise" in task} == {
        "sentiment",
        "review_to_product",
        "category",
        "next_item",
        "return",
    }
    sentiment = known["tasks"]["sentiment"]
    assert set(sentiment["noise"]) == {"typing_errors", "case_changes", "word_order"}
    capitals = sentiment["noise"]["case_changes"]
    assert capitals["changed"] > 0.9 and capitals["metrics"]["accuracy"]["n"] == sentiment["metrics"]["accuracy"]["n"]
    assert capitals["differences"]["accuracy"]["value"] == pytest.approx(0)  # the base reads small letters alone
    for noise in sentiment["noise"].values():
        change = noise["metrics"]["accuracy"]["value"] - sentiment["metrics"]["accuracy"]["value"]
        assert noise["differences"]["accuracy"]["value"] == pytest.approx(change, abs=0.02)


def test_another_shop_s_reviews_are_read_beside_the_simple_methods(judged, other):
    _, known = judged
    elsewhere = known["tasks"]["sentiment"]["elsewhere"][other.root.name]
    assert elsewhere["metrics"]["accuracy"]["n"] == 260 and elsewhere["metrics"]["accuracy"]["value"] > 0.9
    assert {"majority", "tfidf_logistic", "frozen_probe"} <= set(elsewhere["baselines"])
    assert "tfidf_logistic" in elsewhere["differences"]["macro_f1"]


def test_groups_are_there_since_the_training(trained):
    _, result = trained
    groups = result["tasks"]["next_item"]["groups"]
    assert sum(g["n"] for g in groups["category"]["groups"].values()) == 130


def test_a_file_of_reviews_serves_as_another_shop(trained, tmp_path):
    home, result = trained
    file = tmp_path / "reviews.csv"
    lines = [f'r{i},"Wonderful, I love it {i}",5' if i % 2 else f'r{i},"Terrible, it broke {i}",1' for i in range(80)]
    file.write_text("review_id,body,rating\n" + "\n".join(lines), "utf-8")
    code, known = work(home, "evaluate", version=result["version"], other=str(file))
    assert code == 0, known
    assert known["tasks"]["sentiment"]["elsewhere"]["reviews"]["metrics"]["accuracy"]["n"] == 80


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"rivals": ["juggling"]}, "no rival juggling"),
        ({"version": "v0"}, "no model version"),
        ({"against": "v0"}, "no model version"),
        ({"other": "nowhere"}, "no home or file"),
    ],
)
def test_what_cannot_be_measured_is_said(trained, asked, problem):
    home, result = trained
    code, error = work(home, "evaluate", **{"version": result["version"], **asked})
    assert code == 2 and problem in error["problem"] and error["fix"]


def test_another_version_is_measured_on_the_same_rows_and_equals_itself(trained):
    home, result = trained
    code, again = work(home, tasks=["sentiment", "next_item"])
    assert code == 0, again
    code, known = work(home, "evaluate", version=result["version"], against=again["version"])
    assert code == 0, known
    assert {name for name, task in known["tasks"].items() if again["version"] in task["baselines"]} == {"sentiment", "next_item"}
    for name in ("sentiment", "next_item"):
        theirs = known["tasks"][name]["baselines"][again["version"]]
        for metric, figure in again["tasks"][name]["metrics"].items():
            assert theirs[metric]["value"] == pytest.approx(figure["value"], abs=0.03), (name, metric)
    code, error = work(home, "evaluate", version=result["version"], against=result["version"])
    assert code == 2 and "with itself" in error["problem"]


def test_a_version_whose_data_are_gone_cannot_be_measured_again(trained, tmp_path):
    from workbench.encoder.judge import snapshot_of
    from workbench.errors import WorkbenchError

    home, result = trained
    with pytest.raises(WorkbenchError, match="are gone"):
        snapshot_of(Home.find(tmp_path).make(), Registry(home).get(result["version"]))
