"""What sets a group apart: log-odds with a prior, shares with intervals, the words of texts.

The log-odds with an informative Dirichlet prior are those of Monroe, Colaresi and Quinn, "Fightin'
Words" (Political Analysis 2008), equations 15 to 22: unlike a plain ratio they do not let rare
things win.
"""

from __future__ import annotations

import re
from math import sqrt

import numpy as np
import pandas as pd

PRIOR = 50.0
_WORD = re.compile(r"[^\W\d_][\w'’-]*[^\W_]|[^\W\d_]")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_COMMON_TEXT = """
a about after again all also always am an and another any are aren't as at back be because been before being both bought but by
came can can't come could day did didn't do does doesn't don't down each even ever every few first for from get gets getting give go
goes going good got great had has have haven't he her here him his how i i'd i'll i'm i've if in into is isn't it it's its just know
last let like little long lot made make makes many me more most much must my never new no not now of off on one only or other our out
over own put really same say see she should since so some still such take than that that's the their them then there these they thing
things think this those though three through time to too took try two under until up us use used using very want was wasn't way we well
were what when where which while who why will with without won't work works would year you you're your
的 了 是 我 很 也 都 在 就 不 有 和 还 没 没有
这 这个 那 一 一个 到 说 要 会 你 他 她 它 们 我们 他们 但 但是 吧 啊 呢 吗 被 给
对 从 而 因为 所以 可以 不错 非常
真的 比较"""
_COMMON = frozenset(_COMMON_TEXT.split())


def wilson(k: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share of `k` in `n` (Wilson 1927); (0, 1) where `n` is 0."""
    if n <= 0:
        return 0.0, 1.0
    p = k / n
    middle, spread, scale = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)), 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def log_odds(inside: pd.Series, outside: pd.Series) -> pd.DataFrame:
    """How much more often things occur in a group than in the rest.

    Both are counts by name. Returns, by name: `n` (count in the group), `share` and `elsewhere` (of
    all counts in the group and in the rest), `lift` (their ratio, smoothed by half a count) and `z`
    (the log-odds ratio in standard errors), highest `z` first.
    """
    counts = pd.DataFrame({"in": inside, "out": outside}).fillna(0.0)
    total = counts.sum()
    prior = PRIOR * (counts["in"] + counts["out"]) / max(total.sum(), 1.0)
    delta, variance = np.zeros(len(counts)), np.zeros(len(counts))
    for side, sign in (("in", 1), ("out", -1)):
        y = counts[side] + prior
        delta += sign * np.log(y / (total[side] + PRIOR - y).clip(lower=1e-9)).to_numpy()
        variance += (1 / y).to_numpy()
    share, elsewhere = counts["in"] / max(total["in"], 1.0), counts["out"] / max(total["out"], 1.0)
    smooth = ((counts["in"] + 0.5) / (total["in"] + 0.5)) / ((counts["out"] + 0.5) / (total["out"] + 0.5))
    made = pd.DataFrame(
        {"n": counts["in"].astype(int), "share": share, "elsewhere": elsewhere, "lift": smooth, "z": delta / np.sqrt(variance)}
    )
    return made.rename_axis("name").reset_index().sort_values(["z", "n", "name"], ascending=[False, False, True]).reset_index(drop=True)


def words(text: str) -> set[str]:
    """The different words of a text in lower case, without the commonest; Chinese is cut into words by jieba."""
    lowered = text.lower()
    found = {w for w in _WORD.findall(_HAN.sub(" ", lowered)) if len(w) > 2}
    if runs := _HAN.findall(lowered):
        import jieba

        jieba.setLogLevel(60)
        found.update(w for run in runs for w in jieba.cut(run) if len(w) > 1)
    return found - _COMMON
