"""The documents are true: examples work, commands parse, links lead somewhere, lists are those of the code."""

import csv
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import test_contracts
from small_shop import fill
from streamlit.testing.v1 import AppTest

import workbench.pages
import workbench.shop.importers
import workbench.tasks
from workbench import app
from workbench.components import context
from workbench.encoder.corpus import read_corpus
from workbench.encoder.recipe import Recipe, recipe
from workbench.shop import importers
from workbench.shop.schema import TABLES
from workbench.shop.store import Store
from workbench.tasks.base import tasks

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "data/README.md")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that its info string names, its text."""

    language: str
    file: str
    text: str


def blocks(document: str) -> list[Block]:
    found = re.findall(r"^```(\w*)[ ]*(\S*)\n(.*?)^```$", (ROOT / document).read_text("utf-8"), re.M | re.S)
    return [Block(*parts) for parts in found]


EXAMPLES = {Path(block.file): block.text for block in blocks("CONTRIBUTING.md") if block.file}
TASK, IMPORTER, PAGE, RECIPE = (
    next(path for path in EXAMPLES if folder in str(path)) for folder in ("tasks/", "importers/", "pages/", "recipes/")
)

# -- the examples of CONTRIBUTING ------------------------------------------------------------


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Puts an example into its package, as a file in a second folder of it, and takes it out again."""
    gone = []

    def place(example: Path, package) -> str:
        folder = tmp_path / "added"
        folder.mkdir(exist_ok=True)
        (folder / example.name).write_text(EXAMPLES[example], "utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        gone.append((package, example.stem))
        return example.stem

    yield place
    for package, name in gone:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        if hasattr(package, name):
            delattr(package, name)


def test_there_is_an_example_of_each_kind_and_none_takes_the_place_of_a_file():
    assert len(EXAMPLES) == 4
    assert not [path for path in EXAMPLES if (ROOT / path).exists()]


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.suffix == ".py"], ids=str)
def test_the_examples_are_as_clean_as_the_house(path):
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--stdin-filename", str(ROOT / path), "-"]
    done = subprocess.run(command, input=EXAMPLES[path], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 15 <= len(EXAMPLES[path].splitlines()) <= 50


def test_the_example_task_is_found_and_learns_from_the_small_shop(put, store, home, tmp_path):
    name = put(TASK, workbench.tasks)
    assert name in tasks() and tasks()[name].title in {task.title for task in tasks().values()}
    fill(store)
    with Store.open(type(home).find(tmp_path / "empty")) as empty:
        test_contracts.task_keeps_its_contract(tasks()[name], empty, store)
    assert tasks()[name].missing(store) is None
    assert tasks()[name].examples(store).labels == ["cheap", "dear"]
    corpus = read_corpus(store, [name])
    assert corpus.labels == {name: ["cheap", "dear"]} and len(corpus.text_rows[name].target) == 12


def test_without_its_file_the_example_task_is_not_there():
    assert TASK.stem not in tasks()


CLOTHING = [
    ["", "Clothing ID", "Age", "Title", "Review Text", "Rating", "Recommended IND", "Positive Feedback Count",
     "Division Name", "Department Name", "Class Name"],
    ["0", "767", "33", "", "Silky and comfortable", "4", "1", "0", "Initmates", "Intimate", "Intimates"],
    ["1", "1080", "34", "Lovely", "Love this dress", "5", "1", "4", "General", "Dresses", "Dresses"],
    ["2", "1080", "60", "", "Too tight", "many", "0", "0", "General", "Dresses", "Dresses"],
]  # fmt: skip


def test_the_example_importer_recognises_its_file_and_imports_it(put, store, tmp_path):
    put(IMPORTER, workbench.shop.importers)
    test_contracts.importer_keeps_its_contract(importers.importers()["clothing-reviews"], store)
    path = tmp_path / "clothing.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(CLOTHING)
    read = importers.import_files(store, [path])["files"][0]
    assert read["importer"] == "clothing-reviews"
    assert (read["tables"]["reviews"]["added"], read["tables"]["reviews"]["rejected"]) == (2, 1)
    assert store.rows("SELECT product_id, rating, title, helpful, attributes->>'Age' FROM reviews WHERE product_id = '1080'") == [
        ("1080", 5.0, "Lovely", 4, "34")
    ]
    assert store.value("SELECT category FROM products WHERE product_id = '1080'") == "General > Dresses > Dresses"


def test_the_example_page_is_in_the_navigation_and_draws(put, home, tmp_path, monkeypatch):
    folder = tmp_path / "pages"
    folder.mkdir()
    for source in app.PAGES.glob("*.py"):
        (folder / source.name).write_text(source.read_text("utf-8").replace("ORDER = 0\n", "ORDER = 1\n"), "utf-8")
    # the first page is the one that opens
    (folder / PAGE.name).write_text(EXAMPLES[PAGE].replace("ORDER = 15\n", "ORDER = 0\n"), "utf-8")
    found = app.places(folder)
    assert [place.title for place in found][:2] == ["Brands", "Overview"]
    monkeypatch.setattr(app, "places", lambda: found)
    name = put(PAGE, workbench.pages)
    test_contracts.page_keeps_its_contract(name, home, monkeypatch)
    context._open.clear()
    context._space.clear()
    at = AppTest.from_file(str(ROOT / "workbench" / "cli" / "serve.py"), default_timeout=30).run()
    context._open(str(home.root)).close()
    context._open.clear()
    assert not at.exception
    assert at.title[0].value == "Brands" and name in at.session_state["_places"]
    table = at.dataframe[0].value
    assert table["brand"].tolist() == ["Brand a", "Brand b"] and table["n"].sum() == 12
    assert set(table.columns) == {"brand", "n", "negative", "negative_low", "negative_high"}


def test_the_example_recipe_is_found_in_ones_own_home(home):
    folder = home.models / "recipes"
    folder.mkdir()
    (folder / RECIPE.name).write_text(EXAMPLES[RECIPE], "utf-8")
    made = recipe(home, RECIPE.stem)
    assert made.name == RECIPE.stem and made != Recipe(name=RECIPE.stem)


# -- the tables of data/README -------------------------------------------------------------------


def section(document: str, heading: str) -> str:
    """The text between a heading and the next one of its level or above."""
    level = heading.split(" ")[0]
    text = (ROOT / document).read_text("utf-8").split(f"\n{heading}\n")[1]
    return re.split(rf"^#{{1,{len(level)}}} ", text, maxsplit=1, flags=re.M)[0]


def rows_of_table(text: str) -> list[list[str]]:
    """The cells of the first Markdown table in `text`, without its header."""
    found = re.search(r"^\|.*?(?=^[^|]|\Z)", text, re.M | re.S)
    assert found, text[:200]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found.group().strip().splitlines()[2:]]


@pytest.mark.parametrize("name", TABLES)
def test_the_columns_listed_are_those_of_the_schema(name):
    listed = [[cell.strip(" |") for cell in row] for row in rows_of_table(section("data/README.md", f"### {name}"))]
    assert listed == [[f"`{c.name}`", c.type, "yes" if c.required else "", c.meaning] for c in TABLES[name].columns]


def test_the_tables_listed_are_those_of_the_schema():
    assert re.findall(r"^### (\w+)$", (ROOT / "data" / "README.md").read_text("utf-8"), re.M) == list(TABLES)
