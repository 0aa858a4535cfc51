import numpy as np
import pytest
import torch
from small_shop import fill, make_home, work
from tiny_base import tiny_base
from torch import nn

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.batches import Epochs
from workbench.encoder.build import build
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import read_corpus
from workbench.encoder.evaluate import Reader
from workbench.encoder.features import Features
from workbench.encoder.make import prepare
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.objectives import JointLoss
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.self_training import OwnAnswers, soft_loss, unlabelled
from workbench.encoder.train import read_last, train
from workbench.encoder.wordcount import Words
from workbench.errors import Cancelled
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


def test_words_that_no_labelled_text_holds_are_learned_from_answers():
    words, truth = Words(2), np.array([0, 1] * 20)
    labelled = ["bad thing" if not y else "good thing" for y in truth]
    words.fit((labelled, truth), (labelled, truth), 0)
    unseen = words(["splendid", "dreadful"])
    assert unseen[0].allclose(unseen[1])
    answers = np.where(truth[:, None] == np.arange(2), 0.95, 0.05)
    words.fit_answered((labelled, truth), (["dreadful thing" if not y else "splendid thing" for y in truth], answers), 0)
    assert words(["splendid"])[0].argmax() == 1 and words(["dreadful"])[0].argmax() == 0
    assert words(["good"])[0].argmax() == 1 and words(["bad"])[0].argmax() == 0


def test_words_learn_answers_only_where_most_texts_have_no_label(corpus):
    assert OwnAnswers(corpus).mostly == ["sentiment"]
    rows = corpus.text_rows["sentiment"]
    hidden = np.flatnonzero(rows.split == "unlabelled")
    rows.split[hidden[: len(hidden) * 2 // 3]] = "train"
    own = OwnAnswers(corpus)
    assert len(own.texts["sentiment"]) and own.mostly == []


def learned(corpus, folder, stop=0):
    """A training whose words learn from answers, cancelled after the epoch `stop`."""
    recipe = Recipe(base=str(tiny_base(folder / "base")), epochs=3, patience=3, max_length=16, ema=0.5, self_training=1.0, trackers="none")
    prepared = prepare(corpus, recipe, folder, lambda done, step: None)

    def watch(epoch, score):
        if epoch == stop:
            raise Cancelled("x")

    silent = lambda *told, **values: None  # noqa: E731
    return train(corpus, prepared.model, prepared.features, recipe, silent, silent, Checkpoint(folder, recipe.asdict()), watch=watch)


@pytest.mark.slow
def test_a_resumed_training_has_the_same_words(corpus, tmp_path):
    whole = learned(corpus, tmp_path / "whole")
    with pytest.raises(Cancelled):
        learned(corpus, tmp_path / "broken", stop=2)
    resumed = learned(corpus, tmp_path / "broken")
    heads = [made.model.text_head("sentiment") for made in (whole, resumed)]
    torch.testing.assert_close(*(head.words.weight.float() for head in heads), atol=1e-2, rtol=1e-2)
    assert resumed.best == pytest.approx(whole.best, abs=1e-3)
    labels_alone = Words(3)
    rows = corpus.text_rows["sentiment"]
    both = [([corpus.texts[i] for i in rows.text[rows.rows(split)]], rows.target[rows.rows(split)]) for split in ("train", "validation")]
    labels_alone.fit(*both, Recipe().seed)
    assert not torch.allclose(heads[0].words.weight.float(), labels_alone.weight.float(), atol=1e-2)


@pytest.mark.slow
def test_a_shop_whose_reviews_mostly_lack_stars_is_trained(tmp_path):
    home = make_home(tmp_path)
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("UPDATE reviews SET rating = NULL WHERE hash(review_id) % 3 > 0")
    (home.models / "recipes" / "quick.toml").write_text("epochs = 2\nself_training = 1.0\nmax_length = 32\n")
    code, result = work(home)
    assert code == 0, result
    assert result["tasks"]["sentiment"]["metrics"]["accuracy"]["value"] > 0.9
