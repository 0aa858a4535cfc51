"""Topics hold every review once, whatever their words, and count shares over what has a sentiment."""

import numpy as np
import pytest

from workbench.insights import topics
from workbench.insights.selection import Selection
from workbench.registry import Registry
from workbench.shop.space import Space, write_space

BATTERY, SOUND = "battery broken dead charger", "sound treble weak speaker"


@pytest.fixture
def space(home, store):
    """Two clusters of 30 reviews; every second review has stars, one of five."""
    with store.transaction() as cursor:
        for i in range(60):
            row = [f"r{i}", 1 if i % 2 else None, BATTERY if i < 30 else SOUND]
            cursor.execute("INSERT INTO reviews (review_id, rating, body) VALUES (?, ?, ?)", row)
    vectors = np.zeros((60, 8), np.float32)
    vectors[:30, 0], vectors[30:, 1] = 1, 1
    registry = Registry(home)
    version, folder = registry.new_folder()
    with write_space(folder / "vectors.duckdb") as written:
        written.vectors("reviews", [f"r{i}" for i in range(60)], vectors)
    return Space(store, registry.publish(version, {}))


def test_two_subjects_are_two_topics_named_by_their_own_words(store, space):
    found = topics.find(store, space, Selection())
    assert {frozenset(topic.words) for topic in found} == {frozenset(BATTERY.split()), frozenset(SOUND.split())}
    assert [topic.n for topic in found] == [30, 30]


def test_the_share_of_negatives_is_of_reviews_with_a_sentiment(store, space):
    found = topics.find(store, space, Selection())
    assert [(topic.negative, topic.known) for topic in found] == [(1.0, 15), (1.0, 15)]
    assert all(len(topic.complaints) == 3 and all(int(key[1:]) % 2 for key in topic.complaints) for topic in found)


def test_clusters_without_words_of_their_own_lose_no_review(store, space):
    with store.transaction() as cursor:
        cursor.execute("UPDATE reviews SET body = 'good good thing'")
    assert sum(topic.n for topic in topics.find(store, space, Selection())) == 60
