"""One contract for each kind: every task, importer and page that is found by its presence runs through it."""

import csv
import re

import pytest
from app_page import words
from joint_space import fill as fill_joint
from joint_space import publish
from small_shop import fill
from streamlit.testing.v1 import AppTest

from workbench.app import places
from workbench.components import context
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.importers.base import used
from workbench.shop.schema import TABLES
from workbench.shop.store import Store
from workbench.tasks.base import Task, tasks

METRICS = {"classify": "macro_f1", "contrast": "recall_at_10", "next_item": "ndcg_at_10", "user_binary": "auc", "masked": "accuracy"}
FITTING = {"TIMESTAMP": "2024-01-05", "BOOLEAN": "true"}
COUNTS = ("added", "updated", "unchanged", "rejected", "set_apart")

# -- tasks -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """(an empty shop, the small shop), read by all tasks."""
    with Store.open(Home.find(tmp_path_factory.mktemp("empty"))) as empty, Store.open(Home.find(tmp_path_factory.mktemp("small"))) as small:
        fill(small)
        yield empty, small


def task_keeps_its_contract(task: Task, empty: Store, small: Store) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", task.name) and task.title
    assert task.metric == METRICS[task.objective]
    assert task.predicts in {None, "products", "reviews", "tickets", "users"}
    assert task.missing(empty), "an empty shop lacks something"
    if task.missing(small) is not None:
        return
    made = task.examples(small)
    assert made == task.examples(small)
    assert len(made.keys) == len(made.texts) == len(made.targets) == len(made.splits) > 0
    if task.objective == "masked":
        assert set(made.targets) == {0} and all(made.texts) and made.rows("train")
        return
    choices = made.partners if task.objective in ("contrast", "next_item") else made.labels
    assert len(set(choices)) == len(choices) > 1 and set(made.targets) <= set(range(len(choices)))
    assert set(made.splits) <= {"train", "validation", "test"}
    if task.objective in ("classify", "contrast"):
        assert all(made.texts) and made.rows("train")
    if made.outputs:
        finest = [made.outputs.targets[told][-1] for told in made.told]
        assert [{made.outputs.label[i] for i in found} for found in finest] == [{target} for target in made.targets]


@pytest.mark.parametrize("name", tasks())
def test_every_task_keeps_its_contract(name, shops):
    task_keeps_its_contract(tasks()[name], *shops)


def test_the_small_shop_tries_most_tasks(shops):
    learned = {name for name, task in tasks().items() if task.missing(shops[1]) is None}
    assert learned >= {"category", "next_item", "return", "review_to_product", "sentiment"}


# -- importers -------------------------------------------------------------------------------


def importer_keeps_its_contract(importer: importers.Importer, store: Store) -> None:
    assert importer.name and importer.title and importer.needs
    for table, plan in importer.fills.items():
        assert set(plan.columns) <= set(TABLES[table].names) and TABLES[table].key in plan.columns
    path = store.home.root / "lines.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines(importer))
    read = importers.import_files(store, [path], preset=importer.name)["files"][0]
    own = read["tables"][importer.table]
    assert own["read"] == 4 and own["added"] > 0
    assert all(found["read"] == sum(found[kind] for kind in COUNTS) for found in read["tables"].values())
    before = store.data_version
    again = importers.import_files(store, [path], preset=importer.name)
    assert again["data_version"] == before, "the same file twice changes nothing"


def lines(importer: importers.Importer) -> list[list[str]]:
    """A header and four lines, two of them equal and one that no number fits; what must be a time or a yes is one."""
    plans = importer.fills.values()
    expressions = [part for plan in plans for part in (*plan.columns.values(), *plan.set_apart.values(), plan.group)]
    types = {c.name: c.type for table in TABLES.values() for c in table.columns}
    told = {name: (types[c], x) for plan in plans for c, x in plan.columns.items() if types[c] in FITTING for name in used([x])}
    fixed = {name: "1704412800" if "epoch_time" in x else FITTING[kind] for name, (kind, x) in told.items()}
    header = [*importer.needs, *sorted(used(expressions) - set(importer.needs))]
    return [header, *([fixed.get(name, value) for name in header] for value in ("3", "4", "4", "none"))]


@pytest.mark.parametrize("name", importers.importers())
def test_every_importer_keeps_its_contract(name, store):
    importer_keeps_its_contract(importers.importers()[name], store)


# -- pages -----------------------------------------------------------------------------------


def _draw(name: str) -> None:
    import importlib

    importlib.import_module(f"workbench.pages.{name}").render()


def page_keeps_its_contract(name: str, home: Home, monkeypatch) -> None:
    """On an empty shop and on one with a model, drawn alone."""
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    for filled in (False, True):
        context._open.clear()
        context._space.clear()
        if filled:
            with Store.open(home) as store:
                fill_joint(store)
            publish(home)
        at = AppTest.from_function(_draw, args=(name,), default_timeout=30).run()
        context._open(str(home.root)).close()
        assert not at.exception, (name, filled, at.exception)
        assert at.title[0].value and (filled or words(at) or at.button), "an empty state says what to do next"
    context._open.clear()


def test_every_page_has_a_title_an_icon_and_an_order_of_its_own():
    found = places()
    assert found[0].name == "overview"
    assert len({p.order for p in found}) == len({p.title for p in found}) == len(found)
    assert all(p.title and p.icon.startswith(":material/") for p in found)


@pytest.mark.parametrize("name", [place.name for place in places()])
def test_every_page_draws_on_an_empty_shop_and_on_one_with_a_model(name, home, monkeypatch):
    page_keeps_its_contract(name, home, monkeypatch)
