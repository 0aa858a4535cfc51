import pandas as pd
import pytest

from workbench.export import to_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    text = to_csv(pd.DataFrame({"a": [start + "1"]})).decode("utf-8-sig")
    assert "'" + start in text
