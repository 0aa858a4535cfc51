"""Parts that pages share: filters in the URL, literal errors, safe downloads, charts with their tables."""

import json

import pandas as pd
import pytest
from app_page import words
from joint_space import NASTY
from streamlit.testing.v1 import AppTest

from workbench.components import charts, context, downloads, metrics, progress, tables
from workbench.run import Run
from workbench.shop.store import Store


def filters():
    from datetime import date

    import streamlit as st

    from workbench.components import url

    grain = url.choice("By", ["day", "week", "month"], "grain", "week")
    brand = url.choice("Brand", [f"b{i}" for i in range(9)], "brand")
    tastes = url.choices("Category", ["audio", "garden"], "category")
    word = url.text("Search", "q")
    span = url.dates("Days", "days", date(2024, 1, 1), date(2024, 12, 31))
    st.text(repr((grain, brand, tastes, word, span)))


def asked(**query) -> tuple:
    import datetime  # noqa: F401 - eval below names it

    at = AppTest.from_function(filters)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return eval(at.text[0].value)


def test_filters_have_their_defaults_without_a_link():
    assert asked() == ("week", "b0", [], "", None)


def test_a_link_sets_every_filter():
    got = asked(grain="month", brand="b7", category=["garden"], q=" amp ", days=["2024-02-01", "2024-03-01"])
    assert got[:4] == ("month", "b7", ["garden"], "amp")
    assert [d.isoformat() for d in got[4]] == ["2024-02-01", "2024-03-01"]


def test_what_a_link_asks_for_and_is_not_there_is_ignored():
    assert asked(grain="century", brand="b99", category=["audio", "cars"]) == ("week", "b0", ["audio"], "", None)


def same_titles():
    import streamlit as st

    from workbench.components import url

    titles = {"": "all", "A1": "T-shirt", "A2": "T-shirt", "B1": "Mug", "C1": "A2"}
    st.text(url.choice("Product", list(titles), "product", segmented=False, format_func=titles.__getitem__))


@pytest.mark.parametrize("asked", ["A1", "A2", "B1", "Mug", "T-shirt · A2", "C1", "T-shirt"])
def test_options_of_one_title_are_told_apart_and_found_by_a_link_of_either_form(asked):
    at = AppTest.from_function(same_titles)
    at.query_params["product"] = asked
    at.run()
    assert not at.exception
    assert at.text[0].value == {"Mug": "B1", "T-shirt · A2": "A2", "T-shirt": ""}.get(asked, asked)
    kept = {"A1": "T-shirt · A1", "A2": "T-shirt · A2", "B1": "Mug", "C1": "A2 · C1"}.get(asked, asked)
    assert at.query_params.get("product") in ([None, []] if asked == "T-shirt" else [kept, [kept]])


def test_each_of_two_options_of_one_title_can_be_chosen_also_after_a_link():
    at = AppTest.from_function(same_titles)
    at.query_params["product"] = "B1"
    at.run()
    for product in ("A1", "A2", "C1", ""):
        at.selectbox[0].select(product).run()
        assert not at.exception and at.text[0].value == product
    assert at.selectbox[0].options == ["all", "T-shirt · A1", "T-shirt · A2", "Mug", "A2 · C1"]


def failing(problem):
    from workbench.components import states
    from workbench.errors import WorkbenchError

    with states.guard():
        raise WorkbenchError(problem, "Mend it.")


def test_an_error_is_shown_as_literal_text():
    at = AppTest.from_function(failing, args=(NASTY,)).run()
    assert [t.value for t in at.text] == [NASTY, "Mend it."]
    assert not any(NASTY in m.value for m in at.markdown)


def emptied():
    from workbench.components import states

    states.empty("Nothing yet", "Import <b>data</b>", "Import", "data")


def test_an_empty_state_says_what_to_do_and_has_the_button():
    at = AppTest.from_function(emptied).run()
    assert at.subheader[0].value == "Nothing yet" and at.text[0].value == "Import <b>data</b>"
    at.button[0].click().run()
    assert not at.exception


def drawn():
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.components import charts

    figure = charts.tidy(go.Figure(go.Scatter(x=[1, 2], y=[3, 4])))
    charts.show(figure, key="c", alt="a line", table=pd.DataFrame({"text": ["=1+1"]}))


def test_a_chart_has_its_description_table_and_downloads():
    at = AppTest.from_function(drawn).run()
    assert not at.exception
    assert at.dataframe[0].value["text"].tolist() == ["=1+1"]
    assert [b.label for b in at.get("download_button")] == ["CSV", "XLSX"]
    assert at.get("plotly_chart")[0].proto.alt == "a line"


def test_the_palette_tells_negative_from_positive_and_never_runs_out():
    assert len({charts.NEGATIVE, charts.NEUTRAL, charts.POSITIVE}) == 3
    assert len(set(charts.CATEGORICAL)) == len(charts.CATEGORICAL) == 8
    assert charts.colour(8) == charts.colour(0) and charts.colour(-1) == charts.NEUTRAL
    assert charts.faint("#1B82C4", 0.5) == "rgba(27,130,196,0.5)"


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (89, "89 s"), (100, "2 min"), (3900, "1 h 5 min")])
def test_durations_as_people_say_them(seconds, said):
    assert progress.duration(seconds) == said


def live():
    from workbench.components import progress

    nan = float("nan")
    curve = [
        *(
            {"task": task, "step": step, "epoch": 0, "loss": size / (step + 1)}
            for step in range(3)
            for task, size in (("sentiment", 3), (progress.KEPT, 0))
        ),
        *({"task": "sentiment", "metric": "macro_f1", "step": epoch, "epoch": epoch, "value": 0.5 + epoch / 10} for epoch in range(3)),
        {"task": "tone", "metric": "macro_f1", "step": 2, "epoch": 2, "value": nan},
    ]
    progress.losses(curve, key="loss")
    progress._validation(curve, key="validation")


def test_losses_stand_side_by_side_and_validation_metrics_are_told():
    at = AppTest.from_function(live).run()
    assert not at.exception
    drawn = {trace["name"]: trace["y"] for trace in json.loads(at.get("plotly_chart")[0].proto.spec)["data"]}
    assert set(drawn) == {"closeness to the parent", "Review sentiment"}
    frame = at.dataframe[0].value.set_index("task")
    assert frame.loc["Review sentiment", ["metric", "first", "latest"]].tolist() == ["macro F1", 0.5, 0.7]
    assert "after epoch 2" in at.caption[0].value and "none of them is spared" in at.caption[1].value


def test_a_headline_takes_the_best_rival_on_the_deciding_metric():
    figure = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    rivals = {"popularity": {"ndcg_at_10": {**figure, "value": 0.2}}, "ease": {"ndcg_at_10": {**figure, "value": 0.6}, "hr_at_10": figure}}
    measured = {"tasks": {"next_item": {"metrics": {"hr_at_10": figure, "ndcg_at_10": figure}, "baselines": rivals}, "empty": {}}}
    (headline,) = metrics.headlines(measured)
    assert (headline.name, headline.baseline_name, headline.change) == ("NDCG@10", "EASE", pytest.approx(-0.1))
    assert len(metrics.table(measured)) == 5


BEFORE = {"value": 0.31, "low": 0.27, "high": 0.35, "n": 400}


@pytest.mark.parametrize(
    ("low", "high", "value", "said"),
    [
        (0.36, 0.5, 0.4, "better"),
        (0.1, 0.2, 0.15, "worse"),
        (0.3, 0.4, 0.35, "no difference beyond chance"),
        (0.27, 0.35, 0.31, "unchanged"),
    ],
)
def test_better_and_worse_are_only_said_where_intervals_do_not_touch(low, high, value, said):
    assert metrics.verdict(BEFORE, {"value": value, "low": low, "high": high, "n": 400}) == said


def test_less_is_better_for_errors_and_drawn_so():
    before, after = {"value": 0.2, "low": 0.18, "high": 0.22, "n": 400}, {"value": 0.1, "low": 0.08, "high": 0.12, "n": 400}
    assert metrics.verdict(before, after, metric="ece") == "better" and metrics.verdict(after, before, metric="mae_stars") == "worse"
    assert metrics.delta(-0.1, "better")["delta_color"] == "inverse"


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.01, 0.05, "better"), (-0.01, 0.05, "no difference beyond chance"), (-0.05, -0.01, "worse")]
)
def test_a_paired_difference_decides_where_the_intervals_touch(low, high, said):
    assert metrics.verdict(BEFORE, {**BEFORE, "value": 0.33}, {"value": 0.02, "low": low, "high": high, "n": 400}) == said


def test_of_three_rows_nothing_is_said():
    few = {"value": 1.0, "low": 1.0, "high": 1.0, "n": 3}
    assert metrics.verdict({"value": 0.2, "low": 0.0, "high": 0.7, "n": 3}, few) == "too few rows to tell"


@pytest.mark.parametrize(
    ("change", "verdict", "told"),
    [
        (0.1, "better", ("+0.100", "normal", "auto")),
        (-0.1, "no difference beyond chance", ("-0.100", "off", "off")),
        (-0.0002, "worse", ("±0", "normal", "auto")),
    ],
)
def test_a_change_has_colour_and_arrow_only_where_it_is_sure(change, verdict, told):
    assert tuple(metrics.delta(change, verdict).values()) == told


def headed():
    import pandas as pd

    from workbench.components import tables

    frame = pd.DataFrame({"product_id": ["p1", None], "n": [1, 2], "NDCG@10": [0.1, 0.2], "share": ["9%", "12%"]})
    tables.show(frame, "few", "few", right=["share"], column_config={"NDCG@10": "its rank"})
    tables.show(pd.DataFrame({"a": range(11)}), "many", "many")


def test_a_table_has_headings_a_dash_for_nothing_and_no_empty_rows():
    few, many = AppTest.from_function(headed).run().dataframe
    told = {name: (config.get("label"), config.get("alignment")) for name, config in json.loads(few.proto.columns).items()}
    assert told["product_id"] == ("Product id", None) and told["n"] == ("n", None) and told["NDCG@10"] == ("Its rank", None)
    assert told["share"] == ("Share", "right")
    assert few.proto.placeholder == tables.NOTHING and few.proto.alt == "few"
    assert tables.height(10) == "content" and tables.height(11) == tables.height(500) == 35 + 350 + 17
    assert len(many.value) == 11


def help_line():
    from workbench.components import states

    states.how("By counting.")


def needing():
    from workbench.components import needed

    needed.model()


@pytest.mark.parametrize(("rows", "training", "said"), [(0, 0, "This shop is empty"), (1, 0, "No model yet"), (1, 1, "being trained")])
def test_a_page_that_needs_a_model_says_what_comes_first(home, monkeypatch, rows, training, said):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    with Store.open(home) as store, store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) SELECT 'u' FROM range(?)", [rows])
    if training:
        Run.create(home, "train", {})
    at = AppTest.from_function(needing).run()
    assert not at.exception and said in words(at)
    context._open(str(home.root)).close()
    context._open.clear()


def test_the_help_line_names_data_and_model_version(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    at = AppTest.from_function(help_line).run()
    assert not at.exception and "Data version 0 · model none yet" in words(at)
    context._open(str(home.root)).close()
    context._open.clear()


def test_an_empty_frame_downloads_too():
    from workbench.export import to_csv, to_xlsx

    assert to_csv(pd.DataFrame({"a": []})).decode("utf-8-sig").strip() == "a"
    assert to_xlsx({"t": pd.DataFrame({"a": []})})[:2] == b"PK"


def test_dots_lie_at_their_values_and_move_apart_only_side_by_side(monkeypatch):
    from workbench.components import charts, intervals

    drawn = []
    monkeypatch.setattr(charts, "show", lambda figure, **_: drawn.append(figure))
    dots = [intervals.Dots("better", charts.POSITIVE, [("EASE", {"value": 1.0, "low": 0.9, "high": 1.1})])]
    intervals.show(dots, "key", "alt", zero=True)
    intervals.show(dots, "key", "alt", side_by_side=True)
    alone, beside = drawn
    assert alone.layout.scattermode is None and list(alone.data[0].x) == [1.0]
    assert beside.layout.scattermode == "group" and beside.data[0].orientation == "h"


def test_files_hold_the_whole_where_the_page_shows_a_part(monkeypatch):
    handed = {}
    monkeypatch.setattr(downloads.st, "download_button", lambda label, data, **rest: handed.update({label: data()}))
    part, whole = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2, 3]})
    downloads.table_downloads(part, "rows", "rows", whole=lambda: whole)
    assert handed["CSV"].decode("utf-8-sig").split() == ["a", "1", "2", "3"]
    downloads.table_downloads(part, "rows", "rows")
    assert handed["CSV"].decode("utf-8-sig").split() == ["a", "1"] and handed["XLSX"][:2] == b"PK"


def test_two_categories_of_a_colour_differ_in_shape():
    looks = {(charts.colour(position), charts.symbol(position)) for position in range(-1, 4 * len(charts.CATEGORICAL))}
    assert len(looks) == 1 + 4 * len(charts.CATEGORICAL)
    assert {charts.symbol(position) for position in range(-1, len(charts.CATEGORICAL))} == {"circle"}


@pytest.mark.parametrize(("length", "height"), [(10, tables.WRAPPED), (350, 128), (500, 168), (9000, 168)])
def test_rows_for_reading_are_as_high_as_the_longest_text_needs(length, height):
    assert tables.reading(["short", "x" * length], 470) == height
