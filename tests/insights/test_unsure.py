import numpy as np
import pytest

from workbench.insights.unsure import unsure
from workbench.registry import Registry
from workbench.shop.space import Space, write_space
from workbench.tasks.labelled import read_labelled, store_labels

LABELS = ["negative", "neutral", "positive"]
SURE, TORN, LEANING = [0.9, 0.05, 0.05], [0.45, 0.1, 0.45], [0.5, 0.2, 0.3]


@pytest.fixture
def space(home, store):
    with store.transaction() as cursor:
        for key, title, body in (("r1", "Well", "sure"), ("r2", None, "torn"), ("r3", "", "leaning"), ("r4", None, "")):
            cursor.execute("INSERT INTO reviews (review_id, title, body) VALUES (?, ?, ?)", [key, title, body])
        cursor.execute("INSERT INTO tickets (ticket_id, body) VALUES ('t1', 'where is it')")
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as written:
        written.predictions("sentiment", LABELS, ["r1", "r2", "r3", "r4"], np.array([SURE, TORN, LEANING, TORN]))
        written.predictions("intent", ["where", "refund"], ["t1"], np.array([[0.6, 0.4]]))
    return Space(store, registry.publish(version, {}))


def test_the_closest_calls_come_first_with_an_empty_label(store, space):
    found = unsure(store, space, "sentiment")
    assert found["text"].tolist() == ["torn", "leaning", "Well. sure"] and set(found["label"]) == {""}
    assert found["key"].tolist() == ["r2", "r3", "r1"] and found["probability"].tolist() == pytest.approx([0.45, 0.5, 0.9], abs=1e-3)
    assert unsure(store, space, "sentiment", 1)["key"].tolist() == ["r2"]


def test_tickets_are_found_and_other_tasks_have_none(store, space):
    assert unsure(store, space, "intent")[["text", "predicted"]].values.tolist() == [["where is it", "where"]]
    assert unsure(store, space, "tone").empty


def test_rows_of_another_table_with_the_same_id_are_not_shown(store, space):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO reviews (review_id, body) VALUES ('t1', 'a lovely lamp')")
    assert unsure(store, space, "intent")["text"].tolist() == ["where is it"]


def test_what_was_labelled_before_is_left_out(store, space):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO labels (label_id, task, text, label) VALUES ('l1', 'sentiment', 'torn', 'neutral')")
        cursor.execute("INSERT INTO labels (label_id, task, text, label) VALUES ('l2', 'intent', 'leaning', 'where')")
    assert unsure(store, space, "sentiment")["text"].tolist() == ["leaning", "Well. sure"]


def test_a_labelled_row_is_known_without_its_line_ends_and_what_is_personal(store, space):
    """Rows of the same text count as one label, and further rows are read in their place."""
    with store.transaction() as cursor:
        cursor.execute("UPDATE reviews SET body = 'Torn,\n<br>mail  me at anna@x.org' WHERE review_id IN ('r2', 'r3')")
    texts = unsure(store, space, "sentiment", 2)["text"]
    labelled = read_labelled([{"text": text, "label": "neutral"} for text in texts], "sentiment", "text", "label", LABELS)
    assert store_labels(store, labelled, "sha")["masked"] == 1
    assert unsure(store, space, "sentiment", 1)["key"].tolist() == ["r1"]
