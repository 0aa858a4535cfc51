from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.tasks.base import tasks
from workbench.tasks.labelled import known_labels, read_labelled, store_labels, task_name, teachable
from workbench.tasks.labelled_rows import uploaded_tasks

SENTIMENT = ["negative", "neutral", "positive"]


def rows(**counts):
    return [{"said": f"text {label} {i}", "mood": label} for label, n in counts.items() for i in range(n)]


def read(given, task="sentiment", known=SENTIMENT, **options):
    return read_labelled(given, task, "said", "mood", known, **options)


def test_labels_are_read_as_the_task_spells_them():
    found = read(rows(Positive=6, NEGATIVE=6))
    assert found.counts == {"positive": 6, "negative": 6} and found.problems == []
    found.check()


@pytest.mark.parametrize(
    ("numbers", "means"),
    [
        (["0", "1"], {"0": "negative", "1": "positive"}),
        (["-1", "1"], {"-1": "negative", "1": "positive"}),
        (["-1", "0", "1"], {"-1": "negative", "0": "neutral", "1": "positive"}),
        (["0", "4"], {"0": "", "4": ""}),
        (["3", "10"], {"3": "", "10": ""}),
    ],
)
def test_numbers_that_count_no_stars_are_asked_for_with_what_they_may_mean(numbers, means):
    frame = pd.DataFrame({"said": [f"words {i}" for i in range(20)], "mood": (numbers * 20)[:20]})
    found = read(frame)
    assert found.unknown == means and not found.counts


def test_a_stray_number_leaves_the_stars_stars():
    frame = pd.DataFrame({"said": [f"words {i}" for i in range(300)], "mood": ["1", "5"] * 149 + ["5", "55"]})
    found = read(frame)
    assert found.counts == {"negative": 149, "positive": 150} and set(found.unknown) == {"55"}


def test_stars_are_sentiment():
    frame = pd.DataFrame({"said": [f"t{i}" for i in range(20)], "mood": [1.0, 2.0, 3.0, 4.0, 5.0] * 4})
    assert read(frame).counts == {"negative": 8, "neutral": 4, "positive": 8}
    assert read(frame.assign(mood=["1 star", "5 stars"] * 10)).counts == {"negative": 10, "positive": 10}


# fault 17: refused before any training, with the count for each label
@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"positive": 40}, "One label cannot be told from another: 'positive': 40"),
        ({"positive": 3, "negative": 2}, "5 usable rows are too few, at least 10 are needed: 'positive': 3, 'negative': 2"),
        ({"positive": 12, "neutral": 1}, "fewer than 2 rows: 'neutral'. All labels: 'positive': 12, 'neutral': 1"),
        ({}, "no row has a usable label"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_its_counts(counts, said):
    given = pd.DataFrame(rows(**counts), columns=["said", "mood"])
    with pytest.raises(WorkbenchError) as caught:
        read(given).check()
    assert said in caught.value.problem and caught.value.fix


def test_new_labels_need_as_many_rows_as_the_task_will_keep():
    with pytest.raises(WorkbenchError, match="fewer than 5 rows: 'rare'"):
        read(rows(common=20, rare=4), task="tone", known=()).check()
    read(rows(common=20, rare=5), task="tone", known=()).check()


# fault 18: labels that do not belong to the task are listed with the nearest known one
def test_foreign_labels_are_listed_with_the_nearest_known_one():
    given = rows(positive=8, negative=8) + rows(positiv=2, neg=1, zzz=1)
    found = read(given)
    assert found.unknown == {"positiv": "positive", "neg": "negative", "zzz": ""}
    assert next((p.row, p.column, p.value) for p in found.problems) == (18, "mood", "positiv")
    assert "The nearest known label is 'positive'." in found.problems[0].fix
    with pytest.raises(WorkbenchError, match=r"'positiv' \(2 rows, nearest 'positive'\).*'zzz' \(1 row\)"):
        found.check()
    found.without_unknown().check()
    assert found.counts == {"positive": 8, "negative": 8}


def test_labels_with_too_few_rows_can_be_left_out_and_are_named():
    found = read(rows(rare=4, common=20, other=6, single=1), task="tone", known=())
    assert found.scarce == {"rare": 4, "single": 1}
    left = found.without_scarce("mood")
    left.check()
    assert left.counts == {"common": 20, "other": 6} == dict(Counter(label for _, label in left.rows)) and not left.scarce
    assert [(p.row, p.column, p.value) for p in left.problems] == [(row, "mood", "rare") for row in (2, 3, 4, 5)] + [(32, "mood", "single")]
    assert "only 4 rows carry this label, 5 are needed" in left.problems[0].problem
    with pytest.raises(WorkbenchError, match="One label cannot be told from another: 'common': 20"):
        read(rows(rare=4, common=20), task="tone", known=()).without_scarce("mood").check()


def test_a_foreign_word_is_proposed_by_what_it_means_not_by_its_letters():
    given = [{"said": f"t{i}", "mood": word} for i, word in enumerate(["great", "Terrible", "average", "grate", "好评"])]
    assert read(given).unknown == {"great": "positive", "Terrible": "negative", "average": "neutral", "grate": "", "好评": "positive"}
    assert read(rows(great=6, awful=6), task="tone", known=["negative", "refund"]).unknown == {"great": "", "awful": ""}


def test_a_mapping_says_what_the_files_words_mean():
    given = [{"said": f"t{i}", "mood": i % 2} for i in range(20)]
    assert set(read(given).unknown) == {"0", "1"}  # a 1 beside a 0 is not the worst of five stars
    assert read(given, mapping={"0": "negative", "1": "positive"}).counts == {"negative": 10, "positive": 10}


def test_a_new_label_can_be_accepted():
    given = rows(refund=6, invoice=6)
    assert set(read(given, task="intent", known=["refund", "delivery"]).unknown) == {"invoice"}
    assert read(given, task="intent", known=["refund", "delivery"], accept=["invoice"]).counts == {"refund": 6, "invoice": 6}


def test_rows_without_text_or_label_and_contradictions_name_their_line():
    given = [*rows(positive=8, negative=8), {"said": " ", "mood": "positive"}, {"said": "x", "mood": None}]
    given += [{"said": "text positive 0", "mood": "negative"}, {"said": "text positive 0", "mood": "positive"}]
    found = read(given)
    assert [(p.row, p.problem) for p in found.problems] == [
        (18, "there is no text"),
        (19, "there is no label"),
        (20, "line 2 labels the same text 'positive'"),
    ]
    assert found.counts == {"positive": 8, "negative": 8}
    assert list(found.problems_frame().columns) == ["row", "column", "value", "problem", "fix"]


def test_a_missing_column_is_named_with_those_there_are():
    with pytest.raises(WorkbenchError, match="no column 'text'; its columns are 'said', 'mood'"):
        read_labelled(rows(positive=3), "sentiment", "text", "mood", SENTIMENT)


def test_storing_twice_changes_nothing(store):
    found = read(rows(positive=8, negative=8))
    assert store_labels(store, found, "abc")["added"] == 16
    version = store.data_version
    assert store_labels(store, found, "abc") == {"read": 16, "added": 0, "updated": 0, "unchanged": 16, "removed": 0, "masked": 0}
    assert store.data_version == version and store.counts()["labels"] == 16


def test_the_same_rows_under_another_title_or_of_another_table_are_updated(store):
    found = read(rows(a=6, b=6), task="tone", known=())
    store_labels(store, found, "abc")
    told = replace(found, title="Tone of voice", about="tickets")
    assert store_labels(store, told, "abc") == {"read": 12, "added": 0, "updated": 12, "unchanged": 0, "removed": 0, "masked": 0}
    own = uploaded_tasks(store)["tone"]
    assert (own.title, own.about) == ("Tone of voice", "tickets") and store.counts()["labels"] == 12
    assert store_labels(store, told, "abc")["unchanged"] == 12


def test_labelled_texts_are_masked_as_reviews_are_unless_one_says_otherwise(store):
    found = read([{"said": f"{word} {i}, mail anna@x.org", "mood": word} for word in ("positive", "negative") for i in range(4)])
    assert store_labels(store, found, "abc")["masked"] == store_labels(store, found, "abc")["masked"] == 8
    assert store.value("SELECT count(*) FROM labels WHERE text LIKE '%mail [mail]'") == 8
    assert store_labels(store, found, "abc", mask=False) == {"read": 8, "added": 8, "updated": 0, "unchanged": 0, "removed": 8, "masked": 0}
    assert store.value("SELECT count(*) FROM labels WHERE text LIKE '%anna@x.org'") == 8


def test_another_reading_of_the_same_file_replaces_the_first(store):
    store_labels(store, read(rows(positive=8, negative=8)), "abc")
    turned = read(rows(positive=8, negative=7), mapping={"positive": "negative", "negative": "positive"})
    assert store_labels(store, turned, "abc") == {"read": 15, "added": 0, "updated": 15, "unchanged": 0, "removed": 1, "masked": 0}
    assert store.rows("SELECT label, count(*) FROM labels GROUP BY 1 ORDER BY 1") == [("negative", 8), ("positive", 7)]


def test_stored_rows_are_what_the_task_learns_from(store):
    found = read([{"said": f"<b>Great</b>\n thing {i}", "mood": "positive" if i % 2 else "negative"} for i in range(12)])
    store_labels(store, found, "abc")
    made = tasks()["sentiment"].examples(store)
    assert len(made.texts) == 12 and made.texts[0].startswith("Great thing")
    # the encoder finds an upload's own rows by their stored text
    assert {key.removeprefix("label:") for key in made.keys} == {t for (t,) in store.rows("SELECT text FROM labels")}


def test_a_held_out_review_stays_held_out_when_its_text_is_uploaded_with_a_label(store):
    from small_shop import fill

    fill(store)
    plain = tasks()["sentiment"].examples(store)
    held = {text: split for text, split in zip(plain.texts, plain.splits, strict=True) if split != "train"}
    found = read([{"said": text, "mood": "positive"} for text in plain.texts])
    store_labels(store, found, "abc")
    made = tasks()["sentiment"].examples(store)
    uploaded = {t: s for k, t, s in zip(made.keys, made.texts, made.splits, strict=True) if k.startswith("label:")}
    assert held and {text: uploaded[text] for text in held} == held


def test_tasks_and_labels_that_can_be_taught(store):
    assert {"sentiment", "category", "intent"} <= set(teachable(store)) and "next_item" not in teachable(store)
    assert known_labels(store, "sentiment") == SENTIMENT and known_labels(store, "my_own") == []
    with pytest.raises(WorkbenchError, match="not learned from labelled texts"):
        known_labels(store, "next_item")
    store_labels(store, read(rows(a=6, b=6), task="tone", known=()), "abc")
    assert teachable(store)["tone"] == "tone"
    assert task_name(" Delivery-tone ") == "delivery_tone"
    for bad in ("", "1st", "next_item", 'x"); drop table reviews;--'):
        with pytest.raises(WorkbenchError, match="cannot name a task"):
            task_name(bad)
