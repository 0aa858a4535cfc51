"""The documents are true: examples work, commands parse, links lead somewhere, lists are those of the code."""

import csv
import json
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path

import pytest
import test_contracts
from small_shop import fill
from streamlit.testing.v1 import AppTest

import workbench.pages
import workbench.shop.importers
import workbench.tasks
from workbench import app
from workbench.cli import main, parser
from workbench.components import context
from workbench.encoder.corpus import read_corpus
from workbench.encoder.recipe import ALLOWED, Recipe, recipe, recipes
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.importers import generic
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
    with Store.open(Home.find(tmp_path / "empty")) as empty:
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


# -- commands ------------------------------------------------------------------------------------

CHEAP = {"import", "status", "models"}


def commands(document: str) -> list[list[str]]:
    """The words of every line of a code block that begins with `workbench`, `make` or the environment's `python`."""
    lines = [line for block in blocks(document) if not block.file for line in block.text.replace("\\\n", " ").splitlines()]
    meant = [line.removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(line, comments=True) for line in meant if re.match(r"(workbench|make|python) ", line)]


ALL_COMMANDS = [(document, words) for document in DOCUMENTS for words in commands(document)]


def verbs() -> dict[str, set[str]]:
    """The verbs of the command line with the options of each, the common ones left out."""
    (choices,) = (action.choices for action in parser._parser()._actions if action.choices)
    return {
        name: {option for action in verb._actions for option in action.option_strings} - {"-h", "--help", "--home", "--json"}
        for name, verb in choices.items()
    }


def makefile() -> tuple[set[str], set[str]]:
    """(targets, variables) of the Makefile."""
    text = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^(\w+):", text, re.M)), set(re.findall(r"^(\w+) \?=", text, re.M))


def test_the_documents_have_commands():
    assert {words[0] for _, words in ALL_COMMANDS} == {"workbench", "make", "python"} and len(ALL_COMMANDS) > 15
    assert ["make", "demo"] in commands("README.md") and ["make", "test"] in commands("README.md")


@pytest.mark.parametrize("words", [pytest.param(words, id=" ".join(words)) for _, words in ALL_COMMANDS])
def test_every_command_is_one_that_there_is(words):
    if words[0] == "workbench":
        assert parser.parse(words[1:]).function
    elif words[0] == "make":
        targets, variables = makefile()
        assert all(word.split("=")[0] in variables if "=" in word else word in targets for word in words[1:])
    else:
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))


def test_a_command_that_there_is_not_would_be_noticed(capsys):
    for wrong in (["juggle"], ["import"], ["status", "--loudly"], ["train", "--recipe"]):
        with pytest.raises(SystemExit):
            parser.parse(wrong)
    capsys.readouterr()


def test_the_readme_lists_every_verb_with_every_option():
    told = {row[0].split("`")[1].split()[1]: set(re.findall(r"--[a-z-]+", " ".join(row[1:]))) for row in command_rows()}
    assert told == verbs()


def command_rows() -> list[list[str]]:
    return rows_of_table(section("README.md", "### All commands"))


def test_what_the_readme_says_of_make_is_there():
    told = re.search(r"^`make` has (.*);", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert told and set(re.findall(r"`(\w+)`", told.group(1))) == makefile()[0]


def test_the_first_steps_on_a_shop_of_ones_own_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in blocks("README.md"):
        if block.language == "csv":
            (tmp_path / block.file).write_text(block.text, "utf-8")
    run = [words[1:] for words in commands("README.md") if words[0] == "workbench" and words[1] in CHEAP]
    assert len(run) >= 4
    for words in run:
        assert main(words) == 0, (words, capsys.readouterr().err)
    with Store.open(Home.find(tmp_path / "my-shop")) as shop:
        assert {name: rows for name, rows in shop.counts().items() if rows} == {"products": 3, "reviews": 5, "events": 3, "users": 2}
        assert shop.rows("SELECT count(rating), count(title), count(user_id), count(created_at) FROM reviews") == [(5, 2, 3, 3)]
        assert shop.value("SELECT sum(quantity * price) FROM events WHERE order_id IS NOT NULL") == pytest.approx(98.8)


# -- links and lists -----------------------------------------------------------------------------


def links(document: str) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", (ROOT / document).read_text("utf-8"), flags=re.M | re.S)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """The places that a heading makes, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("document", "link"), [(d, link) for d in (*DOCUMENTS, "CHANGELOG.md") for link in links(d)])
def test_every_link_and_image_leads_somewhere(document, link):
    path, _, anchor = link.partition("#")
    target = (ROOT / document).parent / path if path else ROOT / document
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_the_readme_shows_every_page_in_light_and_dark():
    shown = re.findall(r"^### (.+)$", section("README.md", "## The pages"), re.M)
    assert shown == [place.title for place in app.places()]
    pictures = {link for link in links("README.md") if link.startswith("docs/")}
    assert pictures == {f"docs/screenshots/{place.name}-{theme}.png" for place in app.places() for theme in ("light", "dark")}
    assert all((ROOT / picture).stat().st_size <= 200_000 for picture in pictures)


def test_the_readme_lists_the_importers_recipes_and_needed_columns(home):
    told = section("README.md", "## What a file must hold")
    listed, needed = (rows_of_table(told[told.index(head) :]) for head in ("| preset |", "| table |"))
    assert [row[0].strip(" `|") for row in listed] == list(importers.importers())
    columns = [[set(re.findall(r"`(\w+)`", cell)) for cell in row] for row in needed]
    assert {next(iter(row[0])): (row[1], row[2]) for row in columns} == generic.TELLING
    recipe_rows = rows_of_table(section("README.md", "## Recipes and other base models"))
    assert {row[0].strip(" `|") for row in recipe_rows} == set(recipes(home))


def test_the_readme_lists_every_setting_with_its_default_and_what_it_may_be():
    listed = [[cell.strip(" |") for cell in row] for row in rows_of_table(section("README.md", "### Every setting"))]
    settings = {field.name: field.default for field in fields(Recipe) if field.name != "name"}
    assert [row[0].strip("`") for row in listed] == list(settings), "in the order of recipe.py"
    for (name, default), row in zip(settings.items(), listed, strict=True):
        assert row[1] == json.dumps(default) and row[3]
        assert name not in ALLOWED or row[2] == ALLOWED[name].words


def test_the_recipes_shown_have_only_settings_that_there_are():
    shown = [tomllib.loads(block.text) for document in DOCUMENTS for block in blocks(document) if block.language == "toml"]
    assert len(shown) == 2 and all(Recipe.of(values) != Recipe() for values in shown)


def test_the_licence_is_the_whole_apache_licence():
    text = (ROOT / "LICENSE").read_bytes()
    assert sha256(text).hexdigest() == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
