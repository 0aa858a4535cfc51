"""Tasks may be called what a module's attributes are called."""

import json
from copy import deepcopy

import numpy as np
import torch
from small_shop import work
from tiny_base import tiny_base
from torch import nn

from workbench.encoder.balance import balance
from workbench.encoder.by_task import ByTask
from workbench.encoder.weights import load
from workbench.home import Home
from workbench.registry import Registry
from workbench.shop.store import Store
from workbench.tasks.labelled import read_labelled, store_labels, task_name

NAMES = [name for name in dir(nn.Module()) if name[0] != "_" and name == name.lower() and len(name) <= 40]


def test_any_attribute_of_a_module_can_name_a_task():
    assert {"type", "training", "items", "half"} - {*NAMES} == {"items"}
    made = ByTask({name: nn.Linear(2, 1) for name in [*NAMES, "items"]})
    for name in NAMES:
        assert made[task_name(name)].weight.shape == (1, 2)
    assert not made.eval().training and not made["training"].training
    assert made.train().training and made["type"].training
    assert deepcopy(made.double())["half"].weight.dtype == torch.float64


def test_its_weights_are_named_as_in_a_module_dict():
    before, now = (kind({"intent": nn.Linear(2, 1), "topic": nn.Linear(2, 1)}) for kind in (nn.ModuleDict, ByTask))
    assert [name for name, _ in now.named_parameters()] == [name for name, _ in before.named_parameters()]
    now.load_state_dict(before.state_dict())
    assert torch.equal(now["topic"].weight, before["topic"].weight)
    assert list(now.state_dict()) == ["intent.weight", "intent.bias", "topic.weight", "topic.bias"]


def test_uncertainty_weighs_them():
    made = balance("uncertainty", ["type", "keys"], {})
    assert made.total({"type": torch.tensor(1.0), "keys": torch.tensor(2.0)}).item() > 0 and len(made.learned()) == 2


def test_such_a_task_is_taught_published_and_read_again(tmp_path):
    home = Home.find(tmp_path / "shop").make()
    (home.models / "recipes").mkdir()
    base = json.dumps(str(tiny_base(tmp_path / "base")))
    (home.models / "recipes" / "quick.toml").write_text(f'base = {base}\nepochs = 1\nmax_length = 16\ntrackers = "none"\n')
    random = np.random.default_rng(0)
    rows = [{"said": f"{word} {random.integers(10**6)}", "what": word} for word in ("alpha", "omega") * 30]
    with Store.open(home) as store:
        store_labels(store, read_labelled(rows, "type", "said", "what"), "first")
    code, result = work(home, "finetune", task="type", upload="first", parent=None, train="top")
    assert code == 0, result
    loaded = load(Registry(home).get(result["version"]))
    assert loaded.labels["type"] == ["alpha", "omega"] and loaded.model.text_head("type").score.weight.shape[0] == 2
