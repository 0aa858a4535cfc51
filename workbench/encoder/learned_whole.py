"""What versions learned without holding any of it out: no test rows any more, for them and for all that come from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.encoder.corpus import Corpus
from workbench.registry import ModelVersion, Registry
from workbench.shop.plain import clean
from workbench.shop.store import Store

Pairs = set[tuple[str, str]]  # (task, upload)
Taught = dict[tuple[str, str], set[str]]


def learned_whole(registry: Registry, version: ModelVersion | None) -> Pairs:
    """The (task, upload) whose rows a version, or one that it comes from, learned without holding any out."""
    known, found = {v.id: v for v in registry.versions()}, set()
    while version is not None:
        info = version.info
        kept = info.get("learned_whole") or []
        if kept is True:  # versions that said so of themselves alone
            kept = [(task, info["upload"]) for task in info.get("tasks") or [info["task"]]]
        found |= {(task, upload) for task, upload in kept}
        version = known.get(info.get("parent") or "")
    return found


def measured_before(registry: Registry, version: ModelVersion) -> set[str]:
    """The tasks whose published figures are of weights that had not learned the test rows yet: the version itself then learned them."""
    parent = next((v for v in registry.versions() if v.id == version.info.get("parent")), None)
    return {task for task, _ in learned_whole(registry, version) - learned_whole(registry, parent)}


def taught_texts(store: Store) -> Taught:
    """The labelled texts by task and upload."""
    made: Taught = {}
    for task, upload, text in store.rows("SELECT task, upload, text FROM labels"):
        made.setdefault((task, upload), set()).add(clean(text))
    return made


def keep_learned(corpus: Corpus, taught: Taught, whole: Pairs) -> Corpus:
    """The corpus with what was learned whole among the rows that are learned; itself where there is nothing to move."""
    moved = {}
    for name, rows in corpus.text_rows.items():
        texts = set().union(*(taught.get(pair, set()) for pair in whole if pair[0] == name))
        held = [i for i in np.flatnonzero(rows.split != "train") if corpus.texts[rows.text[i]] in texts] if texts else []
        if held:
            split = rows.split.copy()
            split[held] = "train"
            moved[name] = replace(rows, split=split)
    return replace(corpus, text_rows={**corpus.text_rows, **moved}) if moved else corpus
