"""What a customer's ticket wants."""

from __future__ import annotations

from workbench.shop.plain import clean
from workbench.shop.store import Store
from workbench.tasks.base import Examples, Task
from workbench.tasks.classes import LEAST_PER_LABEL, classify
from workbench.tasks.histories import cuts
from workbench.tasks.labelled_rows import key_of, taught


def missing(store: Store) -> str | None:
    made = examples(store)
    if len(made.labels) >= 2:
        return None
    return f"needs two intents with at least {LEAST_PER_LABEL} tickets each, there are {len(made.labels)}"


def examples(store: Store) -> Examples:
    rows = store.rows("SELECT ticket_id, body, intent FROM tickets WHERE intent IS NOT NULL ORDER BY ticket_id")
    told = [(key_of(text), text, label) for text, label in taught(store, "intent")]
    made = classify([(key, clean(body), intent) for key, body, intent in rows] + told)
    cut = cuts(store)
    if cut:
        # the last ticket with a text says when the text is of: what was asked again after the cut is not learned from
        last = {clean(body): when for body, when in store.rows("SELECT body, created_at FROM tickets ORDER BY created_at, ticket_id")}
        made.splits = [cut.split_of(last.get(text), split) for text, split in zip(made.texts, made.splits, strict=True)]
    return made


TASK = Task("intent", "Ticket intent", "classify", "ticket", "macro_f1", missing, examples, predicts="tickets")
