"""What promoting a version would change, on two versions of a shop whose differences are known."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from joint_space import fill, product_vectors, publish, unit, user_vectors

from workbench.insights import alerts, segments
from workbench.insights.alerts import Alert, Alerts
from workbench.insights.consequences import EARLIER, FIRE, LATER, SILENT, consequences
from workbench.registry import Registry
from workbench.shop.space import Space, write_space


@pytest.fixture
def spaces(home, store):
    """The geometry of the tests, and one in which u_a0 likes b and the one review with a prediction is negative."""
    fill(store)
    before, registry = publish(home), Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.settings(scale=float(np.log(10.0)))
        products, users = product_vectors(), user_vectors() | {"u_a0": unit(0.1, 1)}
        space.vectors("products", list(products), np.stack(list(products.values())))
        space.vectors("users", list(users), np.stack(list(users.values())))
        space.predictions("sentiment", ["negative", "neutral", "positive"], ["r1"], np.array([[0.7, 0.2, 0.1]]))
    after = registry.publish(version, {"kind": "finetune"})
    return Space(store, before), Space(store, after)


def test_a_version_beside_itself_changes_nothing(store, spaces):
    found = consequences(store, spaces[0], spaces[0])
    assert found.touched == 0 and found.asked == 12 and found.items.empty
    assert found.sentiment.empty and found.alerts.empty and found.tasks["changed"].tolist() == [0]


def test_sentiment_changes_in_a_direction_with_examples(store, spaces):
    found = consequences(store, *spaces)
    assert found.sentiment.values.tolist() == [["positive", "negative", 1]]
    assert found.reviews["review_id"].tolist() == ["r1"] and "Very good" in found.reviews["text"][0]
    assert "1 review changes its sentiment: 1 from positive to negative." in found.sentences()


def test_recommendations_that_change_name_what_goes_and_what_comes(store, spaces, monkeypatch):
    monkeypatch.setattr("workbench.insights.consequences.BEST", 2)
    monkeypatch.setattr("workbench.insights.consequences.EXAMPLES", 12)
    found = consequences(store, *spaces)
    changed = found.items[found.items["user_id"] == "u_a0"]
    assert len(changed) and {key[0] for key in changed.loc[changed["what"] == "new", "product_id"]} == {"b"}
    assert found.asked == 12 and 1 <= found.touched <= 12 and 0 < found.replaced <= 2


def alert(scope, began, ended):
    return Alert(scope, began, began, ended, 0.5, 0.1, 30)


def test_alerts_are_the_same_where_scope_and_time_overlap(store, spaces, monkeypatch):
    may, june = date(2025, 5, 1), date(2025, 6, 1)
    told = {
        spaces[0].version.id: [alert({"brand": "A"}, may, june), alert({"brand": "B"}, may, june)],
        spaces[1].version.id: [alert({"brand": "A"}, date(2025, 5, 20), june), alert({"brand": "C"}, may, june)],
    }
    monkeypatch.setattr(alerts, "find", lambda store, space: Alerts(told[space.version.id], 1.0, 3))
    found = consequences(store, *spaces)
    assert found.alerts[["what", "where"]].values.tolist() == [[LATER, "A"], [SILENT, "B"], [FIRE, "C"]]
    assert "Of past alerts 1 would not have fired, 1 others would have." in found.sentences()


def test_an_alert_that_fires_on_another_day_is_told(store, spaces, monkeypatch):
    one, week, july = date(2025, 5, 1), date(2025, 5, 8), date(2025, 7, 1)
    told = {
        spaces[0].version.id: [alert({"brand": "A"}, one, july), alert({"brand": "B"}, week, july), alert({"brand": "C"}, one, july)],
        spaces[1].version.id: [alert({"brand": "A"}, week, july), alert({"brand": "B"}, one, july), alert({"brand": "C"}, one, july)],
    }
    monkeypatch.setattr(alerts, "find", lambda store, space: Alerts(told[space.version.id], 1.0, 3))
    found = consequences(store, *spaces)
    assert found.alerts[["what", "where", "before", "after"]].values.tolist() == [[LATER, "A", one, week], [EARLIER, "B", week, one]]
    assert found.sentences()[1] == "Of past alerts that both raise, 1 would have fired earlier and 1 later."


def test_segments_are_matched_so_that_most_users_stay(store, spaces, monkeypatch):
    class Found:
        def __init__(self, groups):
            self.members = pd.DataFrame({"user_id": [f"u{i}" for i in range(6)], "segment": groups})

        def name(self, segment):
            return f"group {segment}"

    told = {spaces[0].version.id: Found([0, 0, 0, 1, 1, 1]), spaces[1].version.id: Found([1, 1, 0, 0, 0, 0])}
    monkeypatch.setattr(segments, "load", lambda store, space: told[space.version.id])
    found = consequences(store, *spaces)
    assert found.users == 6 and found.moved.values.tolist() == [["u2", "group 0", "group 0"]]
