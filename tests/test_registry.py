import json

import joint_space
import numpy as np
import pytest
from joint_space import DIM

from workbench.errors import WorkbenchError
from workbench.registry import MANIFEST, Registry
from workbench.shop.space import Space, write_space
from workbench.shop.store import Store


def publish(registry):
    version, folder = registry.new_folder()
    (folder / "weights.safetensors").write_bytes(b"weights")
    return registry.publish(version, {"parent": None})


def test_promote_and_roll_back(home):
    registry = Registry(home)
    first, second = publish(registry), publish(registry)
    assert registry.active() is None
    registry.promote(first.id)
    registry.promote(second.id, expected=first.id)
    assert registry.active().id == second.id
    assert registry.rollback().id == first.id
    assert [h["action"] for h in registry.history()] == ["promote", "promote", "rollback"]


def test_a_rollback_takes_the_model_and_its_vectors_back_together(home):
    registry, turned = Registry(home), np.eye(DIM, dtype=np.float32)[[3]]
    with Store.open(home) as store:
        first = joint_space.publish(home)

        def read():
            return Space(store, registry.active()).vectors("users", ["u_a0"])[1]

        before = read()
        second, folder = registry.new_folder()
        with write_space(folder / "vectors.duckdb") as space:
            space.vectors("users", ["u_a0"], turned)
        registry.publish(second, {"parent": first.id})
        registry.promote(second)
        assert np.array_equal(read(), turned) and not np.array_equal(before, turned)
        registry.rollback()
        assert registry.active().id == first.id and np.array_equal(read(), before)


def test_a_version_of_a_newer_workbench_is_refused_by_its_format(home):
    registry = Registry(home)
    version = publish(registry)
    path = version.folder / MANIFEST
    path.chmod(0o644)
    path.write_text(json.dumps({**version.manifest, "format": 99}))
    with pytest.raises(WorkbenchError, match="newer workbench \\(format 99, this one reads") as caught:
        registry.promote(version.id)
    assert "Update the workbench" in caught.value.fix and registry.active() is None


def test_of_two_promotions_at_once_one_is_told(home):
    registry = Registry(home)
    first, second = publish(registry), publish(registry)
    registry.promote(first.id, expected=None)
    with pytest.raises(WorkbenchError, match="in the meantime"):
        registry.promote(second.id, expected=None)
    assert registry.active().id == first.id


def test_where_the_active_version_is_gone_it_is_said_and_another_can_be_promoted(home):
    registry = Registry(home)
    first, second, third = publish(registry), publish(registry), publish(registry)
    registry.promote(first.id)
    registry.promote(second.id)
    assert registry.missing() is None
    second.folder.rename(home.root / "elsewhere")
    assert registry.active() is None and registry.missing() == second.id
    said = registry.none_active()
    assert f"active model version {second.id} is missing: {second.folder} is gone" in said.problem
    assert f"workbench promote VERSION (there are: {third.id}, {first.id})" in said.fix or f"{first.id}, {third.id}" in said.fix
    registry.promote(third.id, expected=None)
    assert registry.active().id == third.id and registry.missing() is None
    assert registry.history()[-1]["before"] == second.id
    with pytest.raises(WorkbenchError, match=f"{third.id} became active in the meantime"):
        registry.promote(first.id, expected=None)
    assert registry.rollback(expected=third.id).id == first.id


def test_a_user_without_a_name_is_written_down_by_its_number(home, monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    registry = Registry(home)
    first, second = publish(registry), publish(registry)
    registry.promote(first.id)
    registry.promote(second.id)
    registry.rollback()
    assert [(h["action"], h["who"]) for h in registry.history()] == [("promote", "4711"), ("promote", "4711"), ("rollback", "4711")]


def test_a_flipped_bit_is_refused(home):
    registry = Registry(home)
    version = publish(registry)
    path = version.folder / "weights.safetensors"
    path.chmod(0o644)
    path.write_bytes(b"weightt")
    with pytest.raises(WorkbenchError, match="SHA-256"):
        registry.promote(version.id)
    assert registry.active() is None


def test_a_pickle_is_refused(home):
    registry = Registry(home)
    version = publish(registry)
    (version.folder / "weights.pt").write_bytes(b"")
    with pytest.raises(WorkbenchError, match="never pickles"):
        registry.promote(version.id)


def test_an_unfinished_version_is_invisible(home):
    registry = Registry(home)
    registry.new_folder()
    assert registry.versions() == []


def test_a_line_of_the_history_that_was_cut_short_is_passed_over(home):
    registry = Registry(home)
    registry.promote(publish(registry).id)
    with (home.models / "history.jsonl").open("a") as file:
        file.write('{"when": 17')
    assert [entry["action"] for entry in registry.history()] == ["promote"]
