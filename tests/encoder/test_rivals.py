import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from sequences import corpus_of

from workbench.encoder.baselines import ranking
from workbench.encoder.baselines.ranking import (
    Histories,
    Rival,
    ease,
    item_neighbours,
    markov,
    measure_rivals,
    note,
    popularity,
    training_histories,
)
from workbench.encoder.baselines.sasrec import Settings, sasrec_ranks
from workbench.encoder.ranking import figures

TAKEN = [np.array(t) for t in ([0, 1, 2], [0, 1, 3], [1, 2], [3])]


@pytest.fixture
def chain():
    """A shop where 10 products follow one another in a circle: each user walks some of it."""
    taken = {f"u{u}": [f"p{(u + i) % 10}" for i in range(4 + u % 3)] for u in range(200)}
    return corpus_of(taken, {f"p{i}": "" for i in range(10)})


def test_popularity_counts_users():
    assert popularity(Histories(TAKEN, 4))([np.array([0])]).tolist() == [[2, 3, 2, 2]]


def test_item_neighbours_are_cosines():
    scores = item_neighbours(Histories(TAKEN, 4))([np.array([0])])
    assert scores[0].tolist() == pytest.approx([0, 2 / np.sqrt(6), 1 / 2, 1 / 2])


def test_markov_follows_the_last_product():
    scores = markov(Histories(TAKEN, 4), popular=0.0)([np.array([3, 1]), np.array([0])])
    assert scores.tolist() == pytest.approx(np.array([[0, 0, 2 / 3, 1 / 3], [0, 1, 0, 0]]))


def test_ease_is_its_closed_form():
    bought = np.zeros((4, 4))
    for row, products in enumerate(TAKEN):
        bought[row, products] = 1
    inverse = np.linalg.inv(bought.T @ bought + 2 * np.eye(4))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores = ease(Histories(TAKEN, 4), strength=2.0)([np.array([0, 3])])
    assert scores[0] == pytest.approx(weights[0] + weights[3], abs=1e-5)


def test_no_rival_learns_from_what_is_held_out(chain):
    learned = training_histories(chain)
    for user, taken in zip(chain.users, learned.taken, strict=True):
        assert len(taken) == len(user.product) - 2
        assert not {int(user.product[at]) for at in user.held.values()} & set(taken.tolist())


def test_where_products_follow_one_another_the_chain_is_found(chain):
    found = measure_rivals(chain)
    assert set(found) == {"popularity", "item_neighbours", "markov", "ease"}
    first = {name: figures(m.ranked, chain.counts())["hr_at_5"]["value"] for name, m in found.items()}
    assert first["markov"] == 1.0 > first["popularity"]


def test_the_settings_that_rank_validation_best_are_taken(chain, monkeypatch):
    def fit(histories, *, good):
        return markov(histories, popular=0.0) if good else popularity(histories)

    monkeypatch.setattr(ranking, "RIVALS", {"any": Rival(fit, ({"good": 0}, {"good": 1}, {"good": 0}))})
    assert measure_rivals(chain)["any"].settings == {"good": 1}


def test_of_a_large_catalogue_ease_looks_at_the_most_taken_products(chain, monkeypatch):
    histories, known = training_histories(chain), [np.array([0, 1]), np.array([9])]
    whole = ease(histories, strength=10.0)(known)
    assert note(len(chain.product_ids)) is None
    monkeypatch.setattr(ranking, "MOST_LINEAR", 6)
    some, places = ease(histories, strength=10.0)(known), histories.most_taken()[1]
    assert set(places) == set(np.argsort(-chain.counts(), kind="stable")[:6]) and len(whole[0]) == len(some[0]) == 10
    assert some[:, places].any() and not np.delete(some, places, axis=1).any()
    assert "6 products" in note(10) and "of 10" in note(10)


@pytest.mark.slow
def test_sasrec_learns_the_chain_and_says_so_for_each_seed(chain):
    told = []
    grid = [Settings(dim=8, dropout=0.9, epochs=1), Settings(dim=16, dropout=0.1, learning_rate=1e-2, batch=32, epochs=30)]
    found = sasrec_ranks(chain, "test", [1, 2], lambda done, step: told.append(done), grid)
    assert found.settings["dim"] == 16 and len(found.ranked) == 2 and found.seconds > 0
    assert figures(found.ranked, chain.counts())["hr_at_5"]["value"] > 0.95
    assert told == sorted(told) and told[-1] <= 1


def test_the_same_seed_ranks_alike(chain):
    grid = [Settings(dim=8, epochs=2)]
    a, b = (sasrec_ranks(chain, "test", [3], grid=grid).ranked[0].rank for _ in range(2))
    assert (a == b).all()


@pytest.mark.slow
def test_trainings_in_processes_of_their_own_rank_as_one_after_another(chain, monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # a page tested before leaves one that no process can run again
    chain = replace(chain, user_rows={"return": lambda: "not to be sent"})
    grid = [Settings(dim=8, epochs=2), Settings(dim=16, epochs=2)]
    alone, at_once = (sasrec_ranks(chain, "test", [3, 4], grid=grid, jobs=jobs) for jobs in (1, 2))
    assert alone.settings == at_once.settings and len(at_once.ranked) == 2
    assert all((a.rank == b.rank).all() for a, b in zip(alone.ranked, at_once.ranked, strict=True))
