"""Labels of the user's own tasks: a column of every review that filters and trends use, and a part of who a user is."""

from __future__ import annotations

import pandas as pd

from workbench.shop.space import Space
from workbench.shop.store import Store, quote
from workbench.tasks.base import tasks
from workbench.tasks.labelled_rows import OwnTask, uploaded_tasks
from workbench.tasks.several import YES

KEYS = {"reviews": "review_id", "products": "product_id"}


def own_tasks(space: Space | None) -> list[OwnTask]:
    """The tasks of the user's own whose labels reviews or their products have."""
    known = tasks()
    found = uploaded_tasks(space.store).values() if space is not None else ()
    # a task's name becomes part of SQL: it is letters, digits and _ (`labelled.task_name`)
    fit = [own for own in found if own.name.isidentifier() and own.name not in known and own.about in KEYS]
    return [own for own in fit if space is not None and space.has_task(own.name)]


def own_labels(space: Space | None) -> dict[str, str]:
    """Every label of the tasks of the user's own, as `taught` writes it, with its words; of a set of labels only those that say yes."""
    made = {}
    for own in own_tasks(space):
        assert space is not None
        for label in space.labels(own.name):
            if own.family == own.name:
                made[f"{own.name}: {label}"] = f"{own.title}: {label}"
            elif label == YES:
                made[f"{own.name}: {label}"] = own.title
    return made


def taught_sql(space: Space | None) -> str:
    """SQL of the own labels of each review: review_id, taught (a list of "task: label"); "" where there are none."""
    parts = [
        f"SELECT r.review_id, '{own.name}: ' || t.label AS taught FROM reviews r "
        f"JOIN {space.table(f'predictions_{own.name}')} t ON t.key = r.{KEYS[own.about]}"
        for own in own_tasks(space)
        if space is not None
    ]
    return f"SELECT review_id, list(taught) AS taught FROM ({' UNION ALL '.join(parts)}) GROUP BY review_id" if parts else ""


def probability_sql(space: Space | None, taught: str) -> str:
    """SQL of how sure a label of one's own is for each review that has it: review_id, label_probability; "" for no such label."""
    for own in own_tasks(space):
        if space is not None and taught.startswith(f"{own.name}: "):
            told = space.table(f"predictions_{own.name}")
            return f"SELECT r.review_id, t.probability AS label_probability FROM reviews r JOIN {told} t ON t.key = r.{KEYS[own.about]}"
    return ""


def labels_of_users(store: Store, space: Space, bought: pd.DataFrame) -> pd.DataFrame:
    """(user_id, task, label, n): how many of a user's reviews, or of the products in `bought` (user_id, product_id), have each label."""
    made = [pd.DataFrame({"user_id": [], "task": [], "label": [], "n": []}).astype({"n": int})]
    for own in own_tasks(space):
        told = space.table(f"predictions_{own.name}")
        if own.about == "reviews":
            sql = f"""
            SELECT r.user_id, t.label, count(*) AS n FROM reviews r JOIN {space.table("users")} u USING (user_id)
            JOIN {told} t ON t.key = r.{quote(KEYS[own.about])} GROUP BY ALL ORDER BY ALL"""
            counted = store.frame(sql)
        else:
            labels = dict(store.rows(f"SELECT key, label FROM {told}"))
            has = bought[["user_id", "product_id"]].drop_duplicates()
            counted = has.assign(label=has["product_id"].map(labels)).dropna().groupby(["user_id", "label"]).size().reset_index(name="n")
        made.append(counted.assign(task=own.name))
    return pd.concat([part for part in made if len(part)] or made, ignore_index=True)
