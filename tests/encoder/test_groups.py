"""Figures by group: which rows belong where, who is served worse, what is too little to tell."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from small_shop import fill

from workbench.encoder import metrics
from workbench.encoder.corpus import read_corpus
from workbench.encoder.groups import NEW, OLD, compare_groups, read_groups
from workbench.tasks.labelled_rows import OF_SHOP, UPLOADED, key_of

LANGUAGES = np.array(["en"] * 200 + ["de"] * 60 + ["fr"] * 10 + [""] * 30, object)


@pytest.fixture
def served():
    """English and unknown rows are right in nine of ten cases, German in half, French always."""
    right = np.ones(300)
    right[:20], right[200:230], right[-3:] = 0, 0, 0
    return {"sentiment": {"accuracy": metrics.mean(right)}}


def test_a_group_served_worse_is_told_from_the_rest(served):
    found = compare_groups(served, {"sentiment": {"language": LANGUAGES}})["sentiment"]["language"]
    assert found["metric"] == "accuracy" and list(found["groups"]) == ["en", "de", "fr"]
    german = found["groups"]["de"]
    assert (german["value"], german["n"]) == (0.5, 60)
    assert german["rest"]["value"] == pytest.approx(0.5 - 190 / 210) and german["rest"]["high"] < 0
    assert (found["gap"]["highest"], found["gap"]["lowest"]) == ("en", "de") and found["gap"]["low"] > 0


def test_groups_of_equal_size_are_resampled_each_for_itself():
    right = np.tile([1.0, 0.0], 60)
    found = compare_groups({"sentiment": {"accuracy": metrics.mean(right)}}, {"sentiment": {"language": np.repeat(["en", "de"], 60)}})
    gap = found["sentiment"]["language"]["gap"]
    assert gap["value"] == 0 and gap["low"] < -0.1 and gap["high"] > 0.1  # two groups of 60 rows: 1.96 * sqrt(2 * 0.25 / 60) = 0.18


def test_a_small_group_has_its_number_of_rows_alone(served):
    found = compare_groups(served, {"sentiment": {"language": LANGUAGES}})["sentiment"]["language"]
    assert found["groups"]["fr"] == {"n": 10}


def test_each_group_is_compared_with_what_the_parent_reaches_on_its_rows(served):
    older = np.ones(300)
    older[:20], older[-3:] = 0, 0
    found = compare_groups(served, {"sentiment": {"language": LANGUAGES}}, {"sentiment": {"accuracy": metrics.mean(older)}})
    groups = found["sentiment"]["language"]["groups"]
    assert groups["de"]["parent"]["value"] == -0.5 and groups["de"]["parent"]["high"] < 0 and groups["de"]["parent"]["n"] == 60
    assert groups["en"]["parent"]["value"] == 0 and "parent" not in groups["fr"]
    other = {"sentiment": {"accuracy": metrics.mean(older[:100])}}
    assert "parent" not in compare_groups(served, {"sentiment": {"language": LANGUAGES}}, other)["sentiment"]["language"]["groups"]["de"]


def test_where_only_one_group_can_be_measured_nothing_is_compared(served):
    words = np.where(LANGUAGES == "en", "en", "")
    assert compare_groups(served, {"sentiment": {"language": words}}) == {}


def moods(counts):
    """Labels 0, 1, 2 as often as said; each tenth row is taken for another."""
    truth = np.repeat([0, 1, 2], counts)
    return truth, np.where(np.arange(len(truth)) % 10 == 0, (truth + 1) % 3, truth)


def grouped(**counts):
    truth, guess = (np.concatenate(parts) for parts in zip(*(moods(its) for its in counts.values()), strict=True))
    words = np.repeat(np.array(list(counts), object), [sum(its) for its in counts.values()])
    found = {"sentiment": metrics.classification(truth, guess, 3)}
    names = {"sentiment": ["negative", "neutral", "positive"]}
    return compare_groups(found, {"sentiment": {"language": words}}, labels=names), truth, guess, words


def test_groups_are_compared_by_the_labels_that_each_of_them_has():
    found, truth, guess, words = grouped(en=(40, 40, 200), de=(2, 30, 100))
    told = found["sentiment"]["language"]
    assert (told["labels"], told["of"], told["compared"]) == (2, 3, ["neutral", "positive"])
    english = words == "en"
    assert told["groups"]["en"]["value"] == pytest.approx(metrics.macro_f1(truth[english], guess[english], 3, np.array([1, 2])))
    assert told["groups"]["en"]["value"] != pytest.approx(metrics.macro_f1(truth[english], guess[english], 3))


def test_a_group_of_one_label_is_not_compared_and_takes_no_label_from_the_others():
    told = grouped(en=(40, 40, 200), de=(20, 30, 100), fr=(0, 1, 50))[0]["sentiment"]["language"]
    assert told["labels"] == 3 and "compared" not in told
    assert told["groups"]["fr"] == {"n": 51} and {told["gap"]["highest"], told["gap"]["lowest"]} == {"en", "de"}
    assert grouped(en=(40, 40, 200), fr=(0, 1, 50))[0] == {}


def test_groups_that_share_no_two_labels_keep_the_others_from_no_comparison():
    told = grouped(en=(40, 40, 200), de=(20, 30, 100), fr=(30, 0, 60), it=(0, 20, 50))[0]["sentiment"]["language"]
    assert told["compared"] == ["negative", "positive"] and told["groups"]["it"] == {"n": 70} and "rest" in told["groups"]["fr"]
    assert grouped(fr=(30, 0, 60), it=(0, 20, 50))[0] == {}


def test_the_groups_of_reviews_products_and_customers_come_from_the_shop(store):
    with store.transaction() as cursor:
        for p in range(12):
            values = [f"p{p}", f"thing number {p}", "Audio > Phones" if p % 2 else "Garden", 10.0 + p]
            cursor.execute("INSERT INTO products (product_id, title, category, price) VALUES (?, ?, ?, ?)", values)
        for i in range(400):
            user, day = f"u{i % 40}", datetime(2024, 1, 1) + timedelta(days=i)
            values = [f"r{i}", f"p{i % 11}", user, 1.0 + i % 5, f"words number {i}", day, "de" if i % 3 else "en"]
            cursor.execute(
                "INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at, language) VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        for i in range(120):
            ticket = [f"t{i}", f"p{i % 11}", f"u{i % 40}", f"question {i}", ("refund", "delivery")[i % 2], datetime(2024, 3, 1 + i % 28)]
            names = "ticket_id, product_id, user_id, body, intent, created_at"
            cursor.execute(f"INSERT INTO tickets ({names}) VALUES (?, ?, ?, ?, ?, ?)", ticket)
    corpus = read_corpus(store)
    groups = read_groups(store, corpus)
    asked = [corpus.text_rows["intent"].keys[i] for i in corpus.text_rows["intent"].rows("test")]
    assert groups["intent"]["category"].tolist() == ["Audio" if int(key[1:]) % 11 % 2 else "Garden" for key in asked]
    assert set(groups["intent"]["customer"]) == {NEW} and set(groups["intent"]["language"]) == {""}
    rows = corpus.text_rows["sentiment"]
    keys = [rows.keys[i] for i in rows.rows("test")]
    ways = groups["sentiment"]
    assert ways["language"].tolist() == ["de" if int(k[1:]) % 3 else "en" for k in keys]
    assert ways["category"].tolist() == ["Audio" if int(k[1:]) % 11 % 2 else "Garden" for k in keys]
    assert ways["customer"].tolist() == [NEW if int(k[1:]) // 40 * 40 <= 90 else OLD for k in keys]
    assert len(set(ways["price"])) == 3 and ways["price"][keys.index(keys[0])]
    assert set(ways["origin"]) == {OF_SHOP}
    assert "category" not in groups["category"] and len(groups["category"]["price"]) == len(corpus.text_rows["category"].rows("test"))
    assert set(groups["next_item"]) == {"category", "price", "customer"} and len(groups["next_item"]["price"]) == 40


def test_customers_who_are_asked_about_are_grouped_by_what_they_took_last(store):
    fill(store)
    corpus = read_corpus(store)
    asked, told = corpus.user_rows["return"], read_groups(store, corpus)["return"]
    category = dict(store.rows("SELECT product_id, string_split(category, ' > ')[1] FROM products"))
    test = asked.rows("test")
    steps = [corpus.users[user].product[:end] for user, end in zip(asked.user[test], asked.end[test], strict=True)]
    expected = [category[corpus.product_ids[taken[-1]]] or "" for taken in steps]
    assert len(expected) > 20 and told["category"].tolist() == expected and set(told) == {"category", "price", "customer"}


def test_uploaded_rows_are_told_from_the_shops_own(store):
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO products (product_id, title) VALUES ('p', 'thing')")
        cursor.execute(
            "INSERT INTO reviews (review_id, product_id, rating, body) SELECT 'r' || i, 'p', 1 + i % 5, 'words ' || i FROM range(200) t(i)"
        )
        cursor.execute(
            "INSERT INTO labels (label_id, task, text, label, upload, created_at) "
            "SELECT 'l' || i, 'sentiment', 'said ' || i, 'positive', 'one', now()::TIMESTAMP FROM range(100) t(i)"
        )
    corpus = read_corpus(store)
    rows = corpus.text_rows["sentiment"]
    told = read_groups(store, corpus)["sentiment"]["origin"]
    uploaded = {key_of(f"said {i}") for i in range(100)}
    assert told.tolist() == [UPLOADED if rows.keys[i] in uploaded else OF_SHOP for i in rows.rows("test")]
    assert set(told) == {UPLOADED, OF_SHOP}
