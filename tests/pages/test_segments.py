import json

import numpy as np
import pandas as pd
import planted_segments as planted
import pytest
from streamlit.testing.v1 import AppTest

from workbench import jobs
from workbench.components import context
from workbench.insights import segments
from workbench.pages import _segment_map
from workbench.run import Run
from workbench.shop.space import Space
from workbench.shop.store import Store


def draw():
    from workbench.components import states
    from workbench.pages import segments

    with states.guard():
        segments.render()


@pytest.fixture
def open_page(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))

    def opened(*, made=True, model=True, **query):
        with Store.open(home) as store:
            if made:
                planted.ready(home, store)
            else:
                planted.fill(store)
                if model:
                    planted.publish(home)
        page = AppTest.from_function(draw, default_timeout=20)
        for name, value in query.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    return opened


def said(page):
    return " ".join(str(e.value) for e in [*page.text, *page.caption, *page.markdown, *page.subheader, *page.title])


def frames(page):
    return [frame.value for frame in page.dataframe]


def test_noise_and_stability_are_shown_in_plain_words(open_page):
    page = open_page()
    assert [(m.label, m.value) for m in page.metric] == [
        ("Segments", "3"),
        ("Users", "120"),
        ("Unclear users", "10%"),
        ("Stability over seeds", "0.97"),
    ]
    assert "90% of the users fall clearly into a group" in said(page)
    glance = next(f for f in frames(page) if "Buys again" in f)
    assert glance["Users"].tolist() == [40, 40, 40]
    assert glance["Buys again"].tolist() == ["90%", "50%", "10%"]


def test_a_link_opens_one_segment(open_page):
    page = open_page(segment="Kids · critical reviewers")
    assert "Segment of 40 users" in said(page)
    assert "100% of their 40 reviews are negative" in said(page)
    behaviour = next(f for f in frames(page) if "Measure" in f)
    assert behaviour.set_index("Measure").loc["Average stars given", "Compared"] == "clearly less than the others"
    table = next(frame for frame in page.dataframe if "user_id" in frame.value)
    members = table.value
    assert list(table.proto.column_order) == ["user_id", "name", "clear", "strength"]
    assert set(members["segment"]) == {2} and len(members) == 40


def test_a_link_to_a_segment_that_is_gone_shows_all(open_page):
    assert "Segments at a glance" in said(open_page(segment="Never heard of"))


def test_a_chosen_segment_has_its_profile(open_page):
    page = open_page()
    page.selectbox(key="segment").select("Electronics · occasional buyers").run()
    assert not page.exception
    assert "bring 79% of the revenue" in said(page)


def test_customers_text_is_never_markdown(open_page):
    page = open_page(segment="Home · frequent buyers")
    marked = " ".join(str(e.value) for e in [*page.markdown, *page.caption, *page.subheader])
    assert "<b>" not in marked and "script" not in marked and "=HYPERLINK" not in marked


def test_without_a_model_the_way_there_is_named(open_page):
    page = open_page(made=False, model=False)
    assert "No model yet" in said(page)
    assert not page.metric


def test_missing_segments_can_be_found_by_a_job(open_page, monkeypatch, home):
    started = []

    def start(where, kind, spec):
        started.append((kind, spec))
        return Run.create(where, kind, {k: str(v) for k, v in spec.items()})

    monkeypatch.setattr(jobs, "start", start)
    page = open_page(made=False)
    assert "have not been made yet" in said(page)
    page.button(key="find-segments").click().run()
    assert not page.exception
    [(kind, spec)] = started
    assert kind == "derive" and spec["version"].startswith("v") and spec["snapshot"].exists()
    assert page.query_params["run"]
    assert "Finding segments" in said(page)
    assert not any(b.key == "find-segments" for b in page.button)


def test_a_model_that_knows_too_few_customers_says_what_is_missing(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    with Store.open(home) as store:
        planted.fill(store, each=10)
        planted.publish(home, each=10)
    page = AppTest.from_function(draw, default_timeout=20).run()
    assert "Too few customers to group" in [heading.value for heading in page.subheader]
    assert any("at least 50 users" in text.value and "knows 30" in text.value for text in page.text)
    assert "find-segments" not in [button.key for button in page.button]


def test_older_segments_are_shown_and_said_to_be_old(open_page, home):
    page = open_page()
    with context.store().transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('new')")
    page.run()
    assert "Made from data version 1; the shop is at 2 now" in said(page)
    assert page.metric[0].value == "3"


def test_users_who_are_all_alike(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    with Store.open(home) as store:
        planted.fill(store)
        space = Space(store, planted.publish(home))
        segments.save(store, space, sorted(planted.users()), planted.none(120))
    page = AppTest.from_function(draw, default_timeout=20).run()
    assert not page.exception
    assert "No group stands out" in said(page)
    assert page.selectbox(key="segment").options == ["All users"]


def members() -> pd.DataFrame:
    return pd.DataFrame({"user_id": ["a", "b", "c", "d"], "x": [0.0, 1.0, 2.0, 0.5], "y": [0.0, 1.0, 2.0, 3.0]})


def test_boxes_and_lassos_hold_users():
    box = {"x": [1.5, -0.5], "y": [-1, 1.5]}
    lasso = {"x": [1.8, 2.2, 2.2, 1.8], "y": [1.8, 1.8, 2.2, 2.2]}
    assert _segment_map.selected(members(), {"box": [box]}) == ["a", "b"]
    assert _segment_map.selected(members(), {"box": [box], "lasso": [lasso]}) == ["a", "b", "c"]
    assert _segment_map.selected(members(), {}) == []


def test_the_map_keeps_its_room_beside_many_names(home, store):
    _, found = planted.ready(home, store)
    many = found.members.assign(segment=range(len(found.members)))
    assert _segment_map.figure(found, many.head(13), None).layout.height == _segment_map.HEIGHT + 9 * _segment_map.ENTRY


def test_a_lasso_may_be_hollow():
    ring_x, ring_y = np.array([0, 4, 4, 3, 3, 1, 1, 0.0]), np.array([0, 0, 4, 4, 1, 1, 4, 4.0])
    x, y = np.array([2.0, 0.5, 3.5, 2.0]), np.array([2.0, 2.0, 2.0, 0.5])
    assert _segment_map.within(x, y, ring_x, ring_y).tolist() == [False, True, True, True]


def test_the_map_shows_names_and_ids_literally(home, store):
    _, found = planted.ready(home, store)
    figure = _segment_map.figure(found, found.members, 1)
    assert [trace.type for trace in figure.data] == ["scattergl"] * 3
    assert figure.data[0].marker.opacity == figure.data[2].marker.opacity == _segment_map.BEHIND
    assert set(figure.data[1].marker.opacity) == {_segment_map.CLEAR, _segment_map.UNCLEAR}
    assert sum(len(trace.x) for trace in figure.data) == 120
    assert figure.layout.legend.yanchor == "top" and figure.layout.height == _segment_map.HEIGHT
    assert "<script" not in json.dumps(figure.to_plotly_json(), default=str)
