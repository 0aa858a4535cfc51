import json

import numpy as np
import pytest
import torch
from tiny_base import tiny_base
from transformers import AutoConfig, AutoModel, AutoTokenizer

from workbench.encoder.backbone import FAMILIES, Backbone, find_base
from workbench.encoder.features import Features, batches_by_length
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.towers import JointEncoder
from workbench.errors import WorkbenchError
from workbench.tasks.base import Outputs

TEXTS = ["A short one", "A somewhat longer text about a lamp that broke after a week", "好用"]


def whole(backbone: Backbone) -> np.ndarray:
    """Mean-pooled vectors by the library's own forward pass."""
    found = backbone.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = backbone.model(**found).last_hidden_state
    mask = found["attention_mask"][..., None].float()
    return ((hidden * mask).sum(1) / mask.sum(1)).numpy()


@pytest.mark.parametrize("top_layers", [-1, 0, 1, 3])
def test_the_cut_backbone_reads_as_the_whole_one(tmp_path, top_layers):
    backbone = Backbone(find_base(DEFAULT_BASE), top_layers=top_layers, max_length=64).eval()
    found = Features(backbone, TEXTS, tmp_path / "features.f16").pooled()
    expected = whole(backbone)
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.999


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_texts_that_fit_exactly_are_not_counted_as_cut(tmp_path, family):
    texts = ["one two three four", "one two three", "one two three four five"]
    backbone = Backbone(tiny(tmp_path, family), top_layers=1, max_length=6)
    backbone.pieces = backbone.pieces if family == "bert" else None
    features = Features(backbone, texts, tmp_path / "features.f16")
    assert features.lengths.tolist() == [6, 5, 6] and features.truncated == 1
    assert features.notes() == [
        "Of 1 of 3 texts only the beginning is read, the first 6 tokens (words and parts of words); max_length in the recipe sets how many."
    ]
    assert backbone.max_length == 6 and len(backbone.tokenise(texts)[2]) == 6


def tiny(folder, family: str):
    """A base of a family with random weights, the default's words."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "pad_token_id": 0}
    tokenizer = AutoTokenizer.from_pretrained(find_base(DEFAULT_BASE))
    torch.manual_seed(3)
    AutoModel.from_config(AutoConfig.for_model(family, vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return find_base(str(folder))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_cut_without_loss(tmp_path, family):
    backbone = Backbone(tiny(tmp_path, family), top_layers=1, max_length=64).eval()
    found, expected = Features(backbone, TEXTS, tmp_path / "features.f16").pooled(), whole(backbone)
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def test_a_family_whose_layers_need_more_is_refused(tmp_path):
    with pytest.raises(WorkbenchError, match=r"'mpnet'.*bert, roberta"):
        Backbone(tiny(tmp_path, "mpnet"), top_layers=1, max_length=64)


def test_only_the_top_is_trained():
    backbone = Backbone(find_base(DEFAULT_BASE), top_layers=1, max_length=64)
    assert backbone.trained() and all(name.startswith("encoder.layer.5.") for name in backbone.trained())


def test_what_is_held_still_in_a_fine_tune_is_kept_with_the_version_all_the_same():
    backbone = Backbone(find_base(DEFAULT_BASE), top_layers=1, max_length=64)
    model = JointEncoder(Recipe(), backbone, np.zeros(3), {"sentiment": Outputs.plain(["a", "b", "c"])})
    before = set(model.trained())
    model.requires_grad_(False)
    assert set(model.trained()) == before and any(name.startswith("backbone.model.encoder.layer.5.") for name in before)


def test_a_base_of_pickles_is_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(WorkbenchError, match="only safetensors"):
        find_base(str(tmp_path))


def test_code_that_comes_with_a_base_is_never_run(tmp_path):
    base = tiny_base(tmp_path / "base")
    told = json.loads((base / "config.json").read_text())
    told["auto_map"] = {"AutoModel": "modeling_own.Own", "AutoConfig": "modeling_own.OwnConfig"}
    (base / "config.json").write_text(json.dumps(told))
    (base / "modeling_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nraise SystemExit\n")
    (base / "pytorch_model.bin").write_bytes(b"a pickle beside the safetensors")
    assert Backbone(find_base(str(base)), top_layers=1, max_length=16).width == 32
    assert not (tmp_path / "ran").exists()


def test_batches_hold_every_row_once_within_their_budget():
    lengths = np.random.default_rng(0).integers(1, 90, 300)
    parts = batches_by_length(lengths, 500)
    assert sorted(np.concatenate(parts).tolist()) == list(range(300))
    assert max(len(p) * lengths[p].max() for p in parts) <= 500


def test_a_batch_that_is_half_full_is_not_padded_for_other_lengths():
    lengths = np.array([10] * 30 + [9] * 30 + [700])
    assert [lengths[p].tolist() for p in batches_by_length(lengths, 500)] == [[700], [10] * 30, [9] * 30]
    assert [len(p) for p in batches_by_length(lengths, 1000)] == [1, 50, 10]
