import pytest
import torch

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.features import Features
from workbench.encoder.pooling import Pooling
from workbench.encoder.recipe import DEFAULT_BASE, POOLINGS, Recipe
from workbench.errors import WorkbenchError

HIDDEN = torch.tensor([[[1.0, 5.0], [3.0, -1.0], [90.0, 90.0]]])
MASK = torch.tensor([[True, True, False]])


@pytest.mark.parametrize(("kind", "expected"), [("mean", [2, 2]), ("max", [3, 5]), ("softmax", [2, 2]), ("first", [1, 5])])
def test_what_each_way_makes_of_two_tokens_and_a_blank(kind, expected):
    assert Pooling(kind, 2)(HIDDEN, MASK)[0].tolist() == expected


def test_the_softmax_turns_to_the_token_that_its_query_asks_for():
    pool = Pooling("softmax", 2)
    pool.query.data = torch.tensor([0.0, 9.0])
    assert pool(HIDDEN, MASK)[0].tolist() == pytest.approx([1, 5], abs=1e-3)


@pytest.mark.parametrize("kind", POOLINGS)
def test_with_no_trained_layer_one_vector_is_kept_but_the_query_of_a_softmax_still_learns(tmp_path, kind):
    backbone = Backbone.of(Recipe(top_layers=0, pooling=kind, max_length=16), find_base(DEFAULT_BASE))
    features = Features(backbone, ["a lamp", "a somewhat longer text"], tmp_path / "features.f16")
    batch = features.batch([0, 1])
    if kind != "softmax":
        assert batch.values.shape[1] == 1
        return
    backbone(batch).sum().backward()
    assert batch.values.shape[1] == max(features.lengths) and backbone.pool.query.grad.abs().sum() > 0


def test_an_unknown_pooling_is_named():
    with pytest.raises(WorkbenchError, match=r"'median'.*mean.*max.*softmax.*first"):
        Recipe(pooling="median")
