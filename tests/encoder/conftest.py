"""One version trained on the small shop, for all tests of the encoder."""

import pytest
from small_shop import make_home, work

from workbench.registry import Registry


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """(home, result) of one training on the small shop."""
    home = make_home(tmp_path_factory.mktemp("shop"))
    code, result = work(home)
    assert code == 0, result
    Registry(home).promote(result["version"])
    return home, result
