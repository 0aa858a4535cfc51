"""What is chosen on a page can be read as its other words can, on light ground and dark."""

import pytest
from joint_space import fill, publish
from live_app import chromium, served
from screenshots import settle

from workbench.shop.store import Store

pytestmark = pytest.mark.browser
COLOURS = """() => [...document.querySelectorAll('[data-selected=true] p')].map(p => getComputedStyle(p).color)"""


def test_what_is_chosen_has_the_colour_of_text(home, tmp_path):
    with Store.open(home) as store:
        fill(store)
    publish(home)
    with served(home, tmp_path) as address:
        for theme, text in (("light", "rgb(28, 36, 48)"), ("dark", "rgb(230, 234, 240)")):
            with chromium(color_scheme=theme) as page:
                for place in ("models", "recommendations?view=Product"):
                    page.goto(f"{address}/{place}")
                    settle(page)
                    assert set(page.evaluate(COLOURS)) == {text}, "segments and tabs"
