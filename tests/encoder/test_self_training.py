import numpy as np
import pytest
import torch
from small_shop import fill, make_home, work
from torch import nn

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.batches import Epochs
from workbench.encoder.build import build
from workbench.encoder.corpus import read_corpus
from workbench.encoder.evaluate import Reader
from workbench.encoder.features import Features
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.objectives import JointLoss
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.self_training import OwnAnswers, soft_loss, unlabelled
from workbench.encoder.train import read_last
from workbench.shop.store import Store


@pytest.fixture
def corpus(store):
    """A shop where two of three training reviews have no stars."""
    fill(store)
    found = with_masked_words(read_corpus(store), Recipe())
    rows = found.text_rows["sentiment"]
    train = rows.rows("train")
    rows.split = rows.split.astype("<U12")
    rows.split[train[np.arange(len(train)) % 3 > 0]] = "unlabelled"
    return found


def test_only_training_texts_of_other_tasks_without_a_label_of_any_split_are_taught(corpus):
    rows, beside = corpus.text_rows["sentiment"], corpus.text_rows["review_to_product"]
    found = unlabelled(corpus)
    assert "review_to_product" not in found and len(found["sentiment"]) > 20
    assert set(found["sentiment"]) <= set(beside.text[beside.rows("train")])
    for split in ("train", "validation", "test"):
        assert not set(found["sentiment"]) & set(rows.text[rows.rows(split)])
    rows.split[rows.split == "unlabelled"] = "train"
    assert not len(unlabelled(corpus)["sentiment"])


def test_answers_are_the_models_own_and_of_the_rows_asked_for(corpus, tmp_path):
    recipe = Recipe(top_layers=0, self_training=1.0)
    model = build(corpus, recipe, Backbone.of(recipe, find_base(DEFAULT_BASE)))
    features = Features(model.backbone, corpus.texts, tmp_path / "features")
    pooled = features.pooled()
    loss = JointLoss(model, corpus, recipe)
    assert isinstance(loss.own, OwnAnswers)
    step, read = next(iter(Epochs(corpus, features, recipe)(0))), read_last(corpus, pooled, torch.device("cpu"))
    model.eval()
    before = loss(step, read)["sentiment"]
    loss.own.answer(Reader(model, corpus, pooled))
    batch = next(batch for batch in step.texts if "sentiment" in batch.rows)
    rows, told = loss.own.of(batch.places)["sentiment"]
    assert set(rows.tolist()).isdisjoint(batch.rows["sentiment"][0].tolist()) and len(rows)
    torch.testing.assert_close(told.sum(1), torch.ones(len(told)))
    after = loss(step, read)["sentiment"]
    logits = model.classify("sentiment", model.read(batch.texts).float()[rows])
    torch.testing.assert_close(after - before, soft_loss(logits, told, loss.weight_sentiment), rtol=1e-3, atol=1e-3)
    assert JointLoss(model, corpus, Recipe(top_layers=0)).own is None


def test_a_sure_answer_counts_as_a_label_does():
    logits, weight = torch.log_softmax(torch.randn(4, 3), -1), torch.tensor([1.0, 2.0, 0.5])
    target = torch.tensor([0, 1, 2, 1])
    expected = nn.NLLLoss(weight)(logits, target)
    torch.testing.assert_close(soft_loss(logits, nn.functional.one_hot(target, 3).float(), weight), expected)


@pytest.mark.slow
def test_a_shop_whose_reviews_mostly_lack_stars_is_trained(tmp_path):
    home = make_home(tmp_path)
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("UPDATE reviews SET rating = NULL WHERE hash(review_id) % 3 > 0")
    (home.models / "recipes" / "quick.toml").write_text("epochs = 2\nself_training = 1.0\nmax_length = 32\n")
    code, result = work(home)
    assert code == 0, result
    assert result["tasks"]["sentiment"]["metrics"]["accuracy"]["value"] > 0.9
