import pytest

from workbench.encoder import track
from workbench.errors import WorkbenchError


def test_the_curve_is_written_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accelerator = track.engine("tensorboard", tmp_path)
    for step in range(3):
        track.track(accelerator, {"step": step, "epoch": 0, "task": "sentiment", "loss": 1.0 / (step + 1)})
    track.track(accelerator, {"step": 3, "epoch": 1, "task": "sentiment", "metric": "macro_f1", "value": 0.5})
    accelerator.end_training()
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [point.value for point in found.Scalars("sentiment/loss")] == pytest.approx([1, 1 / 2, 1 / 3])
    assert [(point.step, point.value) for point in found.Scalars("sentiment/macro_f1")] == [(3, 0.5)]


def test_the_peak_of_memory_is_that_of_this_process():
    before, held = track.peak_memory(), bytearray(300 * 2**20)
    held[:: 2**12] = b"x" * len(held[:: 2**12])
    assert 50 < before <= track.peak_memory() and 300 < track.peak_memory() < 10**6


def test_without_a_tracker_nothing_is_written(tmp_path):
    accelerator = track.engine("none", tmp_path)
    track.track(accelerator, {"step": 0, "task": "sentiment", "loss": 1.0})
    accelerator.end_training()
    assert list(tmp_path.iterdir()) == []


def test_a_tracker_that_is_not_installed_is_named_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(track, "find_spec", lambda name: None)
    with pytest.raises(WorkbenchError, match="Weights & Biases is not installed") as caught:
        track.engine("wandb", tmp_path)
    assert "pip install 'shop-workbench[wandb]'" in caught.value.fix


def test_a_tracker_that_cannot_begin_says_what_to_do(tmp_path):
    (tmp_path / "tensorboard").write_text("a file where the tracker's folder belongs")
    with pytest.raises(WorkbenchError, match="TensorBoard could not begin: ") as caught:
        track.engine("tensorboard", tmp_path)
    assert 'trackers = "none"' in caught.value.fix


def test_weights_and_biases_keeps_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="Weights & Biases is an extra of its own")
    monkeypatch.setenv("WANDB_MODE", "offline")
    accelerator = track.engine("wandb", tmp_path)
    track.track(accelerator, {"step": 0, "epoch": 0, "task": "sentiment", "loss": 1.0})
    assert accelerator.get_tracker("wandb", unwrap=True).name == tmp_path.name
    accelerator.end_training()
    (kept,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"sentiment/loss" in kept.read_bytes()


def test_weights_and_biases_without_a_login_says_what_to_do(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="Weights & Biases is an extra of its own")
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(WorkbenchError, match="API key") as caught:
        track.engine("wandb", tmp_path)
    assert "wandb login" in caught.value.fix
