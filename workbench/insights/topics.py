"""What the selected reviews talk about: clusters of their vectors, named by the words that mark them.

Seeded k-means on unit vectors (spherical in effect), words by class-based TF-IDF (Grootendorst
2022): a word's frequency in the topic times the logarithm of one plus the mean words of a topic
over the word's frequency in all.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.insights.selection import Selection
from workbench.insights.sentiment import labelled
from workbench.insights.stop_words import STOP_WORDS
from workbench.shop.space import Space
from workbench.shop.store import Store

LEAST, PER_TOPIC, MOST_TOPICS, MOST_REVIEWS = 40, 120, 12, 20_000
WORDS = 6
EXAMPLES = 3
COMMON = 0.4
_WORD = re.compile(r"[^\W\d_]{3,}")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Topic:
    """A topic: its words, number of reviews, how many have a sentiment (`known`) and the share of negatives of these; the reviews
    nearest to its centre (`examples`), the negative ones of these (`complaints`), and all."""

    words: tuple[str, ...]
    n: int
    known: int
    negative: float
    examples: tuple[str, ...]
    complaints: tuple[str, ...]
    reviews: tuple[str, ...]

    @property
    def name(self) -> str:
        return ", ".join(self.words[:3])


def find(store: Store, space: Space, selection: Selection) -> list[Topic]:
    """The topics of the selection, most negatives first; [] where it has fewer than 40 reviews with a vector."""
    where, values = selection.where()
    frame = store.frame(
        f"SELECT review_id, label, concat_ws(' ', title, body) AS text, vector FROM ({labelled(space)}) l "
        f"JOIN {space.table('reviews')} v USING (review_id) WHERE {where} ORDER BY hash(review_id), review_id LIMIT {MOST_REVIEWS}",
        values,
    )
    if len(frame) < LEAST:
        return []
    vectors = np.stack(frame["vector"].to_list()).astype(np.float32)
    words = [set(tokens(text)) for text in frame["text"]]
    groups, centres = _clusters(vectors)
    named = _merge_alike(groups, words)
    made = [_topic(frame, vectors, centres[members[0]], members[1], top) for members, top in named]
    return sorted(made, key=lambda t: (-t.known * t.negative, -t.n))


def tokens(text: str) -> list[str]:
    """Words without stop words; Chinese is cut by jieba."""
    if _HAN.search(text):
        import jieba

        return [w for w in jieba.lcut(text) if len(w) > 1 and _HAN.search(w) and w not in STOP_WORDS]
    return [w for w in _WORD.findall(text.lower()) if w not in STOP_WORDS]


def _clusters(vectors: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Row numbers of each cluster and the centres, (clusters, n)."""
    from sklearn.cluster import MiniBatchKMeans

    k = int(np.clip(len(vectors) // PER_TOPIC, 2, MOST_TOPICS))
    model = MiniBatchKMeans(k, random_state=0, n_init=5, batch_size=2048).fit(vectors)
    return [np.flatnonzero(model.labels_ == i) for i in range(k)], model.cluster_centers_


def _merge_alike(groups: list[np.ndarray], words: list[set[str]]) -> list[tuple[tuple[int, np.ndarray], tuple[str, ...]]]:
    """Clusters with the same leading words are one topic: (centre's number, rows) and its words. No row is in none."""
    named = _names([g for g in groups if len(g)], words)
    kept: dict[tuple[str, ...], tuple[int, np.ndarray]] = {}
    numbers = [i for i, g in enumerate(groups) if len(g)]
    for number, top in zip(numbers, named, strict=True):
        same = next((t for t in kept if t == top or len(set(t[:3]) & set(top[:3])) >= 2), None)
        if same is None:
            kept[top] = (number, groups[number])
        else:
            kept[same] = (kept[same][0], np.concatenate([kept[same][1], groups[number]]))
    return [(members, top) for top, members in kept.items()]


def _names(groups: list[np.ndarray], words: list[set[str]]) -> list[tuple[str, ...]]:
    """The words that mark each group; those that are common in all of them name none."""
    counts = [Counter(w for row in group for w in words[row]) for group in groups]
    total: Counter[str] = sum(counts, Counter())
    common = (w for w, n in total.items() if n > COMMON * len(words))
    everywhere = {w for w in common if all(count[w] > COMMON / 2 * len(group) for count, group in zip(counts, groups, strict=True))}
    mean = sum(total.values()) / max(1, len(groups))
    named = []
    for count in counts:
        size = max(1, sum(count.values()))
        score = {w: n / size * np.log1p(mean / total[w]) for w, n in count.items() if n >= 3 and w not in everywhere}
        named.append(tuple(sorted(score, key=lambda w: (-score[w], w))[:WORDS]) or ("other",))
    return named


def _topic(frame: pd.DataFrame, vectors: np.ndarray, centre: np.ndarray, rows: np.ndarray, words: tuple[str, ...]) -> Topic:
    ids, labels = frame["review_id"].to_numpy(), frame["label"].to_numpy()
    near = rows[np.argsort(-(vectors[rows] @ centre), kind="stable")]
    bad = near[labels[near] == "negative"]
    known = int(pd.notna(labels[rows]).sum())
    share = len(bad) / known if known else 0.0
    return Topic(words, len(rows), known, share, tuple(ids[near[:EXAMPLES]]), tuple(ids[bad[:EXAMPLES]]), tuple(ids[rows]))
