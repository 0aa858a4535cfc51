import numpy as np
import pytest
import torch
from small_shop import make_home, work

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.serve import Server
from workbench.encoder.weights import read_weights
from workbench.errors import WorkbenchError
from workbench.registry import Registry
from workbench.shop.space import version_vectors
from workbench.shop.store import Store

KINDS = ("lora", "bottleneck")
TEXTS = ["a lamp that broke", "good", "hello, how are you"]
QUICK = "epochs = 3\nmax_length = 16\nuser_passes = 2\ntop_layers = 1\nadapter_rank = 4\nbackbone_learning_rate = 1e-2\n"


def backbone(kind: str, top_layers: int = 1) -> Backbone:
    rank = {"adapter_rank": 4} if kind else {}
    return Backbone.of(Recipe(top_layers=top_layers, adapters=kind, max_length=16, **rank), find_base(DEFAULT_BASE)).eval()


def read(made: Backbone, readers: list[str]) -> torch.Tensor:
    texts = made.pad(made.tokenise(TEXTS), readers)
    return made(made.lower(texts) if made.cached else texts)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_begins_as_nothing_and_acts_on_its_own_kind_of_text_alone(kind):
    plain, made = read(backbone(""), []), backbone(kind)
    assert torch.allclose(read(made, ["review", "product", "review"]), plain, atol=1e-5)
    for name, parameter in made.trained().items():
        if ".product." in name:
            parameter.data += 0.1 * torch.randn_like(parameter)
    changed = (read(made, ["review", "product", "review"]) - plain).abs().amax(1)
    assert changed[1] > 1e-3 and changed[0] < 1e-5 and changed[2] < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_only_adapters_are_trained_and_few_weights_they_are(kind):
    made = backbone(kind, -1)
    read(made, ["review", "product", "ticket"]).square().sum().backward()
    trained = made.trained()
    assert all(p.requires_grad == (name in trained) for name, p in made.model.named_parameters())
    assert sum(p.numel() for p in trained.values()) < 0.03 * sum(p.numel() for p in made.model.parameters())
    assert all(any(f".{reader}." in name for reader in ("product", "review", "ticket")) for name in trained)


def test_adapters_need_a_layer_to_be_in_and_a_kind_that_exists():
    with pytest.raises(WorkbenchError, match="no top layer"):
        backbone("lora", 0)
    with pytest.raises(WorkbenchError, match=r"'prefix'.*lora.*bottleneck"):
        Recipe(adapters="prefix")


def add_tickets_and_labels(home) -> None:
    """Tickets of two intents and an uploaded label set, read by adapters of their own kind."""
    with Store.open(home) as store, store.transaction() as cursor:
        for i in range(80):
            intent, text = ("where", f"where is my order number {i}") if i % 2 else ("back", f"I want to send number {i} back to you")
            cursor.execute("INSERT INTO tickets (ticket_id, body, intent) VALUES (?, ?, ?)", [f"t{i}", text, intent])
            label, text = ("sad", f"this makes me cry {i} times") if i % 2 else ("glad", f"this makes me laugh {i} times")
            cursor.execute(
                "INSERT INTO labels (label_id, task, text, label, upload, created_at) VALUES (?, 'mood', ?, ?, 'u', now()::TIMESTAMP)",
                [f"l{i}", text, label],
            )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_version_keeps_its_adapters_alone_and_answers_as_it_was_trained(tmp_path, kind):
    home = make_home(tmp_path, events=False)
    (home.models / "recipes" / "quick.toml").write_text(f'{QUICK}adapters = "{kind}"\n')
    add_tickets_and_labels(home)
    code, result = work(home)
    assert code == 0, result
    version = Registry(home).get(result["version"])
    kept = [name for name in read_weights(version.folder / "model.safetensors") if name.startswith("backbone.")]
    assert kept and all(any(f".{reader}." in name for reader in ("product", "review", "ticket")) for name in kept)
    served = Server(version)
    ids, vectors = version_vectors(version, "products")
    told = served.answer({"op": "texts", "kind": "product", "texts": ["guitar number 0"]})["vectors"][0]
    silent = served.loaded.model.cold_products(torch.zeros(1, 384))
    assert len(ids) == 12 and np.isfinite(vectors).all() and not np.allclose(told, silent.detach())
    for task, text, label in (
        ("sentiment", "Terrible guitar, it broke at once and I want my money back", "negative"),
        ("intent", "where is my order number 5000", "where"),
        ("mood", "this makes me cry 5000 times", "sad"),
    ):
        told = served.answer({"op": "predict", "task": task, "texts": [text]})
        assert told["labels"][int(np.argmax(told["probabilities"][0]))] == label, task
    code, tuned = work(home, "finetune", task="category", upload="none", parent=version.id, train="top")
    assert code == 0, tuned
    before, made = (found["sentiment"]["metrics"]["macro_f1"]["value"] for found in (tuned["before"], result["tasks"]))
    assert before == pytest.approx(made, abs=0.02)
