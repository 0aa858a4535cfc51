import numpy as np
import pytest
from sequences import corpus_of

from workbench.encoder import ranking
from workbench.encoder.ranking import Ranked, figures, first, held_users, ndcg, rank_products, ranks, tie_places, unseen


def test_equal_scores_come_in_the_order_of_their_places():
    scores = np.array([[3.0, 1.0, 1.0, 0.0]])
    assert ranks(scores, np.array([1]), np.array([0, 1, 2, 3])).tolist() == [1]
    assert ranks(scores, np.array([1]), np.array([0, 2, 1, 3])).tolist() == [2]


def test_what_was_seen_is_not_ranked_and_the_target_is():
    scores = unseen(np.array([[3.0, 1.0, 2.0, 0.0]]), np.array([1]), [np.array([0, 1])])
    assert scores.tolist() == [[-np.inf, 1.0, 2.0, 0.0]]


def test_a_score_that_is_not_finite_is_found():
    with pytest.raises(AssertionError, match="not finite"):
        unseen(np.array([[np.nan, 1.0]]), np.array([0]), [np.array([], np.int64)])


def test_the_first_products_agree_with_the_ranks():
    random = np.random.default_rng(0)
    scores = random.integers(0, 4, (50, 30)).astype(float)
    place = random.permutation(30)
    best = first(scores, place, 10)
    for row in range(50):
        assert ranks(scores[[row] * 10], best[row], place).tolist() == list(range(10))


def test_fewer_products_than_asked_leave_the_rest_empty():
    assert first(np.array([[1.0, -np.inf, 2.0]]), np.arange(3), 10).tolist() == [[2, 0, -1]]


def test_places_depend_on_the_keys_alone():
    keys = [f"p{i}" for i in range(20)]
    there = dict(zip(keys[::-1], tie_places(keys[::-1]), strict=True))
    assert tie_places(keys).tolist() == [there[key] for key in keys] != list(range(20))


def test_ndcg_of_the_second_place():
    assert ndcg(np.array([0, 1, 10])).tolist() == pytest.approx([1.0, 1 / np.log2(3), 0.0])


@pytest.fixture
def corpus():
    taken = {f"u{u}": [f"p{(u + i) % 40:02}" for i in range(5)] for u in range(400)}
    return corpus_of(taken, {f"p{i:02}": f"text {i}" for i in range(40)})


def test_a_scorer_that_knows_nothing_is_at_chance(corpus):
    found = rank_products(corpus, "test", lambda users, ends: np.zeros((len(users), 40)))
    assert len(found.rank) == 400
    assert found.rank.mean() == pytest.approx(17.5, abs=2)  # 36 products are new to each user


def test_where_products_are_many_fewer_rows_are_ranked_at_once(corpus, monkeypatch):
    random, asked = np.random.default_rng(0), []
    told = {user.user: random.normal(size=40) for user in corpus.users}

    def scores(users, ends):
        asked.append(len(users))
        return np.stack([told[user.user] for user in users])

    whole = rank_products(corpus, "test", scores)
    monkeypatch.setattr(ranking, "MOST_SCORES", 3 * 40 + 39)
    few = rank_products(corpus, "test", scores)
    assert asked[:2] == [256, 144] and max(asked[2:]) == 3
    assert (whole.rank == few.rank).all() and (whole.best == few.best).all()
    assert ranking.rows_at_once(10**9, 256) == 1


def test_the_figures_of_an_oracle(corpus):
    def oracle(users, ends):
        return np.stack([np.eye(40)[user.product[end]] for user, end in zip(users, ends, strict=True)])

    made = figures([rank_products(corpus, "test", oracle)], corpus.counts())
    assert next(iter(made)) == "ndcg_at_10"
    assert {made[name]["value"] for name in made if name.startswith(("hr", "ndcg", "mrr"))} == {1.0}
    for metric in made.values():
        assert metric["low"] <= metric["value"] <= metric["high"] and metric["n"] > 0


def test_coverage_counts_what_anybody_is_shown_and_bias_compares_with_what_was_taken():
    counts = np.array([100.0, 50.0, 10.0, 1.0])
    shown = Ranked(np.array([3, 3]), np.array([1, 1]), np.array([[0, 1], [0, 1]]))
    made = figures([shown], counts)
    assert made["coverage_at_10"]["value"] == 0.5
    assert made["popularity_bias"]["value"] == pytest.approx((1.0 + 0.75) / 2 - 0.25)
    cold = {name.removeprefix("cold_"): metric for name, metric in made.items() if name.startswith("cold_")}
    assert set(cold) == {"mrr", *(f"{name}_at_{k}" for name in ("hr", "ndcg") for k in (5, 10, 20))} <= set(made)
    assert {metric["n"] for metric in cold.values()} == {2} and cold["hr_at_10"]["value"] == 1.0


def test_without_cold_products_nothing_is_said_of_them():
    shown = Ranked(np.array([0]), np.array([1]), np.array([[0, 1]]))
    assert "cold_hr_at_10" not in figures([shown], np.array([ranking.FEW_TAKERS, 9.0]))


def test_rankings_by_several_seeds_are_averaged_for_each_user():
    seeds = [Ranked(np.array([0, 1]), np.array(rank), np.array([[0], [1]])) for rank in ([0, 20], [20, 20])]
    made = figures(seeds, np.array([9.0, 9.0]))
    assert made["hr_at_10"]["value"] == 0.25 and made["hr_at_10"]["n"] == 2


def test_validation_chooses_by_some_users_where_there_are_many_and_the_test_by_all(corpus, monkeypatch):
    monkeypatch.setattr(ranking, "MOST_TO_CHOOSE", 7)
    chosen, everybody = held_users(corpus, "validation")[0], held_users(corpus, "test")[0]
    assert len(chosen) <= 7 < len(everybody)
    assert {user.user for user in chosen} & {user.user for user in everybody[len(everybody) // 2 :]}  # not the first ones alone
