from pathlib import Path

import pytest

from workbench.home import Home
from workbench.shop.store import Store


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find(tmp_path).make()


@pytest.fixture
def store(home: Home):
    with Store.open(home) as opened:
        yield opened
