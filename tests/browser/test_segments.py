"""The segments page in a browser: a lasso on the map, a segment in the URL, a report that opens without a network."""

import planted_segments as planted
import pytest
from live_app import chromium, served

from workbench.shop.store import Store

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(home):
    with Store.open(home) as store:
        planted.ready(home, store)
    return home


def lasso(page, corners):
    """Draw a lasso over the map through `corners`, given as shares of its width and height."""
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_a_lasso_tells_who_is_in_it(shop, tmp_path):
    with served(shop, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/segments")
        page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
        page.wait_for_timeout(1500)
        lasso(page, [(0.02, 0.02), (0.6, 0.02), (0.6, 0.45), (0.02, 0.45), (0.02, 0.03)])
        page.get_by_text("Selection of 40 users").wait_for()
        page.get_by_text("who bring 79% of the revenue").wait_for()


def test_a_chosen_segment_is_in_the_url_and_survives_a_reload(shop, tmp_path):
    with served(shop, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/segments")
        page.get_by_role("combobox", name="Segment").click()
        page.get_by_role("option", name="Kids · critical reviewers").click()
        page.get_by_text("Segment of 40 users").wait_for()
        assert "segment=Kids" in page.url
        page.reload()
        page.get_by_text("Segment of 40 users").wait_for()


def test_the_downloaded_report_opens_without_a_network(shop, tmp_path):
    with served(shop, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/segments")
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="HTML", exact=False).first.click()
        report = tmp_path / download.value.suggested_filename
        download.value.save_as(report)
    asked = []
    with chromium() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: pytest.fail("a script ran"))
        page.goto(report.as_uri())
        page.get_by_role("heading", name="Segment report").wait_for()
        page.locator("#chart-0-0 .main-svg").first.wait_for()
        assert page.get_by_text("<b>Toys</b> thing 0").count() == 1
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
