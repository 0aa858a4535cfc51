import numpy as np
from cold_start import among_cold, cold_products, text_neighbours, without_cold
from sequences import corpus_of

from workbench.encoder.baselines.ranking import of_known, training_histories
from workbench.encoder.ranking import rank_products


def corpus():
    return corpus_of(
        {f"u{u}": [f"p{(u * 7 + i) % 60}" for i in range(8)] for u in range(200)}, {f"p{i}": f"text {i % 20}" for i in range(60)}
    )


def test_no_cold_product_is_learned_of_and_each_is_to_be_found():
    whole = corpus()
    cold = cold_products(whole)
    made = without_cold(whole, cold)
    assert 0 < cold.sum() < 20
    assert not cold[np.concatenate(training_histories(made).taken)].any()
    found = [user for user in made.users if user.held["test"] is not None]
    assert found and all(cold[user.product[user.held["test"]]] and user.held["test"] == len(user.product) - 1 for user in found)
    assert all(not cold[user.product[:-1]].any() for user in found)


def test_the_steps_before_a_cold_product_are_those_of_the_history():
    whole = corpus()
    cold = cold_products(whole)
    for before, after in zip(whole.users, without_cold(whole, cold).users, strict=True):
        if after.held["test"] is not None:
            end = int(np.flatnonzero(cold[before.product])[0])
            assert after.product.tolist() == before.product[: end + 1].tolist()


def test_nearest_texts_rank_among_the_cold():
    whole = corpus()
    cold = cold_products(whole)
    made = without_cold(whole, cold)
    texts = np.random.default_rng(0).normal(size=(len(made.texts), 16))
    ranked = rank_products(made, "test", among_cold(of_known(text_neighbours(made, texts)), cold))
    assert ranked.rank.max() < cold.sum() and cold[ranked.best[ranked.best >= 0][: cold.sum()]].all()
