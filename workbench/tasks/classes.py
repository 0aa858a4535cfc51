"""The common form of a classification task: keys, texts and label words become examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workbench.tasks.base import Examples
from workbench.tasks.splits import split_of

LEAST_PER_LABEL = 5


def classify(rows: Iterable[tuple[str, str, str]]) -> Examples:
    """Examples from (key, text, label); labels with fewer than five rows are left out."""
    kept = [(key, text, label) for key, text, label in rows if text and label]
    counts = Counter(label for _, _, label in kept)
    labels = sorted(label for label, n in counts.items() if n >= LEAST_PER_LABEL)
    place = {label: i for i, label in enumerate(labels)}
    kept = [row for row in kept if row[2] in place]
    # equal texts share a split, so that no test text was ever trained on
    return Examples(
        [k for k, _, _ in kept], [t for _, t, _ in kept], [place[y] for _, _, y in kept], [split_of(t) for _, t, _ in kept], labels
    )
