import numpy as np
import pytest
from joint_space import fill, publish

from workbench.insights.changes import changes, shares
from workbench.registry import Registry
from workbench.shop.space import Space, write_space


def predicted(home, labels):
    """A version whose sentiment of four reviews is `labels`."""
    registry = Registry(home)
    version, folder = registry.new_folder()
    names = ["negative", "positive"]
    with write_space(folder / "vectors.duckdb") as space:
        space.predictions("sentiment", names, [f"r{i}" for i in range(len(labels))], np.eye(2)[[names.index(x) for x in labels]])
    return registry.publish(version, {})


def test_changes_count_the_rows_that_get_another_label(home, store):
    before = Space(store, predicted(home, ["negative", "negative", "positive", "positive"]))
    after = Space(store, predicted(home, ["negative", "positive", "positive", "positive", "negative"]))
    (row,) = changes(before, after).itertuples()
    assert (row.task, row.rows, row.changed, row.share) == ("sentiment", 4, 1, 0.25)
    found = shares(before, after, "sentiment").set_index("label")
    assert found.loc["negative", ["before", "after", "n"]].tolist() == pytest.approx([0.5, 0.25, 4])


def test_versions_without_a_common_task_have_no_changes(home, store):
    fill(store)
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.settings(scale=1.0)
    assert changes(Space(store, publish(home)), Space(store, registry.publish(version, {}))).empty
