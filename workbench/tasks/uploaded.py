"""Label sets of the user's own: every task name in `labels` that no file here defines becomes a task on reviews, products or tickets."""

from __future__ import annotations

from workbench.shop.store import Store
from workbench.tasks.base import Examples, Task, tasks
from workbench.tasks.classes import LEAST_PER_LABEL, classify
from workbench.tasks.labelled_rows import TABLES, OwnTask, key_of, taught, uploaded_tasks
from workbench.tasks.returns import DAYS, within


def uploaded(own: OwnTask) -> Task:
    """The task that the rows uploaded under its name teach."""

    def examples(store: Store) -> Examples:
        return classify((key_of(text), text, label) for text, label in taught(store, own.name))

    def missing(store: Store) -> str | None:
        labels = examples(store).labels
        return None if len(labels) >= 2 else f"needs two labels with at least {LEAST_PER_LABEL} rows each, there are {len(labels)}"

    return Task(own.name, own.title, "classify", TABLES[own.about], "macro_f1", missing, examples, predicts=own.about)


def tasks_of(store: Store, return_days: int = DAYS) -> dict[str, Task]:
    """The tasks of the project and those that this shop's people uploaded, by name; a return counts within `return_days`."""
    found = tasks() | {"return": within(return_days)}
    return found | {name: uploaded(own) for name, own in uploaded_tasks(store).items() if name not in found}
