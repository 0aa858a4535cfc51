"""Label sets of which a row may carry several."""

import re

import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.tasks.labelled import longer_than, set_apart, store_labels
from workbench.tasks.several import read_several, sets_of
from workbench.tasks.splits import split_of
from workbench.tasks.uploaded import tasks_of

CELLS = ["delivery; price", "price", "quality", "delivery", ""]


def rows(n=30):
    return pd.DataFrame({"said": [f"words {i}" for i in range(n)], "about": [CELLS[i % len(CELLS)] for i in range(n)]})


def test_a_cell_is_divided_and_columns_are_ticked():
    assert sets_of(rows(5), ["about"]) == [{"delivery", "price"}, {"price"}, {"quality"}, {"delivery"}, set()]
    ticked = pd.DataFrame({"late": ["1", "0", "x"], "dear": ["yes", "", "no"]})
    assert sets_of(ticked, ["late", "dear"]) == [{"late", "dear"}, set(), {"late"}]
    assert sets_of(pd.DataFrame({"a": ["物流、价格", "质量"]}), ["a"]) == [{"物流", "价格"}, {"质量"}]


def test_each_label_becomes_a_task_that_says_yes_or_no(store):
    made = read_several(rows(), "topics", "said", ["about"], "tickets")
    assert [(one.task, one.title, one.counts) for one in made] == [
        ("topics_delivery", "topics: delivery", {"yes": 12, "no": 18}),
        ("topics_price", "topics: price", {"yes": 12, "no": 18}),
        ("topics_quality", "topics: quality", {"no": 24, "yes": 6}),
    ]
    for one in made:
        store_labels(store, one, "abc")
    task = tasks_of(store)["topics_price"]
    assert (task.title, task.entity, task.predicts) == ("topics: price", "ticket", "tickets")
    assert task.missing(store) is None and task.examples(store).labels == ["no", "yes"]


def test_capitals_make_no_second_label():
    shouted = pd.DataFrame({"said": [f"words {i}" for i in range(30)], "about": ["Delivery; price", "delivery", "PRICE"] * 10})
    made = read_several(shouted, "topics", "said", ["about"], "tickets")
    assert [(one.task, one.title, one.counts["yes"]) for one in made] == [
        ("topics_delivery", "topics: Delivery", 20),
        ("topics_price", "topics: price", 20),
    ]
    assert sets_of(pd.DataFrame({"Late": ["1", "0"], "late": ["0", "1"]}), ["Late", "late"]) == [{"Late"}, {"Late"}]


def test_no_two_labels_share_a_task():
    labels = ["delivery late", "delivery lost", "C", "C++", "C#"]
    told = pd.DataFrame({"said": [f"words {i}" for i in range(60)], "about": labels * 12})
    made = read_several(told, "what_customers_complain_about", "said", ["about"], "reviews")
    tasks = {one.title.split(": ")[1]: one.task for one in made}
    assert tasks["C"] == "what_customers_complain_about_c" and len(set(tasks.values())) == len(labels)
    assert all(re.fullmatch("[a-z0-9_]{1,40}", task) for task in tasks.values())
    (full, *_) = read_several(told, "n" * 40, "said", ["about"], "reviews")
    assert len(full.task) == 40


def test_a_label_is_the_same_task_in_every_file():
    """A second file has other labels beside it."""

    def tasks(labels):
        told = pd.DataFrame({"said": [f"words {i}" for i in range(60)], "about": (labels * 60)[:60]})
        return {one.title: one.task for one in read_several(told, "topics", "said", ["about"], "reviews")}

    first, second = tasks(["质量", "物流", "C", "C++"]), tasks(["价格", "质量", "C++", "Java"])
    shared = first.keys() & second.keys()
    assert shared == {"topics: 质量", "topics: C++"} and all(first[title] == second[title] for title in shared)
    assert not {first[t] for t in first.keys() - shared} & set(second.values())


def test_labels_that_too_few_rows_carry_are_left_out_and_none_at_all_is_refused():
    assert [one.task for one in read_several(rows(25), "topics", "said", ["about"], "reviews")] == [
        "topics_delivery",
        "topics_price",
        "topics_quality",
    ]
    with pytest.raises(WorkbenchError, match=r"No label has 5 rows that carry it and 5 that do not: .*'delivery': 4"):
        read_several(rows(10), "topics", "said", ["about"], "reviews")


def test_what_is_held_out_and_what_is_cut_are_counted():
    (first, *_) = read_several(rows(), "topics", "said", ["about"], "reviews")
    splits = [split_of(f"words {i}") for i in range(30)]
    assert set_apart(first, known=True).startswith(f"{30 - splits.count('train')} are set apart to measure")
    assert set_apart(first, known=False).startswith(f"{splits.count('test')} are kept back at first")
    assert longer_than(first, 1) == 30 and longer_than(first, 2) == 0
