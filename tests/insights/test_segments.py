import json
from dataclasses import replace

import numpy as np
import pandas as pd
import planted_segments as planted
import pytest
from scipy.stats import norm

from workbench.errors import WorkbenchError
from workbench.insights import behaviour, clusters, plain, profiles, segments
from workbench.insights.distinctive import log_odds, wilson, words
from workbench.insights.profiles import Profile
from workbench.shop.space import Space


@pytest.fixture
def made(home, store):
    return planted.ready(home, store)


def test_json_is_what_the_command_line_promises(made):
    value = json.loads(json.dumps(made[1].json()))
    assert {"segments", "noise", "stability", "members"} <= set(value)
    assert [set(s) >= {"id", "name", "size"} for s in value["segments"]] == [True] * 3
    assert value["members"] == {user: planted.users()[user] for user in sorted(planted.users())}
    assert value["noise"] == pytest.approx(0.1)
    assert value["stability"] == 0.97


def test_every_user_is_counted_once_and_unclear_ones_are_named(made):
    value = made[1].json()
    assert sum(s["size"] for s in value["segments"]) == len(value["members"]) == 120
    assert len(value["unclear"]) == 12 == 120 - sum(s["core"] for s in value["segments"])


def test_names_say_what_sets_a_segment_apart_and_differ(made):
    names = [s.name for s in made[1].segments]
    assert len(set(names)) == 3
    assert [word in name for word, name in zip(("Home", "Electronics", "Kids"), names, strict=True)] == [True] * 3
    assert "frequent buyers" in names[0]


def test_profile_counts(made):
    garden, audio, toys = (s.profile for s in made[1].segments)
    assert garden.share_users == pytest.approx(1 / 3)
    assert garden.share_revenue + audio.share_revenue + toys.share_revenue == pytest.approx(1)
    assert audio.measure("orders").value == 2 and garden.measure("orders").value == 6
    assert audio.measure("price").higher == 1.0
    assert [toys.measure("returns").value, garden.measure("returns").value] == pytest.approx([0.1, 0.9])
    assert [s.share for s in toys.sentiment] == [1.0, 0.0, 0.0]
    assert toys.sentiment[0].low < 1.0 and toys.sentiment[0].n == 40
    assert [s.name for s in toys.languages] == ["zh"]


def test_over_indexed_things_have_lift_and_n(made):
    toys = made[1].segments[2].profile
    assert toys.categories[0].title == "Kids" and toys.categories[0].n == 40
    assert {p.name for p in toys.products} == {f"p2-{j}" for j in range(5)}
    assert all(p.lift > 1 and p.z > 1.96 and p.n >= 3 for p in toys.products + toys.words)
    assert {"broken", "wheels"} <= {w.name for w in toys.words}
    assert not {"roses", "bass"} & {w.name for w in toys.words}


def test_profile_survives_its_json(made):
    found = made[1].segments[0].profile
    assert Profile.of(json.loads(json.dumps(found.json()))) == found


def test_what_the_shop_lacks_is_left_out_and_said(home, store):
    _, found = planted.ready(home, store, prices=False, reviews=False)
    profile = found.segments[0].profile
    assert profile.revenue is None and profile.share_revenue is None
    assert not profile.sentiment and not profile.languages
    assert profile.word_basis == "titles" and [w.name for w in profile.words] == ["garden"]
    assert any("names of what they have" in line and "garden" in line for line in plain.summary(profile))
    assert profile.missing["revenue"] == "no purchase has a price"
    assert profile.missing["return probability"] == "needs purchases over at least 210 days"
    assert {"sentiment", "languages"} <= set(profile.missing) and "words" not in profile.missing
    assert profile.measure("value") is None and profile.measure("orders") is not None


def test_a_selection_has_a_profile_of_its_own(made, store):
    space, found = made
    known = segments.known(store, space, found)
    picked = profiles.profile(known, ["u0-001", "u0-002", "nobody"])
    assert picked.size == 2
    assert profiles.profile(known, []).size == 0


def test_segments_of_older_data_are_found_and_say_so(made, store):
    space, _ = made
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO users (user_id) VALUES ('new')")
    assert segments.load(store, space).data_version == store.data_version - 1


def test_no_segments_yet(home, store):
    planted.fill(store)
    assert segments.load(store, Space(store, planted.publish(home))) is None


def test_derived_files_leave_the_version_whole(made):
    space, found = made
    space.version.verify()
    assert sorted(p.name for p in found.folder.iterdir()) == ["segments-1.json", "segments-1.parquet", "segments-words-1.parquet"]


def test_too_few_users_is_said_before_anything_is_compiled(home, store):
    planted.fill(store, each=10)
    space = Space(store, planted.publish(home, each=10))
    with pytest.raises(WorkbenchError, match=r"at least 50 users.*knows 30"):
        segments.derive(store, space, lambda done, step: None)


def test_plain_words_warn_of_unstable_groups(made):
    found = made[1]
    assert "10% of the users belong clearly to no group" in segments.explain(found)[0]
    assert "practically the same" in segments.explain(found)[1]
    shaky = replace(found, stability=0.2, clustered=100)
    assert "do not rely" in segments.explain(shaky)[1]
    assert "100 users, drawn at random" in segments.explain(shaky)[3]


def test_names_stay_different_where_nothing_sets_apart(made, store):
    space, found = made
    twins = [profiles.profile(segments.known(store, space, found), list(planted.users()))] * 3
    assert len(set(profiles.names(twins))) == 3


@pytest.mark.parametrize(("value", "named"), [(33.0, False), (30.5, False), (28.0, True)])
def test_a_name_calls_prices_low_only_where_they_are(made, value, named):
    found = replace(made[1].segments[0].profile, categories=[], words=[])
    price = profiles.Measure("price", "Average price of a piece", "money", value, 35.0, 40, 0.3)
    assert ("low prices" in profiles.names([replace(found, measures=[price])])[0]) == named


def test_two_users_differ_in_nothing_beyond_chance(made, store):
    space, found = made
    known = segments.known(store, space, found)
    listeners = [user for user, kind in planted.users().items() if kind == 1]
    many, few = (profiles.profile(known, users).measure("price") for users in (listeners, listeners[:1]))
    assert many.higher == 1.0 and many.z > 8 and plain.compared(many) == "clearly more than the others"
    assert few.higher > 0.7 and few.z < 1.96 and plain.compared(few) == "about like the others"
    unsure = replace(many, z=1.2)
    named = replace(found.segments[1].profile, categories=[], words=[])
    assert [profiles.names([replace(named, measures=[m])])[0] for m in (many, unsure)] == ["All round · premium taste", "All round"]


def test_a_measures_distance_is_that_of_scipy():
    from scipy.stats import mannwhitneyu

    column, inside = pd.Series(np.random.default_rng(0).integers(0, 6, 60).astype(float)), np.arange(60) < 25
    column[3] = np.nan
    column[inside] += 1
    told = mannwhitneyu(column[inside].dropna(), column[~inside], use_continuity=False, method="asymptotic")
    higher, z = profiles._higher(column, inside)
    assert higher == pytest.approx(told.statistic / (24 * 35)) and 2 * norm.sf(abs(z)) == pytest.approx(told.pvalue)


def test_an_interval_of_small_shares_has_two_ends():
    told = plain.shares_table([profiles.Share("negative", 8, 1000, 0.008, 0.0061, 0.0104, 0.009)], "Sentiment")
    assert told["95 % interval"].tolist() == ["0.6% to 1.0%"]


def test_sentences_tell_small_shares_as_the_tables_do(made):
    back = replace(made[1].segments[0].profile.measure("returns"), value=0.043, shop=0.035)
    told = plain.summary(replace(made[1].segments[0].profile, measures=[back]))
    assert any("4.3% on average; in the shop 3.5%" in line for line in told)


def test_whole_histories_steady_the_vectors(home, store):
    planted.fill(store)
    space = Space(store, planted.publish(home))
    ids, vectors = space.vectors("users")
    steadied = segments.steady(store, space, ids, vectors)
    assert np.allclose(np.linalg.norm(steadied, axis=1), 1, atol=1e-5)
    kinds = np.array([planted.users()[u] for u in ids])
    own = np.eye(planted.DIM, dtype=np.float32)[kinds]
    assert ((steadied * own).sum(1) > (vectors * own).sum(1)).all()


def test_exact_neighbours():
    random = np.random.default_rng(1)
    vectors = random.normal(size=(300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index, distance = clusters.neighbours(vectors, 6)
    near = vectors @ vectors.T
    assert (index[:, 0] == np.arange(300)).all()
    assert (index[:, 1:] == np.argsort(-near, axis=1)[:, 1:6]).all()
    assert (np.diff(distance[:, 1:], axis=1) >= -1e-6).all()


def test_candidates_depend_on_the_rows_alone():
    assert [clusters.least_size(n) for n in (60, 1500, 100_000)] == [10, 30, 500]
    assert len(clusters.candidates(1500)) == 12
    assert len(clusters.candidates(60)) == 4


def grouping(*labels):
    found = np.array(labels)
    return clusters.Grouping(found, np.where(found < 0, 0, found), np.ones(len(found)))


def test_the_most_typical_run_wins():
    odd, usual = grouping(0, 1, 0, 1, 0, 1), grouping(0, 0, 0, 1, 1, 1)
    chosen, stability = clusters._most_typical([odd, usual, usual])
    assert chosen is usual
    assert stability < 0.7


def test_groups_that_tell_most_win():
    coarse, fine, loose, shaky = (clusters.Setting(n, "eom", 5) for n in (50, 30, 20, 10))
    tried = {
        coarse: [grouping(0, 0, 0, 0, 0, 1)] * 3,
        fine: [grouping(0, 0, 1, 1, 2, 2)] * 3,
        loose: [grouping(0, 1, 2, -1, -1, -1)] * 3,
        shaky: [grouping(0, 1, 2, 3, 4, 4), grouping(0, 0, 1, 1, 2, 2), grouping(0, 1, 0, 1, 0, 1)],
    }
    assert clusters._choose(tried)[0] == fine
    assert clusters._choose({coarse: tried[coarse], shaky: tried[shaky]})[0] == coarse
    assert clusters.worth([grouping(0, 0, 0, 0)] * 3) == 0


def test_groups_are_numbered_from_the_largest():
    assert clusters.by_size(np.array([0, -1, 1, 1, 2, 2, 2])).tolist() == [2, -1, 1, 1, 0, 0, 0]


def test_rows_without_a_group_follow_their_neighbours():
    angle = np.radians([0, 1, 2, 3, 80, 81, 82, 83, 40, 44])
    vectors = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    labels = np.array([0, 0, 0, -1, 1, 1, 1, 1, -1, -1])
    group, strength = clusters._fill(vectors, clusters.neighbours(vectors, 4), labels, np.ones(10))
    assert group.tolist()[:8] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert (group >= 0).all()
    assert (strength[labels < 0] <= 0.5).all() and strength[3] > 0.3


def test_log_odds_do_not_let_rare_things_win():
    found = log_odds(pd.Series({"often": 80, "once": 1, "same": 50}), pd.Series({"often": 20, "same": 100}))
    assert found["name"].iloc[0] == "often"
    assert found.set_index("name").loc["once", "z"] < 1.96
    assert found.set_index("name").loc["same", "z"] < 0


def test_wilson_interval():
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490, abs=0.001) and high == pytest.approx(0.943, abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)


def test_words_in_two_languages():
    assert words("The BATTERY's battery died, 电池很好用!") >= {"battery's", "battery", "died", "电池"}
    assert "the" not in words("The the")


def test_words_are_counted_once_per_user(made, store):
    used = behaviour.words_used(store, made[0])
    assert not used.duplicated().any()


@pytest.mark.slow
def test_planted_kinds_are_found(home, store):
    from sklearn.metrics import adjusted_rand_score

    planted.fill(store)
    space, steps = Space(store, planted.publish(home)), []
    segments.derive(store, space, lambda done, step: steps.append(done))
    found = segments.load(store, space)
    truth = planted.users()
    labels = found.members["segment"].tolist()
    assert adjusted_rand_score([truth[u] for u in found.members["user_id"]], labels) > 0.9
    assert found.stability > 0.9 and found.noise < 0.2
    assert steps == sorted(steps) and steps[-1] == 1.0


@pytest.mark.slow
def test_a_large_shop_is_clustered_by_a_sample():
    from sklearn.metrics import adjusted_rand_score

    found = clusters.cluster(planted.vectors(100), lambda done, step: None, seeds=(7, 17), most=150)
    assert found.clustered == 150 and len(found.group) == 300
    assert adjusted_rand_score(list(planted.users(100).values()), found.group) > 0.9
    assert np.isfinite(found.places).all()
