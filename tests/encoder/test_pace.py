"""The warm-up measures a base's pace and grows with what is asked of it."""

from tiny_base import tiny_base

from workbench.encoder.pace import pace

TEXTS = [f"my parcel number {i} has not come yet" for i in range(32)]


def test_more_rows_and_a_larger_shop_take_longer(home):
    (home.models / "recipes").mkdir()
    recipe = f'base = "{tiny_base(home.root / "base")}"\nepochs = 2\nmax_length = 16\n'
    (home.models / "recipes" / "quick.toml").write_text(recipe)
    asked = {"parent": None, "recipe": "quick", "train": "all", "texts": TEXTS, "labels": 2}
    small = pace(home, {**asked, "rows": 200, "shop": 0})
    large = pace(home, {**asked, "rows": 200_000, "shop": 10**6})
    assert 0 < small["low"] < small["seconds"] < small["high"] and small["seconds"] < large["seconds"]
    assert small["read_per_second"] > 0 and small["learn_per_second"] > 0 and 100 < small["memory_mb"] < large["memory_mb"]
