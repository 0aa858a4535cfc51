"""A version that lost something is promoted only on an explicit word."""

import json

import pytest
from joint_space import METRICS, figure, publish

from workbench.errors import WorkbenchError
from workbench.files import write_json
from workbench.insights.promotion import forgotten, lost, promote, refusal
from workbench.registry import MANIFEST, Registry


@pytest.fixture
def tuned(home):
    """A fine-tuned version whose next item differs from its parent's by `change`, with `reach` to either side."""

    def made(change, reach=0.01, kind="finetune"):
        parent = publish(home)
        version = publish(home, parent=parent.id, promote=False)
        metrics = json.loads(json.dumps(METRICS))
        metrics["tasks"]["next_item"]["differences"]["ndcg_at_10"]["parent"] = figure(change, reach)
        for name, value in (("metrics.json", metrics), (MANIFEST, {**version.manifest, "files": {}})):
            (version.folder / name).chmod(0o644)
            write_json(version.folder / name, value if name != MANIFEST else {**value, "info": {**version.info, "kind": kind}})
        return Registry(home).get(version.id), parent

    return made


def test_what_got_worse_is_refused_and_can_be_overridden(tuned, home):
    version, parent = tuned(-0.05)
    registry = Registry(home)
    with pytest.raises(WorkbenchError, match=r"worse than its parent beyond chance: Next item -0.050 NDCG@10 \(-0.060 to -0.040\)"):
        promote(registry, version.id)
    assert registry.active().id == parent.id
    promote(registry, version.id, why="agreed in the meeting", despite_worse=True)
    assert registry.active().id == version.id
    assert registry.history()[-1]["why"] == "agreed in the meeting; despite what got worse"


@pytest.mark.parametrize(("change", "reach", "kind"), [(-0.01, 0.02, "finetune"), (0.05, 0.01, "finetune"), (-0.05, 0.01, "train")])
def test_chance_a_gain_and_a_training_anew_are_no_reason_to_refuse(tuned, home, change, reach, kind):
    version, _ = tuned(change, reach, kind)
    assert lost(version) == [] and refusal(version, Registry(home).active()) is None
    assert promote(Registry(home), version.id).id == version.id


def test_a_version_that_lacks_a_task_of_the_active_one_is_refused_and_can_be_overridden(tuned, home):
    version, active = tuned(0.05, kind="train")
    metrics = {**version.metrics, "tasks": {"sentiment": version.metrics["tasks"]["sentiment"]}}
    (version.folder / "metrics.json").chmod(0o644)
    write_json(version.folder / "metrics.json", metrics)
    registry = Registry(home)
    version = registry.get(version.id)
    gone = [task for task in active.metrics["tasks"] if task != "sentiment"]
    assert gone and forgotten(version, active) == gone and forgotten(version, None) == []
    with pytest.raises(WorkbenchError, match=r"has not learned .*Next item.*which .* knows") as caught:
        promote(registry, version.id)
    assert "worse than its parent" not in caught.value.problem and "--despite-worse" in caught.value.fix
    promote(registry, version.id, despite_worse=True)
    assert registry.active().id == version.id and refusal(version, registry.active()) is None
