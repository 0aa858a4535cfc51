"""A version goes on with its parent's segments: only who is read otherwise moves."""

import numpy as np
import planted_segments as planted
import pytest

from workbench.insights import consequences, segments
from workbench.shop.space import Space


@pytest.fixture
def no_umap(monkeypatch):
    """Finding groups anew is written down, and finds nothing."""
    asked = []

    def found(vectors, report):
        asked.append(len(vectors))
        return planted.none(len(vectors))

    monkeypatch.setattr(segments, "cluster", found)
    return asked


def derived(home, store, parent, read):
    """The segments of a version that reads the users so, derived."""
    space = Space(store, planted.publish(home, parent=parent, read=read))
    segments.derive(store, space, lambda share, step: None)
    return space, segments.load(store, space)


def test_who_is_read_as_before_stays_and_the_map_with_them(home, store, no_umap):
    before, old = planted.ready(home, store)
    after, new = derived(home, store, before.version.id, planted.vectors())
    assert not no_umap and new.since == before.version.id
    assert new.members.equals(old.members) and new.stability == old.stability and new.noise == old.noise
    moved, users = consequences.segments_changed(store, before, after)
    assert (len(moved), users) == (0, 120)
    assert any(before.version.id in line for line in segments.explain(new)) and not any(
        "were found for" in line for line in segments.explain(old)
    )
    again = derived(home, store, after.version.id, planted.vectors())[1]
    assert again.since == before.version.id, "the version where they were found, also over generations"


def test_who_is_read_like_another_kind_moves_there(home, store, no_umap):
    before, _ = planted.ready(home, store)
    read, ids = planted.vectors(), list(planted.users())
    turned = [5, 17, 23]
    read[turned] = read[[45, 57, 63]] + np.float32(1e-3)
    # what they had tells most of who they are; without it the vectors alone decide
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM events WHERE user_id IN (SELECT unnest(?))", [[ids[i] for i in turned]])
        cursor.execute("DELETE FROM reviews WHERE user_id IN (SELECT unnest(?))", [[ids[i] for i in turned]])
    after, new = derived(home, store, before.version.id, read)
    moved, _ = consequences.segments_changed(store, before, after)
    assert not no_umap and moved["user_id"].tolist() == sorted(ids[i] for i in turned)
    there = new.members.set_index("user_id")
    assert (there.loc[moved["user_id"], "segment"] == 1).all() and not there.loc[moved["user_id"], "core"].any()


def test_groups_that_no_longer_hold_are_found_anew(home, store, no_umap):
    before, _ = planted.ready(home, store)
    random = np.random.default_rng(1).normal(size=(120, planted.DIM)).astype(np.float32)
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM events; DELETE FROM reviews")
    _, new = derived(home, store, before.version.id, random / np.linalg.norm(random, axis=1, keepdims=True))
    assert no_umap == [120] and new.since == ""


def test_they_are_found_anew_when_asked_again_and_without_a_parent(home, store, no_umap):
    before, _ = planted.ready(home, store)
    after, _ = derived(home, store, before.version.id, planted.vectors())
    segments.derive(store, after, lambda share, step: None)
    assert no_umap == [120] and segments.load(store, after).since == ""
    derived(home, store, "v-gone", planted.vectors())
    derived(home, store, None, planted.vectors())
    assert no_umap == [120] * 3
