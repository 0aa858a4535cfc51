import numpy as np
import pytest
import torch
from small_shop import fill, make_home, work
from tiny_base import tiny_base

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.batches import Step
from workbench.encoder.build import build
from workbench.encoder.corpus import read_corpus
from workbench.encoder.masked import MaskedWords, hide
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.objectives import JointLoss, Read
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.rows import Rows
from workbench.errors import WorkbenchError

TEXTS = ["a somewhat longer text about a lamp that broke after a week of use in the kitchen of my aunt", "good"] * 40


@pytest.fixture(scope="module")
def backbone():
    return Backbone.of(Recipe(top_layers=-1, max_length=32), find_base(DEFAULT_BASE))


def test_fifteen_percent_are_hidden_and_most_of_them_behind_the_mask(backbone):
    texts = backbone.pad(backbone.tokenise(TEXTS))
    batch = hide(texts, backbone.tokenizer, torch.Generator().manual_seed(1))
    words = texts.mask & ~torch.isin(texts.values, torch.tensor(backbone.tokenizer.all_special_ids))
    assert not batch.hidden[~words].any() and batch.hidden.any(1).all()
    assert 0.12 < batch.hidden[::2].sum() / words[::2].sum() < 0.2
    assert torch.equal(batch.words, texts.values[batch.hidden])
    assert torch.equal(batch.texts.values[~batch.hidden], texts.values[~batch.hidden])
    shown = batch.texts.values[batch.hidden]
    assert 0.7 < (shown == backbone.tokenizer.mask_token_id).float().mean() < 0.9
    assert 0.03 < (shown == batch.words).float().mean() < 0.2


def test_a_large_batch_hides_no_more_than_there_is_memory_for(backbone, monkeypatch):
    monkeypatch.setattr("workbench.encoder.masked.MOST_HIDDEN", 20)
    batch = hide(backbone.pad(backbone.tokenise(TEXTS)), backbone.tokenizer, torch.Generator().manual_seed(1))
    assert len(batch.words) == batch.hidden.sum() == 20


def test_the_output_embedding_is_the_input_embedding(backbone):
    head = MaskedWords(backbone)
    batch = hide(backbone.pad(backbone.tokenise(TEXTS[:2])), backbone.tokenizer, torch.Generator().manual_seed(1))
    logits = head(backbone, batch)
    assert logits.shape == (len(batch.words), len(backbone.tokenizer))
    logits.sum().backward()
    assert backbone.words.weight.grad is not None and not any(p.shape == backbone.words.weight.shape for p in head.parameters())


def test_texts_of_which_the_base_knows_no_word_cost_nothing(store, tmp_path):
    fill(store)
    corpus = read_corpus(store)
    recipe = Recipe(base=str(tiny_base(tmp_path / "base")), top_layers=-1, max_length=16, masked_words=True)
    model = build(corpus, recipe, Backbone.of(recipe, tmp_path / "base"))
    texts = model.backbone.pad(model.backbone.tokenise(["สวัสดีครับ", "😀😀"]))
    batch = hide(texts, model.backbone.tokenizer, torch.Generator().manual_seed(1))
    width, products = model.backbone.width, len(corpus.product_ids)
    nothing, cpu = np.zeros((0, width), np.float32), torch.device("cpu")
    read = Read(Rows(nothing, np.full(products, -1), cpu), Rows(nothing, np.zeros(0, np.int64), cpu))
    losses = JointLoss(model, corpus, recipe)(Step(masked=batch), read)
    assert len(batch.words) == 0 and losses["masked_words"].item() == 0.0
    losses["masked_words"].backward()
    assert not model.backbone.words.weight.grad.any()


def test_with_frozen_layers_they_are_left_out_with_the_reason(store):
    fill(store)
    corpus = read_corpus(store)
    assert len(corpus.masked_texts("train")) > 100
    refused = with_masked_words(corpus, Recipe(masked_words=True, top_layers=1))
    assert refused.masked is None and "top_layers = -1" in refused.left_out["masked_words"]
    off = with_masked_words(corpus, Recipe(top_layers=-1))
    assert off.masked is None and "masked_words" not in off.left_out
    assert "masked_words = false" in with_masked_words(corpus, Recipe(top_layers=-1), ["masked_words"]).left_out["masked_words"]
    named = ["sentiment", "category"]
    aside = with_masked_words(read_corpus(store, named), Recipe(masked_words=True, top_layers=-1), named)
    assert aside.masked is None and "named without it" in aside.left_out["masked_words"]
    assert "masked_words" not in with_masked_words(read_corpus(store, named), Recipe(), named).left_out
    with pytest.raises(WorkbenchError, match="not learned alone"):
        read_corpus(store, ["masked_words"])
    assert with_masked_words(corpus, Recipe(masked_words=True, top_layers=-1)).masked is not None


@pytest.mark.slow
def test_they_are_learned_beside_the_other_tasks_and_measured(tmp_path):
    home = make_home(tmp_path, events=False)
    recipe = 'base = "scratch"\ntop_layers = -1\nvocabulary = 300\nown_layers = 1\nown_width = 64\nmasked_words = true\n'
    recipe += "epochs = 4\nmax_length = 16\nbackbone_learning_rate = 3e-3\n"
    (home.models / "recipes" / "quick.toml").write_text(recipe)
    code, result = work(home)
    assert code == 0, result
    guessed = result["tasks"]["masked_words"]
    assert guessed["metrics"]["accuracy"]["value"] > guessed["baselines"]["majority"]["accuracy"]["value"] > 0
    assert result["tasks"]["sentiment"]["metrics"]["accuracy"]["value"] > 0.9
    assert np.isfinite(guessed["metrics"]["accuracy"]["low"])
