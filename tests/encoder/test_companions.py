from dataclasses import replace

import numpy as np
import pytest
import torch
from sequences import corpus_of

from workbench.encoder import companions
from workbench.encoder.baselines import ranking
from workbench.encoder.baselines.ranking import ease_weights, training_histories
from workbench.encoder.companions import CompanionWeights, choose_share, fit, scorer_of, strongest
from workbench.encoder.item_weights import item_weights, sides
from workbench.encoder.ranking import ndcg, rank_products
from workbench.encoder.weights import load
from workbench.registry import Registry
from workbench.shop.space import Space
from workbench.shop.store import Store


@pytest.fixture
def pairs():
    """A shop where p0 goes with p1, p2 with p3 and so on, after which anything may follow."""
    random = np.random.default_rng(0)
    taken = {}
    for user in range(300):
        first = random.permutation(10)[:3] * 2
        taken[f"u{user:03}"] = [f"p{p:02}" for at in first for p in (at, at + 1)]
    return corpus_of(taken, {f"p{i:02}": "" for i in range(20)})


@pytest.fixture
def weights(pairs):
    made = CompanionWeights(len(pairs.product_ids))
    fit(made, pairs)
    return made


def value(corpus, scorer, split="test"):
    return ndcg(rank_products(corpus, split, scorer).rank).mean()


def nothing(users, ends):
    return np.zeros((len(users), 20), np.float32)


def test_what_goes_together_is_found(pairs, weights):
    weights.share.fill_(1.0)
    assert value(pairs, scorer_of(weights.companions())) > 0.9


def test_where_interests_change_the_last_products_count_most():
    random, taken = np.random.default_rng(0), {}
    for user in range(400):
        kinds = random.permutation(10)[:2]
        taken[f"u{user:03}"] = [f"p{6 * kind + i:02}" for kind in kinds for i in random.permutation(6)[:4]]
    corpus = corpus_of(taken, {f"p{i:02}": "" for i in range(60)})
    made = CompanionWeights(60)
    fit(made, corpus)
    made.share.fill_(1.0)
    found = made.companions()
    assert found.step_life < np.inf
    assert value(corpus, scorer_of(found)) > value(corpus, scorer_of(replace(found, step_life=np.inf))) + 0.1


def test_beside_a_space_that_knows_nothing_they_count_and_beside_one_that_knows_all_they_do_not(pairs, weights):
    choose_share(weights, pairs, nothing)
    assert weights.share > 0

    def oracle(users, ends):
        made = np.zeros((len(users), 20), np.float32)
        made[np.arange(len(users)), [user.product[end] for user, end in zip(users, ends, strict=True)]] = 1000.0
        return made

    choose_share(weights, pairs, oracle)
    assert weights.share == 0


def test_the_strongest_weights_are_those_of_ease(pairs, monkeypatch):
    monkeypatch.setattr(companions, "KEPT", 3)
    dense, sparse = ease_weights(training_histories(pairs), 30.0), strongest(training_histories(pairs), 30.0).toarray()
    for row, kept in zip(dense, sparse, strict=True):
        wanted = np.argsort(-np.abs(row))[:3]
        assert set(np.flatnonzero(kept)) == set(wanted)
        assert kept[wanted] == pytest.approx(row[wanted])


def test_of_a_large_catalogue_the_most_taken_products_are_looked_at(pairs, monkeypatch):
    monkeypatch.setattr(ranking, "MOST_LINEAR", 6)
    found = strongest(training_histories(pairs), 30.0)
    most = set(np.argsort(-pairs.counts(), kind="stable")[:6].tolist())
    assert found.nnz and set(found.nonzero()[0].tolist()) | set(found.nonzero()[1].tolist()) <= most


def test_what_is_held_out_teaches_no_companion(pairs):
    held = {(u.user, int(u.product[at])) for u in pairs.users for at in u.held.values()}
    before = strongest(training_histories(pairs), 30.0).toarray()
    for user in pairs.users:
        for at in user.held.values():
            user.product[at] = 19 - user.product[at]
    assert held and np.array_equal(before, strongest(training_histories(pairs), 30.0).toarray())


def test_a_later_model_takes_them_over_by_product(weights):
    weights.share.fill_(5.0)
    later, old = CompanionWeights(21), weights.companions().weights.toarray()
    here, there = torch.arange(1, 21).flip(0), torch.arange(20)  # the catalogue is turned round and has a new first product
    later.carry(weights, here, there)
    found = later.companions()
    assert found.share == 5.0 and found.step_life == weights.life[0]
    assert np.array_equal(found.weights.toarray()[1:, 1:], old[::-1, ::-1])
    assert not found.weights.toarray()[0].any() and not found.weights.toarray()[:, 0].any()


def test_pages_read_the_same_companions_as_the_model(trained):
    home, result = trained
    version = Registry(home).get(result["version"])
    loaded = load(version)
    with Store.open_snapshot(home) as store:
        found, kept = Space(store, version).companions(loaded.products), loaded.model.companions.companions()
    assert kept.weights.nnz and np.array_equal(found.weights.toarray(), kept.weights.toarray())
    assert (found.step_life, found.day_life, found.share) == pytest.approx((kept.step_life, kept.day_life, kept.share))


def test_weights_whose_order_does_not_count_are_those_of_ease(pairs):
    histories = training_histories(pairs)
    almost = item_weights(histories, 30.0, 1e-9)
    assert almost == pytest.approx(ease_weights(histories, 30.0), abs=1e-4) and np.abs(almost).max() > 0.1


@pytest.mark.parametrize("order", [0.3, 0.9])
def test_weights_are_those_of_least_error(pairs, order):
    histories = training_histories(pairs)
    bought, (before, after) = histories.matrix.toarray(), (side.toarray() for side in sides(histories.taken, 20))

    def error(weights):
        mixed = (1 - order) * np.square(bought - bought @ weights).sum() + order * np.square(after - before @ weights).sum()
        return mixed + 30 * np.square(weights).sum()

    found, random = item_weights(histories, 30.0, order), np.random.default_rng(0)
    assert not found.diagonal().any()
    for _ in range(20):
        moved = random.normal(0, 0.01, found.shape)
        np.fill_diagonal(moved, 0)
        assert error(found + moved) > error(found)


def test_what_lies_before_and_after_a_step_counts_half_of_what_is_nearer():
    before, after = sides([np.array([3, 1, 2]), np.array([0])], 4)
    assert before.toarray().tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0.5], [0, 0, 0, 0]]
    assert after.toarray().tolist() == [[0, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_where_one_product_leads_to_the_next_the_way_back_is_not_recommended():
    walks = {f"u{u:03}": [f"p{(u * 7 + i) % 30:02}" for i in range(6)] for u in range(300)}
    corpus = corpus_of(walks, {f"p{i:02}": "" for i in range(30)})
    made = CompanionWeights(30)
    fit(made, corpus)
    found = made.companions().weights.toarray()
    assert (found[np.arange(29), np.arange(1, 30)] > 2 * found[np.arange(1, 30), np.arange(29)].clip(min=0)).all()


def test_where_nothing_has_a_time_days_say_nothing(weights):
    assert weights.life[1] == torch.inf
