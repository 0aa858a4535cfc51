import io
import re
from datetime import date

import openpyxl
import pandas as pd
import planted_segments as planted
import pytest

from workbench.errors import WorkbenchError
from workbench.insights import reports, segments
from workbench.insights.reports import html, of_sentiment, pdf
from workbench.insights.reports.document import Bars, Lines, Points, Report, Section
from workbench.shop.space import Space

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def shop(home, store):
    return store, planted.ready(home, store)[0]


def document() -> Report:
    days = [date(2025, 1, d) for d in (6, 13, 20)]
    charts = [
        Bars("Bars " + EVIL, [EVIL, "客户"], {"a </script>": [0.2, 0.4], "b": [0.5, 0.1]}, "share", stacked=True),
        Bars("Counts", ["x"], {"n": [3]}),
        Points("Map", [0, 1, 2], [1, 1, 0], ["g", EVIL, "g"]),
        Lines("Trend", days, {"negative": [0.1, float("nan"), 0.3]}, "share", marks={days[1]: EVIL}),
    ]
    table = pd.DataFrame({"Text": [EVIL, "=1+1", "质量太差"], "n": [1, 2, 3]})
    return Report(
        "test", "Title " + EVIL, ["fact " + EVIL], [Section("Part " + EVIL, [EVIL, "中文"], charts, {"Table " + EVIL: table})], {"T": table}
    )


def test_html_holds_customers_text_as_text_only():
    page = html.render(document()).decode()
    body = page[page.index("<body>") :]
    assert "&lt;script&gt;alert" in body
    assert "<script>alert" not in page
    assert body.count("<script>") == body.count("</script>") == 1


def test_html_asks_nobody_for_anything():
    page = html.render(document()).decode()
    assert "default-src 'none'" in page
    head_and_body = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert "http://" not in head_and_body and "https://" not in head_and_body
    assert "src=" not in head_and_body and "<link" not in head_and_body


def test_plotly_is_inside_once_and_only_with_charts():
    page = html.render(document()).decode()
    assert page.count("plotly.js v") == 1
    bare = Report("bare", "Bare", [], [Section("Words", ["only words"])], {})
    assert len(html.render(bare)) < 10_000


def test_two_groups_of_a_map_that_share_a_colour_differ_in_shape():
    names = [f"g{i}" for i in range(len(html.PALETTE) + 1)]
    chart = Points("Map", list(range(len(names))), [0.0] * len(names), names)
    first, last = (html._figure(chart)["data"][i]["marker"] for i in (0, -1))
    assert first["color"] == last["color"] and first["symbol"] != last["symbol"]
    signs = [type(shape).__name__ for shape in pdf._drawing(chart).contents if type(shape).__name__ != "String"]
    assert signs.count("Rect") == 2 and signs.count("Circle") == 2 * len(html.PALETTE)


def test_pdf_of_every_chart_and_language():
    data = pdf.render(document())
    assert data.startswith(b"%PDF") and len(data) > 2_000
    assert b"STSong" in data
    assert pdf.render(document()) == data


def test_long_tables_say_that_they_were_cut():
    table = pd.DataFrame({"n": range(200)})
    story = pdf._table("all", table)
    assert "first 60 of 200 rows" in story[2].text


def test_segment_report_as_html(shop):
    page = reports.segments(*shop, "html").decode()
    assert "<h1>Segment report</h1>" in page
    assert "&lt;b&gt;Toys&lt;/b&gt; thing 0" in page and "<b>Toys" not in page
    assert "Stability 0.97" in page and "10% of the users belong clearly to no group" in page
    assert page.count("<section") == 5
    assert "批" not in page and "孩子" in page


def test_segment_report_is_the_same_twice(shop):
    assert reports.segments(*shop, "html") == reports.segments(*shop, "html")
    assert reports.segments(*shop, "pdf") == reports.segments(*shop, "pdf")


def test_cells_that_look_like_formulas_are_text(shop):
    book = openpyxl.load_workbook(io.BytesIO(reports.segments(*shop, "xlsx")))
    members = book["Members"]
    ids = {row[0].value for row in members.iter_rows(min_row=2)}
    assert "'=HYPERLINK(0)" in ids
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert set(book.sheetnames) == {"Members", "Segments", "Differences", "Notes"}


def test_csv_holds_every_member(shop):
    frame = pd.read_csv(io.BytesIO(reports.segments(*shop, "csv")))
    assert len(frame) == 120
    assert {"user_id", "segment", "name", "clear", "strength"} <= set(frame.columns)
    assert "'=HYPERLINK(1)" in set(frame["user_id"])
    assert not frame["user_id"].str.startswith("=").any()


def test_a_file_is_written_by_its_ending(shop, tmp_path):
    target = tmp_path / "out" / "segments.PDF"
    target.parent.mkdir()
    assert reports.segments(*shop, target) == target.read_bytes()
    assert [p.name for p in target.parent.iterdir()] == ["segments.PDF"]


def test_an_unknown_ending_names_the_known(shop, tmp_path):
    with pytest.raises(WorkbenchError, match=r"docx.*\.html, \.pdf, \.xlsx, \.csv"):
        reports.segments(*shop, tmp_path / "segments.docx")
    with pytest.raises(WorkbenchError, match="no folder"):
        reports.segments(*shop, tmp_path / "nowhere" / "segments.pdf")


def test_no_segments_yet_says_what_to_do(home, store):
    planted.fill(store)
    with pytest.raises(WorkbenchError, match="Find segments"):
        reports.segments(store, Space(store, planted.publish(home)), "html")


def test_a_shop_without_prices_and_reviews_has_a_report(home, store):
    space = planted.ready(home, store, prices=False, reviews=False)[0]
    page = reports.segments(store, space, "html").decode()
    assert "Revenue: no purchase has a price." in page
    assert "What their reviews sound like" not in page
    assert "Share of users" in page and "Share of users and of revenue" not in page
    assert reports.segments(store, space, "pdf").startswith(b"%PDF")


def test_sentiment_report_counts_every_review(shop):
    made = of_sentiment.report(*shop)
    assert made.sheets["Over time"]["Reviews"].sum() == 120
    toys = made.sheets["Categories"].set_index("Of").loc["Kids"]
    assert toys["Reviews"] == 40 and toys["Negative"] == 1.0 and toys["Negative from"] > 0.9
    assert set(made.sheets["Products"]["Id"]) == {f"p2-{j}" for j in range(5)}
    assert {"broken", "wheels"} <= set(made.sheets["Words"]["Word"])


def test_a_gap_in_time_is_a_gap_in_the_report():
    days = [*["2024-01-05"] * 12, *["2024-02-05"] * 12, *["2024-06-05"] * 12, "2024-07-01", None]
    found = pd.DataFrame({"created_at": pd.to_datetime(days), "mood": ["negative", "positive"] * 19})
    rows = of_sentiment.over_time(found, of_sentiment._period(found))
    assert rows["Of"].map(str).tolist() == [f"2024-0{month}-01" for month in range(1, 8)]
    assert rows["Reviews"].tolist() == [12, 12, 0, 0, 0, 12, 1]
    assert rows["Negative"].isna().tolist() == [False, False, True, True, True, False, False]
    section = of_sentiment._time(rows, "month")
    assert section.text == ["Of 7 months 4 have fewer than 10 reviews; their shares are not drawn."]
    drawn = [shape for shape in pdf._lines(section.charts[0]).contents if type(shape).__name__ in ("PolyLine", "Circle")]
    lines = [type(shape).__name__ for shape in drawn[len(section.charts[0].series) :]]  # after the legend's
    assert lines == ["PolyLine", "Circle"] * 3, "January and February, then June alone"


def test_reviews_without_a_date_have_no_time():
    found = pd.DataFrame({"created_at": pd.to_datetime([None, None]), "mood": ["negative", "positive"]})
    rows = of_sentiment.over_time(found, of_sentiment._period(found))
    assert rows.empty and "do not span enough time" in of_sentiment._time(rows, "week").text[0]


def test_sentiment_report_of_a_selection(shop):
    made = of_sentiment.report(*shop, ["r0", "r1", "unknown"])
    assert "2 reviews of the selection" in made.facts[0]
    assert made.sheets["Over time"]["Positive"].tolist() == [1.0]


def test_sentiment_report_without_a_model_uses_the_stars(home, store):
    planted.fill(store)
    page = reports.sentiment(store, None, "html").decode()
    assert "Sentiment is taken from the stars (" in page
    assert "&lt;b&gt;Toys&lt;/b&gt; thing" in page and "<b>Toys" not in page


def test_sentiment_report_in_every_format(shop, tmp_path):
    for kind in reports.FORMATS:
        assert len(reports.sentiment(*shop, tmp_path / f"sentiment.{kind}")) == (tmp_path / f"sentiment.{kind}").stat().st_size > 100


def test_no_reviews_is_said(home, store):
    with pytest.raises(WorkbenchError, match="No review here has a sentiment"):
        reports.sentiment(store, None, "html")


def test_users_who_are_all_alike_have_a_report_too(home, store):
    planted.fill(store)
    space = Space(store, planted.publish(home))
    segments.save(store, space, sorted(planted.users()), planted.none(120))
    assert "No group stands out" in reports.segments(store, space, "html").decode()
    for kind in ("pdf", "xlsx", "csv"):
        assert len(reports.segments(store, space, kind)) > 100
    found = segments.load(store, space).json()
    assert found["segments"] == [] and found["noise"] == 1.0 and set(found["members"].values()) == {-1}


def moods(negatives: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Reviews of products: how many negative ones of how many."""
    rows = [(key, f"thing {key}", "negative" if i < bad else "positive") for key, (bad, n) in negatives.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["product_id", "product", "mood"]).assign(customer=[f"c{i}" for i in range(len(rows))])


def test_a_product_is_worse_only_beyond_what_chance_does_to_as_many_products():
    calm = {f"p{i:03}": (1 if i % 2 else 2, 10) for i in range(200)}
    assert of_sentiment.worse(moods(calm)).empty
    lucky = of_sentiment.worse(moods({**calm, "unlucky": (4, 10)}))
    assert lucky.empty, "4 of 10 where 15 of 100 are usual are nothing among 201 products"
    assert of_sentiment.worse(moods({"a": (4, 10), "b": (1, 40), "c": (3, 40)}))["Id"].tolist() == ["a"]
    found = of_sentiment.worse(moods({**calm, "bad": (12, 20), "worse": (9, 10)}))
    assert found["Id"].tolist() == ["worse", "bad"] and found["Product"][0] == "thing worse" and found["Negative"][0] == 0.9


def test_two_negatives_are_too_few_to_call_a_product_worse():
    assert of_sentiment.worse(moods({"few": (2, 5), "all": (0, 400)})).empty


def test_products_that_show_nothing_are_tried_too():
    unlucky = {f"u{i}": (3, 7) for i in range(4)}
    assert len(of_sentiment.worse(moods({**unlucky, "large": (8, 150)}))) == 4
    calm = {f"p{i:03}": (i % 2, 10) for i in range(300)}
    assert of_sentiment.worse(moods({**unlucky, **calm})).empty, "of 300 products a few have 3 of 7 where 1 of 20 is usual"


def test_products_that_a_report_has_no_room_for_are_counted():
    many = of_sentiment.worse(moods({**{f"b{i:02}": (9, 10) for i in range(25)}, "all": (0, 2000)}))
    empty = pd.DataFrame()
    section = of_sentiment._places({"Categories": empty, "Products": many, "Words": pd.DataFrame(columns=["z"])})[0]
    assert len(many) == 25 and len(section.tables["Negative reviews by product"]) == 20
    assert section.text == ["The 20 surest of 25; the spreadsheet has all."]


def test_six_negatives_of_one_customer_are_one_voice():
    shop = moods({"same": (6, 10), "all": (2, 200)})
    assert of_sentiment.worse(shop)["Id"].tolist() == ["same"]
    one = shop["customer"].mask((shop["product_id"] == "same") & (shop["mood"] == "negative"), "one")
    assert of_sentiment.worse(shop.assign(customer=one)).empty
