"""What an error advises fits the door it is read at: the command line's options, or the page's own controls."""

import ast
import re
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError

PACKAGE = Path(__file__).resolve().parents[1] / "workbench"
FILES = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "cli"]
OPTION = re.compile(r"(^|[\s(])(--[a-z]|workbench [a-z]+)")
ERRORS = {"WorkbenchError", "Fault", "Interrupted"}


def advice(tree):
    """(line, the words of the fix, whether there are others for the page) of every error that is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and len(node.args) > 1:
            words = "".join(str(part.value) for part in ast.walk(node.args[1]) if isinstance(part, ast.Constant))
            yield node.lineno, words, any(keyword.arg == "page" for keyword in node.keywords)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_option_of_the_command_line_is_not_advised_on_a_page(path):
    told = advice(ast.parse(path.read_text(encoding="utf-8")))
    assert [line for line, words, page in told if OPTION.search(words) and not page] == []


def test_the_page_says_what_the_command_line_says_unless_told_otherwise():
    assert WorkbenchError("Nothing.", "Train one.").page == "Train one."
    assert WorkbenchError("Nothing.", "workbench train", page="Press Train.").page == "Press Train."
