import pytest

from workbench.errors import WorkbenchError
from workbench.registry import Registry


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


def test_of_two_promotions_at_once_one_is_told(home):
    registry = Registry(home)
    first, second = publish(registry), publish(registry)
    registry.promote(first.id, expected=None)
    with pytest.raises(WorkbenchError, match="in the meantime"):
        registry.promote(second.id, expected=None)
    assert registry.active().id == first.id


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
