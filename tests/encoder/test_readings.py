"""What the frozen layers said at one training is taken by the next with the same layers, and by no other."""

import numpy as np
import pytest

from workbench.encoder import readings
from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.features import Features
from workbench.encoder.readings import INDEX, VALUES
from workbench.encoder.recipe import DEFAULT_BASE

OLD = [f"The {thing} {what} after {n} weeks" for thing in ("dryer", "lamp") for what in ("broke", "works well") for n in range(1, 9)]
NEW = ["A kettle that whistles", "A lamp of another kind"]


def backbone_with(**settings):
    return Backbone(find_base(DEFAULT_BASE), **{"top_layers": 1, "max_length": 64, **settings})


@pytest.fixture(scope="module")
def backbone():
    return backbone_with()


@pytest.fixture
def kept(backbone, tmp_path):
    """The folder in which a training left what it read, and its features."""
    features = Features(backbone, OLD, tmp_path / "first.f16", earlier=tmp_path / "readings")
    features.keep(tmp_path / "readings")
    return tmp_path / "readings", features


def texts_read(backbone, texts, tmp_path, folder, monkeypatch, **settings):
    """The features, and how many texts their frozen layers read."""
    count, lower = [], backbone.lower
    monkeypatch.setattr(backbone, "lower", lambda texts: count.append(len(texts.values)) or lower(texts))
    return Features(backbone, texts, tmp_path / "second.f16", earlier=folder, **settings), sum(count)


def test_only_new_texts_are_read_and_the_others_are_what_they_were_to_the_bit(backbone, kept, tmp_path, monkeypatch):
    folder, first = kept
    mixed = [NEW[0], *reversed(OLD), NEW[1]]
    second, read = texts_read(backbone, mixed, tmp_path, folder, monkeypatch)
    assert read == len(NEW)
    for at, text in enumerate(mixed[1:-1], start=1):
        assert np.array_equal(second.batch([at]).values, first.batch([OLD.index(text)]).values)
    fresh = Features(backbone, mixed, tmp_path / "fresh.f16")
    assert np.abs(second.pooled() - fresh.pooled()).max() < 0.05


def test_where_all_texts_are_known_none_is_read(backbone, kept, tmp_path, monkeypatch):
    assert texts_read(backbone, OLD, tmp_path, kept[0], monkeypatch)[1] == 0


@pytest.mark.parametrize("other", [{"top_layers": 2}, {"top_layers": 0}])
def test_other_layers_do_not_take_them(kept, tmp_path, monkeypatch, other):
    assert texts_read(backbone_with(**other), OLD, tmp_path, kept[0], monkeypatch)[1] == len(OLD)


def test_another_precision_does_not_take_them(backbone, kept, tmp_path, monkeypatch):
    assert texts_read(backbone, OLD, tmp_path, kept[0], monkeypatch, precision="fp32")[1] == len(OLD)


def test_a_text_that_is_cut_elsewhere_is_another_text(kept, tmp_path, monkeypatch):
    assert texts_read(backbone_with(max_length=5), OLD, tmp_path, kept[0], monkeypatch)[1] == len(OLD)


def flipped(folder):
    content = bytearray((folder / VALUES).read_bytes())
    content[100] ^= 1
    (folder / VALUES).write_bytes(content)


@pytest.mark.parametrize(
    "harm",
    [
        flipped,
        lambda folder: (folder / VALUES).write_bytes((folder / VALUES).read_bytes()[:-2]),
        lambda folder: (folder / VALUES).unlink(),
        lambda folder: (folder / INDEX).unlink(),
        lambda folder: (folder / INDEX).write_bytes((folder / INDEX).read_bytes()[:50]),
    ],
    ids=["flipped bit", "cut short", "no values", "killed before the index", "index cut short"],
)
def test_what_is_not_whole_is_not_taken(backbone, kept, tmp_path, monkeypatch, harm):
    harm(kept[0])
    assert texts_read(backbone, OLD, tmp_path, kept[0], monkeypatch)[1] == len(OLD)


def test_more_than_the_bound_is_not_kept_and_the_one_before_stays(backbone, kept, tmp_path, monkeypatch):
    folder, before = kept[0], (kept[0] / INDEX).read_bytes()
    monkeypatch.setattr(readings, "MOST_KEPT_BYTES", 1000)
    said = Features(backbone, NEW * 20, tmp_path / "large.f16", earlier=folder).keep(folder)
    assert said and said.startswith(readings.NOT_KEPT) and "at most 0.0 GB" in said
    assert (folder / INDEX).read_bytes() == before and texts_read(backbone, OLD, tmp_path, folder, monkeypatch)[1] == 0


def test_layers_none_of_which_is_frozen_leave_nothing(tmp_path):
    Features(backbone_with(top_layers=-1), OLD, tmp_path / "all.f16", earlier=tmp_path / "readings").keep(tmp_path / "readings")
    assert not (tmp_path / "readings").exists()
