import numpy as np
import pytest
from small_shop import work

from workbench.encoder.backbone import Backbone
from workbench.encoder.recipe import Recipe
from workbench.encoder.scratch import make_base, untrained_base
from workbench.encoder.serve import Server
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.registry import Registry
from workbench.shop.store import Store

RECIPE = Recipe(base="scratch", top_layers=-1, vocabulary=300, own_layers=1, own_width=64, max_length=32)
THINGS = ("灯泡", "手机", "洗发水", "苹果", "书")
GOOD, BAD = ("质量很好，非常满意", "物流很快，推荐购买"), ("用了两天就坏了", "质量太差，非常失望")
TEXTS = [f"{thing}{said}，第{i}次" for i in range(24) for thing in THINGS for said in (*GOOD, *BAD)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(TEXTS, RECIPE, tmp_path_factory.mktemp("scratch") / "base")


def test_the_shop_s_own_words_are_found_where_a_language_writes_none_apart(base):
    backbone = Backbone.of(RECIPE, base)
    words = backbone.tokenizer.tokenize("手机质量太差，非常失望")
    assert "".join(words) == "手机质量太差,非常失望" and len(words) < 6
    assert len(backbone.tokenizer) <= 300 and backbone.width == 64
    assert backbone.tokenizer.unk_token in backbone.tokenizer.tokenize("Ω")


def test_the_same_texts_give_the_same_base(base, tmp_path):
    again = make_base(TEXTS, RECIPE, tmp_path / "base")
    for name in ("tokenizer.json", "model.safetensors"):
        assert (again / name).read_bytes() == (base / name).read_bytes()


def test_its_first_weights_can_be_had_again_to_be_compared_with(base, tmp_path):
    backbone = Backbone.of(RECIPE, base)
    backbone.words.weight.data += 1
    backbone.write(tmp_path / "trained")
    again = untrained_base(RECIPE, tmp_path / "trained", tmp_path / "first")
    assert (again / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()


def test_too_few_texts_are_said(tmp_path):
    with pytest.raises(WorkbenchError, match="at least 100 texts"):
        make_base(TEXTS[:50], RECIPE, tmp_path / "base")


def test_there_is_nothing_worth_freezing_in_it():
    with pytest.raises(WorkbenchError, match="nothing yet that is worth freezing"):
        Recipe(base="scratch", top_layers=1)


@pytest.mark.slow
def test_a_version_from_scratch_is_whole_and_can_be_asked_and_taught_on(tmp_path):
    home = Home.find(tmp_path).make()
    (home.models / "recipes").mkdir()
    settings = 'base = "scratch"\ntop_layers = -1\nvocabulary = 300\nown_layers = 1\nown_width = 64\nmasked_words = true\n'
    settings += "epochs = 4\nmax_length = 32\nbackbone_learning_rate = 3e-3\n"
    (home.models / "recipes" / "quick.toml").write_text(settings)
    with Store.open(home) as store, store.transaction() as cursor:
        for i, text in enumerate(TEXTS):
            label = "bad" if any(said in text for said in BAD) else "good"
            values = [f"l{i}", "mood", text, label, "upload1"]
            cursor.execute(
                "INSERT INTO labels (label_id, task, text, label, upload, created_at) VALUES (?, ?, ?, ?, ?, now()::TIMESTAMP)", values
            )
    code, result = work(home, "finetune", task="mood", upload="upload1", parent=None, train="top")
    assert code == 0, result
    assert result["tasks"]["mood"]["metrics"]["accuracy"]["value"] > 0.9 and result["notes"] == []
    version = Registry(home).get(result["version"])
    assert {"base/tokenizer.json", "base/model.safetensors"} <= set(version.manifest["files"])
    told = Server(version).answer({"op": "predict", "task": "mood", "texts": ["手机用了两天就坏了", "书物流很快，推荐购买"]})
    assert [told["labels"][int(np.argmax(p))] for p in told["probabilities"]] == ["bad", "good"]
    code, tuned = work(home, "finetune", task="mood", upload="upload1", parent=version.id, train="head")
    assert code == 0, tuned
    assert tuned["before"]["mood"]["metrics"]["accuracy"]["value"] == result["tasks"]["mood"]["metrics"]["accuracy"]["value"]
    again = Server(Registry(home).get(tuned["version"])).answer({"op": "predict", "task": "mood", "texts": ["手机用了两天就坏了"]})
    assert again["labels"][int(np.argmax(again["probabilities"][0]))] == "bad"
