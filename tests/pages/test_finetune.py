import io
import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from joint_space import METRIC, METRICS, NASTY, fill, publish
from streamlit.testing.v1 import AppTest

from workbench import jobs
from workbench.components import context
from workbench.encoder.recipe import recipe
from workbench.jobs.inference import Predictions
from workbench.pages import _compare, _labelling, _predicting
from workbench.registry import Registry
from workbench.run import Run
from workbench.shop.space import write_space
from workbench.shop.store import Store
from workbench.tasks.splits import split_of


def draw():
    from workbench.components import states
    from workbench.pages import finetune

    with states.guard():
        finetune.render()


GOOD = "".join(f"this one is fine {i},positive\nthis one is bad {i},negative\n" for i in range(10))


@pytest.fixture
def started(monkeypatch):
    """Jobs are written down, not run."""
    specs = []

    def start(home, kind, spec):
        specs.append((kind, spec))
        return Run.create(home, kind, spec)

    monkeypatch.setattr(jobs, "start", start)
    return specs


@pytest.fixture
def open_page(home, monkeypatch, started):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))

    def opened(*, shop=True, model=True, upload=None, **query):
        if shop:
            with Store.open(home) as store:
                fill(store)
            if model:
                publish(home)
        page = AppTest.from_function(draw, default_timeout=20)
        for name, value in query.items():
            page.query_params[name] = value
        page.run()
        if upload is not None:
            send(page, upload)
        assert not page.exception
        return page

    return opened


def send(page, rows):
    """The page after choosing a table of texts and labels."""
    content = rows if isinstance(rows, bytes) else ("text,label\n" + rows).encode()
    page.file_uploader(key="labelled-file").set_value(("labels.csv", content, "text/csv")).run()


def box(page, label):
    return next(found for found in page.checkbox if found.label == label)


def said(page):
    return " ".join(str(e.value) for e in [*page.text, *page.caption, *page.markdown, *page.subheader, *page.success, *page.error])


def table(page, column):
    return next(found.value for found in page.dataframe if column in found.value.columns)


def buttons(page):
    return {button.key: button for button in page.button}


def test_on_an_empty_home_the_bare_base_is_the_parent(open_page, started, home):
    assert "There is no version yet" in said(open_page(shop=False, model=False))
    page = open_page(shop=False, model=False, upload=GOOD, task="a task of your own…")
    assert "Over the bare base." in said(page) and "Recommended here is Thorough: there is no version yet" in said(page)
    page.button(key="start").click().run()
    ((_, spec),) = started
    assert (spec["parent"], spec["train"], spec["task"]) == (None, "all", "my_labels")


def test_before_an_upload_it_offers_the_rows_worth_labelling(open_page):
    page = open_page()
    assert table(page, "key")[["text", "label", "predicted"]].values.tolist() == [["Very good. " + NASTY, "", "positive"]]
    assert "negative, neutral, positive" in said(page)


def test_rows_of_several_labels_become_a_task_for_each(open_page, started, home):
    cells = ["late; dear", "dear", "late", "", "late"]
    page = open_page(upload="".join(f"words {i},{cells[i % 5]}\n" for i in range(25)), task="a task of your own…")
    assert page.checkbox[0].value and "2 labels, each learned as yes or no." in said(page)
    page.selectbox(key="about").set_value("tickets").run()
    page.text_input(key="own-name").set_value("topics").run()
    page.button(key="start").click().run()
    ((_, spec),) = started
    assert spec["task"] == "topics" and spec["tasks"] == ["topics_dear", "topics_late"]
    with Store.open_snapshot(home) as snapshot:
        assert snapshot.rows("SELECT DISTINCT attributes->>'about', attributes->>'family' FROM labels") == [("tickets", "topics")]


def test_what_is_set_apart_and_what_is_said_twice_is_said(open_page):
    held = sum(split_of(row.rsplit(",", 1)[0]) != "train" for row in GOOD.splitlines())
    page = open_page(upload=GOOD + GOOD.splitlines()[0] + "\n", task="sentiment")
    assert f"{held} are set apart to measure" in said(page) and "1 duplicates are passed over." in said(page)


def test_what_is_not_certain_of_a_file_is_asked_first(open_page):
    content = "text,label\n" + GOOD + "caf\xe9 was fine,positive\n"
    page = open_page(upload=content.encode("latin-1"), task="sentiment")
    assert "It is not certain in which encoding" in said(page) and "2 · What it teaches" not in said(page)
    assert "Nothing labelled yet?" not in said(page)
    page.segmented_control[0].set_value("latin-1").run()
    assert not page.exception and "2 · What it teaches" in said(page)
    assert "café was fine" in table(page, "text")["text"].tolist()


def test_a_table_of_an_archive_is_chosen(open_page):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes.csv", "text,label\nother,a\n")
        archive.writestr("rows.csv", "text,label\n" + GOOD)
    page = open_page(upload=packed.getvalue(), task="sentiment")
    assert "2 · What it teaches" not in said(page)
    next(box for box in page.selectbox if box.label == "Table in the archive").set_value("rows.csv").run()
    assert not page.exception and len(table(page, "text")) == len(GOOD.splitlines())


def test_columns_are_proposed_counts_shown_and_the_settings_readable_before_the_start(open_page):
    page = open_page(upload=GOOD, task="sentiment")
    chosen = {box.label: box.value for box in page.selectbox}
    assert (chosen["Column of the text"], chosen["Column of the label"]) == ("text", "label")
    counts = table(page, "rows").set_index("label")["rows"].to_dict()
    assert counts == {"positive": 10, "negative": 10}
    settings = table(page, "setting")
    assert {"epochs", "learning_rate", "dim"} <= set(settings["setting"])
    assert settings.set_index("setting").loc["dim", "parent"] == "8"
    assert "Every row can be used." in said(page)


def test_start_stores_the_rows_takes_a_snapshot_and_names_the_run_in_the_url(open_page, home, started):
    page = open_page(upload=GOOD, task="sentiment")
    next(group for group in page.get("button_group") if group.key == "train").set_value("head").run()
    page.button(key="start").click().run()
    ((kind, spec),) = started
    assert kind == "finetune" and set(spec) == {"snapshot", "task", "upload", "recipe", "train", "parent"}
    assert (spec["task"], spec["train"]) == ("sentiment", "head") and spec["parent"] == Registry(home).active().id
    with Store.open_snapshot(home) as snapshot:
        assert str(snapshot.path) == spec["snapshot"]
        assert snapshot.value("SELECT count(*) FROM labels WHERE upload = ? AND task = 'sentiment'", [spec["upload"]]) == 20
    assert page.query_params["run"].startswith("finetune-")
    assert list(home.uploads.iterdir()) == []


@pytest.mark.parametrize(("mask", "kept"), [(True, "[mail]"), (False, "anna@x.org")])
def test_personal_data_of_labelled_texts_is_masked_unless_one_says_otherwise(open_page, home, started, mask, kept):
    page = open_page(upload=GOOD + "write to anna@x.org now,negative\n", task="sentiment")
    next(box for box in page.checkbox if "personal data" in box.label).set_value(mask).run()
    page.button(key="start").click().run()
    with Store.open_snapshot(home) as snapshot:
        assert snapshot.value("SELECT text FROM labels WHERE text LIKE 'write to%'") == f"write to {kept} now"


# fault 17: refused before any training, with the count for each label
@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("".join(f"fine {i},positive\n" for i in range(30)), "One label cannot be told from another: 'positive': 30"),
        ("a,positive\nb,negative\nc,positive\nd,negative\ne,neutral\n", "5 usable rows are too few"),
        (GOOD + "so so,neutral\n", "fewer than 2 rows cannot be learned: “neutral” 1"),
    ],
)
def test_what_cannot_be_learned_is_refused_before_any_training(open_page, started, rows, why):
    page = open_page(upload=rows, task="sentiment")
    assert why in said(page) and "start" not in buttons(page) and started == []
    assert len(table(page, "rows")) >= 1


# fault 18: labels that do not belong to the task are listed with the nearest known one
def test_foreign_labels_are_listed_and_can_be_mapped(open_page):
    page = open_page(upload=GOOD + "well made,positiv\nhm,zzz\n", task="sentiment")
    assert table(page, "means").to_dict("list") == {"in the file": ["positiv", "zzz"], "means": ["positive", "leave these rows out"]}
    assert "nearest 'positive'" in said(page) and "start" not in buttons(page)
    problems = table(page, "problem")
    assert problems["row"].tolist() == [22, 23] and "'positive'" in problems["fix"].iloc[0]
    box(page, "These meanings are right").check().run()
    assert table(page, "rows").set_index("label")["rows"].to_dict() == {"positive": 11, "negative": 10}
    assert "start" in buttons(page)


def test_agreed_meanings_are_those_that_were_shown(open_page):
    page = open_page(upload=GOOD + "well made,positiv\n", task="sentiment")
    box(page, "These meanings are right").check().run()
    assert "start" in buttons(page)
    send(page, GOOD + "well made,positiv\nhm,zzz\n")
    assert not box(page, "These meanings are right").value and "start" not in buttons(page)


def test_labels_that_were_done_without_are_those_that_were_shown(open_page):
    page = open_page(upload=GOOD + "so so,neutral\n", task="a task of your own…")
    box(page, "Do without these labels and their rows").check().run()
    assert "start" in buttons(page)
    send(page, GOOD + "so so,neutral\nwell,middling\n")
    assert not box(page, "Do without these labels and their rows").value and "start" not in buttons(page)


def test_settings_can_be_changed_and_kept_as_a_recipe_which_is_chosen_then(open_page, home, started):
    page = open_page(upload=GOOD, task="sentiment")
    page.text_area(key="recipe-changes").set_value("epochs = 9\nkeep_close = 0.5").run()
    page.text_input(key="recipe-name").set_value("gentle").run()
    page.button(key="recipe-keep").click().run()
    assert not page.exception and recipe(home, "gentle").epochs == 9 and recipe(home, "gentle").keep_close == 0.5
    assert recipe(home, "gentle").learning_rate == recipe(home, "finetune").learning_rate
    page.button(key="start").click().run()
    assert started[0][1]["recipe"] == "gentle"


@pytest.mark.parametrize(
    ("lines", "name", "why"),
    [
        ("epochs = many", "gentle", "The settings cannot be read"),
        ("epochs = 0", "gentle", "epochs"),
        ("speed = 3", "gentle", "Unknown settings"),
        ("epochs = 3", "../gentle", "cannot name a recipe"),
        ("epochs = 3", "laptop", "already"),
    ],
)
def test_settings_that_cannot_be_are_refused_and_nothing_is_kept(open_page, home, lines, name, why):
    page = open_page(upload=GOOD, task="sentiment")
    page.text_area(key="recipe-changes").set_value(lines).run()
    page.text_input(key="recipe-name").set_value(name).run()
    page.button(key="recipe-keep").click().run()
    assert not page.exception and why in said(page)
    assert not list((home.models / "recipes").glob("*.toml"))


def test_a_label_with_too_few_rows_can_be_left_out(open_page, started):
    page = open_page(upload=GOOD + "so so,neutral\n", task="sentiment")
    assert "Labels with fewer than 2 rows cannot be learned: “neutral” 1." in said(page) and "Every row can be used" not in said(page)
    box(page, "Do without these labels and their rows").check().run()
    assert table(page, "rows")["label"].tolist() == ["negative", "positive"] and table(page, "problem")["row"].tolist() == [22]
    page.button(key="start").click().run()
    assert started


def test_rows_that_cannot_be_used_are_listed_with_their_line(open_page):
    page = open_page(upload=GOOD + ",positive\ntoo,many,fields\nno label,\n", task="sentiment")
    assert table(page, "problem")["row"].tolist() == [22, 23, 24]
    assert "start" in buttons(page)


@pytest.mark.parametrize(
    ("rows", "task"),
    [
        (GOOD, "sentiment"),
        ("".join(f"hose {i},Garden\nlamp {i},Audio\n" for i in range(9)), "category"),
        ("a b,x\nb c,y\n", "a task of your own…"),
    ],
)
def test_the_task_is_proposed_by_the_labels_of_the_file(open_page, rows, task):
    assert next(box for box in open_page(upload=rows).selectbox if box.label == "Task").value == task


def test_a_file_that_cannot_be_read_is_explained(open_page):
    assert "NUL bytes" in said(open_page(upload=b"text,label\n\0,a\n"))
    assert "is empty" in said(open_page(shop=False, upload=b""))
    assert "read as one column, 'text'" in said(open_page(shop=False, upload=b"text\nhello\n"))


# fault 30: what a text holds is never rendered
def test_markup_in_an_uploaded_text_stays_text(open_page):
    page = open_page(upload='"<script>x</script> ![p](https://tracker.example/p.png)",**bold**\n' + GOOD, task="sentiment")
    rendered = [str(e.value) for e in [*page.markdown, *page.caption, *page.subheader, *page.title]]
    assert not any("tracker.example" in value or "<script>" in value or "**bold**" in value for value in rendered)
    assert "tracker.example" in table(page, "text")["text"].iloc[0]


def test_a_task_of_ones_own(open_page, started):
    page = open_page(upload=GOOD)
    box = next(b for b in page.selectbox if b.label == "Task")
    box.set_value("a task of your own…").run()
    page.text_input(key="own-name").set_value("Delivery tone").run()
    page.button(key="start").click().run()
    assert started[0][1]["task"] == "delivery_tone"


@pytest.fixture
def finished(home):
    """A fine-tuning that has ended, with its new version; the parent is active."""

    def made():
        parent = Registry(home).active()
        version = publish(home, parent=parent.id, promote=False)
        run = Run.create(home, "finetune", {"task": "sentiment", "train": "top", "recipe": "finetune"})
        better = json.loads(json.dumps(METRICS["tasks"]))
        better["sentiment"]["metrics"]["macro_f1"] = {"value": 0.8, "low": 0.77, "high": 0.83, "n": 400}
        result = {"version": version.id, "parent": parent.id, "seconds": 3.0, "tasks": better, "before": METRICS["tasks"]}
        run.finish({**result, "left_out": METRICS["left_out"]})
        return run, version, parent

    return made


def test_a_reload_finds_the_run_and_compares_every_task(open_page, finished):
    open_page()
    run, _, _ = finished()
    page = open_page(shop=False, run=run.id)
    frame = table(page, "verdict")
    assert frame["task"].iloc[0] == "Review sentiment"  # what was taught comes first
    row = frame.set_index("metric").loc["macro F1"]
    assert (row["before"], row["after"], row["after_low"], row["n"], row["verdict"]) == (0.7, 0.8, 0.77, 400, "better")
    assert set(frame["task"]) == {"Review sentiment", "Next item"} and "unchanged" in set(frame["verdict"])
    assert "Not learned: Ticket intent" in said(page) and "taught · macro F1 · better · +0.020 to +0.080 · n 400" in said(page)
    changed = table(page, "changed")
    assert changed["rows"].tolist() == [1] and changed["changed"].tolist() == [0]


def test_promote_and_roll_back(open_page, finished, home):
    open_page()
    run, version, parent = finished()
    page = open_page(shop=False, run=run.id)
    page.button(key="promote").click().run()
    assert Registry(home).active().id == version.id and "is active now" in said(page)
    page.button(key="roll-back").click().run()
    assert Registry(home).active().id == parent.id and f"{parent.id} is active again" in said(page)


# fault 22: of two promotions at once one wins, the other is told
def test_who_promotes_second_is_told(open_page, finished, home):
    open_page()
    run, _, _ = finished()
    page = open_page(shop=False, run=run.id)
    other = publish(home)
    page.button(key="promote").click().run()
    assert Registry(home).active().id == other.id and "became active in the meantime" in said(page)


def test_a_run_that_failed_says_why_and_offers_another(open_page, home):
    open_page()
    run = Run.create(home, "finetune", {"task": "sentiment"})
    run.fail("The loss became NaN in step 3.", "Lower the learning rate.")
    page = open_page(shop=False, run=run.id)
    assert "became NaN" in said(page) and "Lower the learning rate." in said(page)
    page.button(key="again").click().run()
    assert "run" not in page.query_params and "Labelled rows" in said(page)


def test_a_running_one_is_offered_to_who_comes_without_its_link(open_page, home):
    open_page()
    run = Run.create(home, "finetune", {"task": "sentiment"})
    page = open_page(shop=False)
    page.button(key=f"watch-{run.id}").click().run()
    assert page.query_params["run"] == run.id


def test_what_it_will_cost_is_measured_on_demand_and_kept(open_page, monkeypatch):
    from workbench.pages import finetune

    asked = []
    found = {"low": 40, "high": 90, "memory_mb": 1024, "read_per_second": 200.0, "learn_per_second": 30.0}
    monkeypatch.setattr(finetune, "estimate", lambda home, **spec: asked.append(spec) or found)
    page = open_page(upload=GOOD, task="sentiment")
    page.button(key="estimate").click().run()
    assert "About 40 s to 90 s and 1.0 GB of memory" in said(page) and "estimate" not in buttons(page)
    page.run()
    assert len(asked) == 1 and asked[0]["shop"] > 0 and len(asked[0]["texts"]) == 20 and asked[0]["train"] == "top"


def test_rows_labelled_in_the_page_become_an_upload(open_page, started):
    page = open_page(task="sentiment")
    page.session_state[_labelling.HERE] = ("text,label\n" + GOOD).encode()
    page.run()
    assert "20 usable rows, 2 labels." in said(page)
    page.button(key="start").click().run()
    assert started[0][1]["task"] == "sentiment" and _labelling.HERE not in page.session_state


def test_who_labelled_in_the_page_can_go_back_to_the_rows(open_page):
    page = open_page(task="sentiment")
    assert page.button(key="teach-here").disabled and "0 labelled so far" in said(page)
    page.session_state[_labelling.HERE] = b"text,label\nfine,positive\n"
    page.run()
    assert "teach-here" not in buttons(page)
    page.button(key="back-to-rows").click().run()
    assert "teach-here" in buttons(page)


def test_a_label_given_in_the_page_stays_with_its_text_when_the_list_changes(open_page, home, monkeypatch):
    filled_in = {}  # by the editor's key and a row's place, as Streamlit keeps it

    def editor(shown, *, key, **options):
        drawn.append(key)
        return shown.assign(label=[filled_in.get((key, place), label) for place, label in enumerate(shown["label"])])

    drawn: list = []
    monkeypatch.setattr("streamlit.data_editor", editor)
    page = open_page(task="sentiment")
    filled_in[drawn[-1], 0] = "neutral"
    page.run()
    assert "1 labelled so far" in said(page)
    first = Registry(home).active()
    version, folder = Registry(home).new_folder()
    with write_space(folder / "vectors.duckdb") as space:
        space.predictions("sentiment", ["negative", "neutral", "positive"], ["r4"], np.array([[0.3, 0.3, 0.4]]))
    Registry(home).publish(version, {})
    Registry(home).promote(version)
    page.run()
    assert not page.exception and "Very good. works" in table(page, "key")["text"].tolist()
    assert "0 labelled so far" in said(page)
    Registry(home).promote(first.id)
    filled_in.clear()  # Streamlit forgets what a table that is not drawn was filled in with
    page.run()
    assert "1 labelled so far" in said(page)


class Encoder:
    """Finds everything positive, and odd what says so."""

    def predict(self, task, texts):
        shares = np.array([[0.1, 0.2, 0.7]] * len(texts))
        return Predictions(["negative", "neutral", "positive"], shares, shares.argmax(1), np.array(["odd" in t for t in texts]))


def test_any_table_is_labelled_with_what_is_unlike_all_that_was_learned(open_page, monkeypatch):
    monkeypatch.setattr(_predicting, "inference", Encoder)
    page = open_page()
    page.file_uploader(key="to-label").set_value(("t.csv", b"id,said\n1,works well\n2,an odd thing\n", "text/csv")).run()
    page.button(key="label-it").click().run()
    made = table(page, "abstain")
    assert made["predicted"].tolist() == ["positive"] * 2 and made["abstain"].tolist() == [False, True]
    assert "2 rows labelled; 1 of them are unlike all that was learned" in said(page)


def test_a_labelled_table_is_shown_for_its_own_file_and_column_alone(open_page, monkeypatch):
    def answers():
        return [found.value for found in page.dataframe if "abstain" in found.value.columns]

    monkeypatch.setattr(_predicting, "inference", Encoder)
    page, one = open_page(), ("one.csv", b"said,more\nworks well,and more\n", "text/csv")
    page.file_uploader(key="to-label").set_value(one).run()
    page.button(key="label-it").click().run()
    assert len(answers()) == 1
    page.selectbox(key="to-label-text").set_value("more").run()
    assert not answers()
    page.selectbox(key="to-label-text").set_value("said").run()
    assert answers()[0]["said"].tolist() == ["works well"]
    page.file_uploader(key="to-label").set_value(("two.csv", b"said,more\nbroke,and more\n", "text/csv")).run()
    assert not answers() and not page.exception
    page.button(key="label-it").click().run()
    assert answers()[0]["said"].tolist() == ["broke"]


def test_a_table_that_has_such_columns_already_keeps_them(open_page, monkeypatch):
    monkeypatch.setattr(_predicting, "inference", Encoder)
    page = open_page()
    page.file_uploader(key="to-label").set_value(("t.csv", b"said,abstain\nan odd thing,my own\n", "text/csv")).run()
    page.button(key="label-it").click().run()
    made = table(page, "abstain_2")
    assert made["abstain"].tolist() == ["my own"] and made["predicted_2"].tolist() == ["positive"]
    assert "are called predicted_2, probability_2, abstain_2" in said(page) and "1 of them are unlike" in said(page)


def test_groups_that_got_worse_are_named():
    its = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 60}
    told = {"metric": "macro_f1", "groups": {"de": {**its, "parent": {"value": -0.2, "low": -0.3, "high": -0.1, "n": 60}}, "fr": {"n": 3}}}
    (row,) = _compare.by_group({"sentiment": {"groups": {"language": told}}}).itertuples()
    assert (row.group, row.before, row.after, row.n, row.verdict) == ("de", 0.7, 0.5, 60, "worse")


def test_uploaded_rows_are_told_beside_the_shops_own():
    def page(task):
        import pandas as pd

        from workbench.pages import _compare

        figures = {"before": [0.4, 0.7, 0.5], "after": [0.6, 0.7, 0.5], "n": [1200, 300, 50], "verdict": ["better", "unchanged", "worse"]}
        names = {
            "task": ["Review sentiment"] * 3,
            "by": ["origin", "origin", "language"],
            "group": ["uploaded rows", "the shop's own rows", "de"],
        }
        _compare._by_origin(pd.DataFrame(names | figures), task)

    told = [text.value for text in AppTest.from_function(page, args=("sentiment",)).run().text]
    assert told == [
        "On uploaded rows: 0.400 before, 0.600 after (better, n 1,200).",
        "On the shop's own rows: 0.700 before, 0.700 after (unchanged, n 300).",
    ]
    assert not AppTest.from_function(page, args=("intent",)).run().text


def test_a_card_says_once_that_its_rows_are_too_few():
    def page(verdict):
        import streamlit as st

        from workbench.pages import _compare

        sides = {f"{when}{side}": 0.5 for when in ("before", "after", "change") for side in ("", "_low", "_high")}
        _compare._card(st, {"task": "sentiment", "metric": "macro_f1", "n": 12, "verdict": verdict, **sides}, "sentiment")

    for verdict in ("too few rows to tell", "new"):
        told = AppTest.from_function(page, args=(verdict,)).run().caption[0].value
        assert told.count("too few rows to tell") == 1


def test_a_task_without_a_before_is_new():
    frame = _compare.compare({}, {"tone": {"metrics": {"macro_f1": METRIC}}})
    assert frame["verdict"].tolist() == ["new"] and pd.isna(frame["change"].iloc[0])
    assert len(_compare.main_metrics(frame)) == 1
    assert context.home() is not None


def test_where_the_active_version_is_gone_nothing_is_taught_over_the_bare_base(open_page, home):
    at = open_page()
    shutil.rmtree(Registry(home).active().folder)
    at.run()
    assert not at.exception and "The active model is missing" in [found.value for found in at.subheader]
    assert "1 · Labelled rows" not in [found.value for found in at.subheader]
