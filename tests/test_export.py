import io

import pandas as pd
import pytest

from workbench import export
from workbench.export import to_csv, to_xlsx


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    text = to_csv(pd.DataFrame({"a": [start + "1"]})).decode("utf-8-sig")
    assert "'" + start in text


def test_a_workbook_holds_more_rows_than_a_sheet(monkeypatch):
    monkeypatch.setattr(export, "SHEET_ROWS", 2)
    book = pd.read_excel(
        io.BytesIO(to_xlsx({"reviews": pd.DataFrame({"a": range(5)}), "none": pd.DataFrame({"a": []})})), sheet_name=None, engine="openpyxl"
    )
    assert {name: len(rows) for name, rows in book.items()} == {"reviews": 2, "reviews (2)": 2, "reviews (3)": 1, "none": 0}


def test_a_text_longer_than_a_cell_is_cut_and_not_lost():
    book = pd.read_excel(io.BytesIO(to_xlsx({"reviews": pd.DataFrame({"a": ["x" * 40_000, "y"]})})), engine="openpyxl")
    assert book["a"].tolist() == ["x" * 32_766 + "…", "y"]
