import numpy as np
import pytest
import torch

from workbench.encoder import features
from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.fast import FastLayers, check_int8
from workbench.encoder.fast_layer import PlainLayer, filled_up
from workbench.encoder.features import Features, ranges_of, read_all
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.tokens import Tokens, parts
from workbench.errors import WorkbenchError

TEXTS = [f"The {thing} {what} after {n} weeks" for thing in ("dryer", "lamp") for what in ("broke", "works well") for n in range(1, 9)]
int8 = pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="this processor does not multiply 8-bit integers exactly and fast")


@pytest.fixture(scope="module")
def backbone():
    return Backbone(find_base(DEFAULT_BASE), top_layers=1, max_length=64)


def exact(backbone: Backbone) -> np.ndarray:
    """Pooled vectors by the library's own forward pass in float32."""
    found = backbone.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = backbone.model.eval()(**found).last_hidden_state
    mask = found["attention_mask"][..., None].float()
    return ((hidden * mask).sum(1) / mask.sum(1)).numpy()


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.999999), ("bf16", 0.999), pytest.param("int8", 0.98, marks=int8)])
def test_each_precision_reads_as_the_library_does(backbone, precision, least):
    layers = FastLayers(backbone, precision, ranges_of(backbone, TEXTS) if precision == "int8" else [])
    found = np.concatenate(list(read_all(backbone, TEXTS, layers, "review")))
    assert cosines(found, exact(backbone)).min() > least
    assert backbone.fast is None


@pytest.mark.parametrize("ragged", [False, True])
def test_keys_that_fill_up_a_vector_stand_for_nothing(backbone, monkeypatch, ragged):
    assert [filled_up(tokens) for tokens in (3, 4, 16, 19, 20, 31, 32)] == [3, 16, 16, 19, 32, 32, 32]
    layers, random = FastLayers(backbone, "fp32"), torch.Generator().manual_seed(0)
    for tokens in (3, 7, 16, 18, 29, 33, 44):
        hidden, mask = torch.randn(2, tokens, backbone.width, generator=random), torch.ones(2, tokens, dtype=torch.bool)
        mask[1, tokens - 1 :] = not ragged
        with torch.inference_mode():
            found = layers(hidden, mask, 0, 6)
            with monkeypatch.context() as plain:
                plain.setattr("workbench.encoder.fast.filled_up", lambda tokens: tokens)
                expected = layers(hidden, mask, 0, 6)
        assert found.shape == expected.shape and torch.allclose(found[mask], expected[mask], atol=1e-4), tokens


def test_several_cores_read_as_one_does(backbone, tmp_path, monkeypatch):
    texts = [text * (1 + at % 3) for at, text in enumerate(TEXTS)]
    found = []
    for cores in (1, 3):
        monkeypatch.setattr("workbench.encoder.features.cores_for", lambda device, cores=cores: cores)
        features = Features(backbone, texts, tmp_path / f"on_{cores}")
        read = list(read_all(backbone, texts, FastLayers(backbone, "bf16"), "review"))
        found.append(np.concatenate([features.pooled(), *read]))
    assert cosines(*found).min() > 0.9999 > cosines(found[0], np.roll(found[0], 1, axis=0)).max()


@pytest.mark.parametrize("kind", ["lora", "bottleneck"])
def test_texts_of_several_kinds_are_read_each_by_its_own_adapter_whatever_the_cores(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.encoder.features.cores_for", lambda device: 4)
    backbone = Backbone.of(Recipe(adapters=kind, adapter_rank=4, top_layers=1), find_base(DEFAULT_BASE))
    for name, weight in backbone.named_parameters():
        if "lora_B.review" in name or "up.review" in name:
            torch.nn.init.normal_(weight)
    readers = ["review", "product"] * 16
    found = Features(backbone, TEXTS, tmp_path / "features", readers=readers).pooled()
    alone = {kind: np.concatenate(list(read_all(backbone, TEXTS, FastLayers(backbone, "bf16"), kind))) for kind in ("review", "product")}
    expected = np.stack([alone[reader][row] for row, reader in enumerate(readers)])
    assert cosines(found, expected).min() > 0.99 and cosines(alone["review"], alone["product"]).max() < 0.9


@int8
def test_what_int8_costs_is_measured(backbone, tmp_path):
    cost = Features(backbone, TEXTS, tmp_path / "features", precision="int8").agreement()
    assert cost["precision"] == "int8" and cost["texts"] == len(TEXTS)
    assert 0.98 < cost["cosine_p1"] <= cost["mean_cosine"] < 1


def test_texts_without_room_are_read_as_those_with_it(backbone, tmp_path):
    roomy = Features(backbone, TEXTS, tmp_path / "roomy")
    tight = Features(backbone, TEXTS, tmp_path / "tight", first=np.array([30, 31]), most_bytes=2 * backbone.width * 60)
    assert roomy.kept.all() and not any("no room" in note for note in roomy.notes())
    assert 2 < tight.kept.sum() < len(TEXTS) and tight.kept[[30, 31]].all()
    assert any(note.startswith(f"{(~tight.kept).sum()} of 32 texts found no room on disk") for note in tight.notes())
    assert cosines(tight.pooled(), roomy.pooled()).min() > 0.999
    assert (tmp_path / "tight").stat().st_size <= 2 * backbone.width * 60
    batch = tight.batch([30, 5, 31])
    assert batch.values.shape[0] == 3 and not batch.values.is_inference()


def test_a_layer_with_adapters_is_read_as_it_is():
    backbone = Backbone.of(Recipe(adapters="lora", top_layers=1), find_base(DEFAULT_BASE))
    assert [isinstance(layer, PlainLayer) for layer in FastLayers(backbone, "bf16").layers] == [False] * 5 + [True]


def test_int8_is_refused_on_a_gpu():
    with pytest.raises(WorkbenchError, match=r'a GPU.*reading = "bf16"'):
        check_int8(torch.device("cuda"))


def test_tokens_lie_end_to_end(backbone):
    found = Tokens.joined(list(parts(backbone, TEXTS, 5)))
    assert [row.tolist() for row in found.rows(range(len(found)))] == backbone.tokenise(TEXTS)
    assert len(Tokens.joined(list(parts(backbone, [])))) == 0


def test_ranges_are_those_of_the_layers_as_they_were_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "check_int8", lambda device: None)
    monkeypatch.setattr(features, "FastLayers", lambda backbone, precision, ranges=(): FastLayers(backbone, "fp32"))
    trained = Backbone(find_base(DEFAULT_BASE), top_layers=1, max_length=64)
    read = Features(trained, TEXTS, tmp_path / "features", precision="int8")
    before = read.ranges
    with torch.no_grad():
        trained.model.encoder.layer[-1].intermediate.dense.weight.mul_(3)
    read.pooled()
    same = [all(torch.equal(old[name], new[name]) for name in old) for old, new in zip(before, read.ranges, strict=True)]
    assert same == [True] * (len(same) - 1) + [False]
