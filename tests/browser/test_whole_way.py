"""The whole way of a new user in a browser: from an empty shop to a taught model and a report to hand on."""

import csv
import re

import pytest
from live_app import chromium, served
from small_shop import fill

from workbench.home import Home
from workbench.registry import Registry
from workbench.shop.store import Store

pytestmark = [pytest.mark.browser, pytest.mark.slow]
QUICK = "epochs = 1\nmax_length = 16\n"
SMALL = "user_passes = 1\ndim = 32\nuser_layers = 1\nhistory_length = 10\n"
TRAINED = 240_000  # milliseconds
FILES = ("products", "events", "reviews")


@pytest.fixture
def files(tmp_path):
    """A small shop as the CSV files that a user has, and labelled remarks in words of their own."""
    folder = tmp_path / "files"
    folder.mkdir()
    with Store.open(Home.find(tmp_path / "elsewhere")) as store:
        fill(store)
        for table in FILES:
            store.frame(f"FROM {table}").dropna(axis=1, how="all").to_csv(folder / f"{table}.csv", index=False)
    with (folder / "labelled.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ref", "remark", "verdict"])
        for i in range(40):
            writer.writerow([f"T{2 * i}", f"What a lovely parcel, thank you {i}", "great"])
            writer.writerow([f"T{2 * i + 1}", f"Arrived late and scratched, useless {i}", "awful"])
    return folder


@pytest.fixture
def home(tmp_path):
    """An empty home whose recipes take seconds."""
    made = Home.find(tmp_path / "shop").make()
    (made.models / "recipes").mkdir()
    (made.models / "recipes" / "laptop.toml").write_text(QUICK + SMALL)
    (made.models / "recipes" / "finetune.toml").write_text(QUICK)
    return made


def test_from_an_empty_shop_to_a_taught_model_and_a_report(home, files, tmp_path):
    with served(home, tmp_path) as address, chromium() as page:
        wrong = watched(page, address)
        page.goto(address)
        bring_in(page, files)
        first = train(page, home)
        for name, look in LOOKS.items():
            visit(page, name)
            look(page, first)
        second = teach(page, home, files / "labelled.csv")
        promote(page, first, second)
        roll_back(page, first)
        report = download(page, tmp_path)
        assert wrong == []
    assert Registry(home).active().id == first
    opens_offline(report)


# -- looking over the user's shoulder --------------------------------------------------------------


def watched(page, *allowed):
    """A list that fills with errors on the console, failed answers and requests that leave `allowed`."""
    wrong = []
    local = (*allowed, "data:", "blob:")
    page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: None if request.url.startswith(local) else wrong.append(f"asked: {request.url}"))
    page.on("response", lambda answer: wrong.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None)
    sockets = tuple(url.replace("http", "ws", 1) for url in allowed)
    page.on("websocket", lambda socket: None if socket.url.startswith(sockets) else wrong.append(f"asked: {socket.url}"))
    return wrong


def visit(page, name):
    """The page of this name from the sidebar, drawn to its end and without a failure."""
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
    settled(page)


def settled(page):
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert page.get_by_test_id("stException").count() == 0
    told = page.locator("body").inner_text()
    assert "Traceback" not in told and "This could not be done" not in told


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def cell(page, text):
    """Wait for a table's cell with exactly this text, or one that the pattern finds."""
    wanted = text if isinstance(text, re.Pattern) else re.compile(f"^{re.escape(text)}$")
    page.locator("[role=gridcell]").filter(has_text=wanted).first.wait_for(state="attached")


def metric(page, label):
    """The value of the metric with this label."""
    card = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return card.get_by_test_id("stMetricValue").inner_text()


# -- the way ---------------------------------------------------------------------------------------


def bring_in(page, files):
    page.get_by_text("This shop is empty").wait_for()
    press(page, "Import data")
    page.get_by_role("heading", name="Data", exact=True).wait_for()
    page.locator("input[type=file]").set_input_files([files / f"{table}.csv" for table in FILES])
    for table in FILES:
        page.get_by_text(f"Recognised: Table with mapped columns, into {table}").wait_for()
    settled(page)
    assert page.get_by_text("rows, as the file has them").count() == len(FILES)
    cell(page, "guitar number 0")
    page.get_by_text("Columns", exact=True).last.click()
    assert page.get_by_role("combobox", name="created_at").locator("visible=true").count()
    press(page, "Import")
    page.get_by_text("Imported", exact=True).wait_for()
    settled(page)


def train(page, home):
    """The first model, trained from the overview and active of itself; its version."""
    visit(page, "Overview")
    page.get_by_text("Next: train a model").wait_for()
    press(page, "Train a model")
    page.get_by_text("so far").wait_for()
    page.get_by_text("Training is done").wait_for(timeout=TRAINED)
    settled(page)
    first = Registry(home).active().id
    assert page.get_by_text(f"Model {first}", exact=True).count() == 1
    return first


def teach(page, home, labelled):
    """A fine-tuning on the user's own file, its labels mapped; the new version, compared and not yet active."""
    visit(page, "Fine-tune")
    page.locator("input[type=file]").first.set_input_files(labelled)
    page.get_by_text("2 · What it teaches").wait_for()
    for label, option in (("Column of the text", "remark"), ("Column of the label", "verdict"), ("Task", "Review sentiment")):
        page.get_by_role("combobox", name=label, exact=True).click()
        page.get_by_role("option", name=option, exact=True).click()
        settled(page)
    page.get_by_text("2 labels of the file do not belong to this task").wait_for()
    page.get_by_text("These meanings are right").click()
    page.get_by_text("80 usable rows, 2 labels").wait_for()
    press(page, "Start fine-tuning")
    page.get_by_text("so far").wait_for()
    page.get_by_text("Fine-tuning is done").wait_for(timeout=TRAINED)
    page.get_by_role("heading", name="Before and after, on the same test rows").wait_for()
    page.get_by_role("heading", name="What promoting it would change").wait_for()
    settled(page)
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert 0 <= float(metric(page, "Review sentiment")) <= 1
    return Registry(home).versions()[0].id


def promote(page, first, second):
    assert page.get_by_text(f"Active now: {first}").count() == 1
    press(page, "Promote")
    page.get_by_text(f"Model {second}", exact=True).wait_for()
    settled(page)


def roll_back(page, first):
    from playwright.sync_api import expect

    visit(page, "Models")
    press(page, "Roll back")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"Rolled back: {first} is active again.")).to_be_in_viewport()
    page.get_by_text(f"Model {first}", exact=True).wait_for()
    settled(page)


def download(page, folder):
    visit(page, "Segments")
    press(page, "Export")
    with page.expect_download() as answer:
        page.get_by_role("button", name=re.compile("HTML")).click()
    report = folder / answer.value.suggested_filename
    answer.value.save_as(report)
    return report


def opens_offline(report):
    with chromium(offline=True) as page:
        wrong = watched(page, "file:")
        page.goto(report.as_uri())
        page.get_by_role("heading", name="Segment report").wait_for()
        page.locator("#chart-0-0 .main-svg").first.wait_for()
        assert wrong == []


# -- what each page must show ----------------------------------------------------------------------


def overview(page, version):
    page.get_by_text(f"{version} · train with recipe laptop").wait_for()
    assert metric(page, "Reviews") == "260" and metric(page, "Events") == "650"
    assert 0 <= float(metric(page, "Review sentiment · macro F1")) <= 1


def sentiment(page, version):
    assert metric(page, "Reviews") == "260"
    page.locator(".js-plotly-plot .main-svg").first.wait_for()


def segments(page, version):
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    assert metric(page, "Users") == "130" and int(metric(page, "Segments")) >= 1


def recommendations(page, version):
    page.get_by_role("heading", name="Next items").wait_for()
    cell(page, re.compile("^(guitar|lamp) number"))


def finetune(page, version):
    page.get_by_text("1 · Labelled rows").wait_for()


def data(page, version):
    cell(page, "260")
    assert page.get_by_text("Data version 1").count()


def models(page, version):
    cell(page, version)
    cell(page, "the first version")
    assert page.get_by_role("button", name="Roll back", exact=True).count() == 0


LOOKS = {
    "Overview": overview,
    "Sentiment": sentiment,
    "Segments": segments,
    "Recommendations": recommendations,
    "Fine-tune": finetune,
    "Data": data,
    "Models": models,
}
