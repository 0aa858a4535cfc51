"""The app: pages are found by their files, the sidebar says what they stand on, a held shop is explained."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from app_page import words
from joint_space import fill, publish
from streamlit.testing.v1 import AppTest
from test_cli import HOLD

from workbench.app import PAGES, places
from workbench.components import context
from workbench.shop.store import Store

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def app(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    context._open.clear()
    context._space.clear()
    yield lambda: AppTest.from_file(str(ROOT / "workbench" / "cli" / "serve.py"), default_timeout=30).run()
    context._open.clear()


def test_a_page_is_found_by_its_file_and_not_imported(tmp_path):
    (tmp_path / "zebra.py").write_text('TITLE = "Zebra"\nICON = ":material/x:"\nORDER = 5\nraise SystemExit\n')
    (tmp_path / "_part.py").write_text('TITLE = "Part"\nICON = ""\nORDER = 1\n')
    (tmp_path / "helper.py").write_text("X = 1\n")
    assert [(p.name, p.title, p.order) for p in places(tmp_path)] == [("zebra", "Zebra", 5)]


def test_the_pages_of_the_app_have_titles_icons_and_one_order_each():
    found = places(PAGES)
    assert found[0].name == "overview"
    assert len({p.order for p in found}) == len(found) and all(p.icon.startswith(":material/") for p in found)


def test_the_app_opens_on_the_overview_and_names_model_and_data(app, home):
    with Store.open(home) as store:
        fill(store)
    made = publish(home)
    at = app()
    assert not at.exception
    told = [c.value for c in at.sidebar.caption]
    assert told[:2] == [f"Model {made.id}", "Data version 1"]
    assert at.title[0].value == "Overview"


def test_the_app_goes_on_where_the_active_version_is_gone_and_says_how_to_promote_another(app, home):
    with Store.open(home) as store:
        fill(store)
    first, second = publish(home), publish(home)
    shutil.rmtree(second.folder)
    at = app()
    assert not at.exception
    told = " ".join(text.value for text in at.sidebar.text)
    assert f"{second.id} is missing" in told and f"(there are: {first.id})" in told
    assert at.sidebar.caption[0].value == "Data version 1"
    assert "The active model is missing" in [found.value for found in at.subheader]
    assert not [found.value for found in at.subheader if found.value == "Next: train a model"]


def test_a_held_shop_is_explained_on_the_page(app, home):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(home.root)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert holder.stdout.readline().strip() == "open"
        at = app()
        assert not at.exception
        assert f"held by process {holder.pid}; its data is untouched" in words(at)
    finally:
        holder.kill()
        holder.wait()


def test_streamlit_finds_no_pages_of_its_own_beside_the_script():
    assert not (ROOT / "workbench" / "cli" / "pages").exists()
    assert "serve.py" in (ROOT / "workbench" / "cli" / "doors.py").read_text()
