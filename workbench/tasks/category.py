"""A product's category, from its title, brand and description.

The most special level of the path that has enough products counts: 'Audio > Headphones' stays
whole where five products share it, else it is learned as 'Audio'. Each level of the path is
learned: the probability of 'Audio' is the sum over all that begins with it.
"""

from __future__ import annotations

from collections import Counter

from workbench.shop.store import Store
from workbench.tasks.base import Examples, Outputs, Task
from workbench.tasks.classes import LEAST_PER_LABEL, classify
from workbench.tasks.labelled_rows import key_of, taught
from workbench.tasks.texts import product_texts

SEPARATOR = " > "


def missing(store: Store) -> str | None:
    made = examples(store)
    if len(made.labels) >= 2:
        return None
    return f"needs two categories with at least {LEAST_PER_LABEL} products that have a text, there are {len(made.labels)}"


def examples(store: Store) -> Examples:
    texts = product_texts(store)
    paths = dict(
        store.rows("SELECT product_id, category FROM products WHERE category IS NOT NULL AND title IS NOT NULL ORDER BY product_id")
    )
    counts = Counter(prefix for path in paths.values() for prefix in _prefixes(path))
    rows = [(key, texts[key], _deepest(path, counts)) for key, path in paths.items()]
    rows += [(key_of(text), text, label) for text, label in taught(store, "category")]
    made = classify(rows)
    made.outputs, made.told = paths_of(made.labels), made.targets
    return made


def paths_of(labels: list[str]) -> Outputs:
    """The labels as paths: each is taught at every level as the set of labels that begin like it."""
    prefixes = [_prefixes(label) for label in labels]
    targets = [[[i for i, its in enumerate(prefixes) if prefix in its] for prefix in path] for path in prefixes]
    return Outputs(labels, list(range(len(labels))), targets)


def _prefixes(path: str) -> list[str]:
    parts = path.split(SEPARATOR)
    return [SEPARATOR.join(parts[: i + 1]) for i in range(len(parts))]


def _deepest(path: str, counts: Counter[str]) -> str:
    enough = [prefix for prefix in _prefixes(path) if counts[prefix] >= LEAST_PER_LABEL]
    return enough[-1] if enough else ""


TASK = Task("category", "Product category", "classify", "product", "macro_f1", missing, examples, predicts="products")
