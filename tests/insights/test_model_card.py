"""The model card: everything a reader needs to trust a version or not, as HTML and Markdown."""

import pytest
from joint_space import EVALUATION, fill, publish

from workbench.files import write_json
from workbench.insights import reports
from workbench.insights.reports import markdown, of_model
from workbench.insights.reports.document import Report, Section


@pytest.fixture
def versions(home, store):
    fill(store)
    store.snapshot()
    first = publish(home)
    second = publish(home, parent=first.id, promote=False)
    second.keep_evaluation(EVALUATION)
    return first, second


def card(store, version, kind="md"):
    return reports.model(store, version, kind).decode()


def test_it_holds_purpose_data_recipe_figures_limits_and_commands(store, versions):
    first, second = versions
    told = card(store, second)
    for title in ("Purpose", "Verdict", "Data", "Recipe and lineage", "Figures", "Robustness", "Fairness", "Known limits"):
        assert f"\n## {title}\n" in told
    assert f"Comes from: {second.id} ← {first.id}" in told
    assert "| reviews | 12 |" in told and "| epochs | 8 |" in told
    assert "| Review sentiment | macro F1 | this version | 0.700 (0.660 to 0.740) | 400 |" in told
    assert "| Review sentiment | macro F1 | its parent | 0.650 | 400 | +0.050 (+0.020 to +0.080) | better |" in told
    assert "0.690 (0.650 to 0.730) | 400 | +0.010 (-0.010 to +0.030) | no difference beyond chance |" in told
    assert "| Review sentiment | typing errors | macro F1 | 0.600 (0.560 to 0.640) | 400 | -0.100 (-0.130 to -0.070) | worse |" in told
    assert "| lamps | Review sentiment | macro F1 | TF-IDF, logistic regression | 0.450 (0.410 to 0.490) | 400 |" in told
    assert "too few rows to tell | 15 |" in told
    assert "Not learned: Ticket intent (needs two intents" in told
    assert f"workbench evaluate {second.id} --rivals all --robustness" in told


def test_it_shows_how_training_went_and_how_honest_probabilities_are(store, versions):
    _, second = versions
    points = [{"epoch": epoch, "task": "sentiment", "metric": "macro_f1", "value": value} for epoch, value in ((1, 0.6), (2, 0.7))]
    write_json(second.folder / "curve.json", [{"step": 1, "task": "sentiment", "loss": 0.4}, *points])
    told = card(store, second)
    assert "| Epoch | Review sentiment · macro F1 |" in told and "| 1 | 0.600 |" in told and "| 2 | 0.700 |" in told
    assert "| 0.550 | 0.500 | 40 |" in told and "| 0.900 | 0.910 | 160 |" in told
    assert "epoch 2" in card(store, second, "html")


def test_what_was_not_measured_is_said(store, versions):
    assert "Not measured yet: workbench evaluate --robustness" in card(store, versions[0])


def test_html_and_spreadsheets_hold_the_same_figures(store, versions, tmp_path):
    page = card(store, versions[1], "html")
    assert "0.700 (0.660 to 0.740)" in page and "default-src 'none'" in page
    assert len(reports.model(store, versions[1], tmp_path / "card.xlsx")) == (tmp_path / "card.xlsx").stat().st_size
    assert "0.7," in card(store, versions[1], "csv")


def test_a_card_of_data_that_are_gone_says_so(store, versions, home):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('late')")
    assert "| users | 12 |" in card(store, versions[0])
    for snapshot in home.snapshots.iterdir():
        snapshot.unlink()
    assert "Its snapshot was deleted" in card(store, versions[0])


def test_markdown_shows_what_people_wrote_as_text():
    evil = "<script>x</script> **bold** [link](https://x) | cell\n# heading"
    told = markdown.render(Report("t", evil, [evil], [Section(evil, [evil])], {})).decode()
    assert "<script" not in told and "**bold" not in told and "\n# heading" not in told
    assert told.count("](") == told.count("\\](") == 4


def test_groups_that_lack_a_label_are_said_to_be_compared_by_the_others():
    told = {"metric": "macro_f1", "labels": 2, "of": 3}
    assert of_model.compared_by(told) == "macro F1 over the 2 of 3 labels that each has"
    assert of_model.compared_by({**told, "compared": ["a", "b"]}) == "macro F1 over the 2 of 3 labels that each has: a, b"
    assert of_model.compared_by({**told, "labels": 9, "of": 40, "compared": list("abcdefghi")}).endswith("that each has")
    assert of_model.compared_by({"metric": "macro_f1", "labels": 3, "of": 3}) == of_model.compared_by({"metric": "macro_f1"}) == "macro F1"
