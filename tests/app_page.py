"""A page under AppTest, opened on a home of its own, for tests of pages."""

import pytest
from streamlit.testing.v1 import AppTest

from workbench.components import context


def fixture_of(script):
    """A fixture that opens the page drawn by `script`, with query parameters."""

    @pytest.fixture
    def page(home, monkeypatch):
        monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
        context._open.clear()
        context._space.clear()

        def opened(**query):
            at = AppTest.from_function(script, default_timeout=20)
            for name, value in query.items():
                at.query_params[name] = value
            at.run()
            assert not at.exception
            return at

        yield opened
        context._open(str(home.root)).close()
        context._open.clear()

    return page


def words(at) -> str:
    """All plain text of a page."""
    return "\n".join([e.value for kind in (at.subheader, at.text, at.caption, at.markdown) for e in kind])
