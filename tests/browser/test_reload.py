"""A browser that reloads in mid-job finds the job again; a page that shows a customer's text fetches nothing for it."""

import re
import sys
from pathlib import Path

import pytest
from joint_space import NASTY, fill, publish
from live_app import chromium, served
from screenshots import settle

from workbench import jobs
from workbench.run import Run
from workbench.shop.store import Store

pytestmark = pytest.mark.browser
FAKE = str(Path(__file__).parents[1] / "jobs" / "fake_encoder.py")


@pytest.fixture
def snapshot(home):
    with Store.open(home) as store:
        fill(store)
        return store.snapshot()


def test_a_reload_finds_the_running_job_again_and_can_cancel_it(home, snapshot, tmp_path):
    run = jobs.start(home, "train", {"snapshot": snapshot}, encoder=[sys.executable, FAKE, "slow"])
    with served(home, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/?run={run.id}")
        page.get_by_text("slow", exact=True).first.wait_for()
        assert page.get_by_text(run.id).count()
        page.reload()
        page.get_by_text("so far").wait_for()
        page.get_by_label(re.compile("Training loss by task")).first.wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("Training was cancelled").wait_for()
    assert jobs.wait(run).state == "cancelled"


def test_the_first_link_after_a_start_may_lead_to_any_page(home, snapshot, tmp_path):
    with served(home, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/models")
        page.get_by_role("heading", name="Models").wait_for()
        assert page.get_by_role("link", name="Overview").count() == 1
        assert page.get_by_role("link", name="versions").count() == 0


def test_the_first_page_answers_to_its_name_too(home, snapshot, tmp_path):
    run = Run.create(home, "train", {})
    run.fail("Only one class.", "Add another.")
    with served(home, tmp_path) as address, chromium() as page:
        page.goto(f"{address}/overview?run={run.id}")
        page.get_by_text("Training failed").wait_for()
        page.get_by_role("heading", name="Overview").wait_for()
        assert page.url == f"{address}/?run={run.id}"
        assert page.get_by_role("dialog").count() == 0 and page.get_by_role("link", name="Overview").count() == 1


@pytest.mark.parametrize("address", ["sentiment?show=Reviews", "recommendations?user=u_a0"])
def test_markup_in_a_review_fetches_nothing(home, snapshot, tmp_path, address):
    publish(home)
    fetched = []
    with served(home, tmp_path) as app, chromium() as page:
        page.on("request", lambda request: fetched.append(request.url))
        page.on("dialog", lambda dialog: pytest.fail("a script ran"))
        page.goto(f"{app}/{address}")
        settle(page)
        assert "This could not be done" not in page.locator("body").inner_text()
    assert fetched and all(url.startswith((app, "data:", "blob:", app.replace("http", "ws"))) for url in fetched), fetched


def test_markup_in_an_error_is_literal_and_nothing_is_fetched(home, snapshot, tmp_path):
    publish(home)
    run = Run.create(home, "train", {})
    run.fail(NASTY, "Mend it.")
    fetched = []
    with served(home, tmp_path) as address, chromium() as page:
        page.on("request", lambda request: fetched.append(request.url))
        page.on("dialog", lambda dialog: pytest.fail("a script ran"))
        page.goto(f"{address}/?run={run.id}")
        page.get_by_text("Training failed").wait_for()
        page.get_by_text("<script>alert('x')</script>").wait_for()
    assert all(url.startswith((address, "data:", "blob:", address.replace("http", "ws"))) for url in fetched), fetched
