"""What is like nothing learned is told from what is."""

import numpy as np
import pytest

from workbench.encoder.corpus import TextRows
from workbench.encoder.scope import _scope, load_scopes, save_scopes
from workbench.tasks.base import tasks


def rows(validation):
    split = np.array(["train"] * 100 + ["validation"] * validation)
    n = len(split)
    return TextRows(tasks()["sentiment"], np.arange(n), np.zeros(n, np.int64), split, [str(i) for i in range(n)], ["a"])


@pytest.mark.parametrize("validation", [0, 100])
def test_what_points_elsewhere_is_outside_and_what_resembles_a_learned_text_is_not(validation, tmp_path):
    random = np.random.default_rng(0)
    pooled = np.eye(8)[0] + 0.1 * random.normal(size=(100 + validation, 8))
    save_scopes({"mood": _scope(rows(validation), pooled, 7)}, tmp_path)
    scope = load_scopes(tmp_path)["mood"]
    alike = 5 * np.eye(8)[0] + 0.5 * random.normal(size=(200, 8))
    assert scope.outside(alike).mean() < 0.1
    assert scope.outside(np.eye(8)[1:] + 0.1 * random.normal(size=(7, 8))).all()


def test_a_version_without_scopes_never_abstains(tmp_path):
    assert load_scopes(tmp_path) == {}
