import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.ensemble import GradientBoostingClassifier

from workbench.encoder import metrics
from workbench.encoder.calibrate import offsets
from workbench.encoder.heads import TextHead, UserHead
from workbench.encoder.numbers import Numbers
from workbench.encoder.objectives import set_loss, target_masks
from workbench.encoder.scaling import label_scaling, platt
from workbench.encoder.train import geometric_mean
from workbench.encoder.trees import DEPTH, RATE, Trees
from workbench.encoder.wordcount import Words
from workbench.tasks.base import Outputs
from workbench.tasks.category import paths_of
from workbench.tasks.sentiment import STARS, place_of


def drawn(rows, seed=0):
    """Logits (rows, 3) with labels drawn from them."""
    random = np.random.default_rng(seed)
    logits = random.normal([0.0, -1.0, 1.5], 1.5, (rows, 3))
    chances = softmax(logits, 1)
    truth = np.array([random.choice(3, p=p) for p in chances])
    return logits, truth


def ece(probabilities, truth):
    return metrics.calibration_error((probabilities.argmax(1) == truth).astype(float), probabilities.max(1))


def test_temperature_and_bias_heal_an_over_confident_model():
    logits, truth = drawn(4000)
    wrong = 3 * logits + [1.0, 0.0, -0.5]
    none = np.zeros((2000, 3))
    found = label_scaling(wrong[:2000], none, truth[:2000])
    before, after = ece(softmax(wrong[2000:], 1), truth[2000:]), ece(found.probabilities(wrong[2000:], none), truth[2000:])
    assert before > 0.1 and after < 0.03 and 2 < found.temperature < 4


def test_few_rows_move_little():
    found = label_scaling(np.array([[4.0, 0.0, 0.0]] * 3), np.zeros((3, 3)), np.array([1, 1, 1]))
    assert found.temperature < 10 and np.abs(found.bias).max() < 3


def test_words_and_reading_share_what_each_knows():
    logits, truth = drawn(3000)
    told, words = logits.copy(), logits.copy()
    told[:, 0], words[:, 2] = 0.0, 0.0
    both = label_scaling(told[:1500], words[:1500], truth[:1500])
    hit = (both.probabilities(told[1500:], words[1500:]).argmax(1) == truth[1500:]).mean()
    assert hit > max((part[1500:].argmax(1) == truth[1500:]).mean() for part in (told, words)) and both.share > 0.2


@pytest.mark.parametrize("labels", [2, 3])
def test_words_are_counted_on_the_training_rows_alone(labels):
    said = ["it works fine and well", "broke at once sadly", "so and so at best"][:labels]
    texts, truth = said * 20, np.arange(labels).repeat(1).tolist() * 20
    words = Words(labels)
    assert not words(said).any()
    words.fit((texts, np.array(truth)), (["works fine unseenmarker"], np.array([0])), seed=0)
    assert words(said).argmax(1).tolist() == list(range(labels))
    assert torch.equal(words(["unseenmarker"]), words([""])) and words([]).shape == (0, labels)


def test_platt_heals_yes_and_no():
    random = np.random.default_rng(1)
    logits = random.normal(0, 1, 4000)
    truth = (random.random(4000) < 1 / (1 + np.exp(-logits))).astype(int)
    told = np.stack([4 * logits + 1, random.normal(0, 1, 4000)], 1)  # the second logit says nothing
    slope, shift = platt(told[:2000], truth[:2000])
    healed = 1 / (1 + np.exp(-(told[2000:] @ slope + shift)))
    assert slope == pytest.approx([0.25, 0.0], abs=0.1) and shift == pytest.approx(-0.25, abs=0.15)
    assert metrics.calibration_error(truth[2000:].astype(float), healed) < 0.04


def test_offsets_raise_macro_f1_where_a_label_is_rare_and_leave_probabilities_alone():
    random = np.random.default_rng(2)
    logits = random.normal([0.0, 0.0, 3.0], 1, (6000, 3))
    chances = softmax(logits, 1)
    truth = np.array([random.choice(3, p=p) for p in chances])
    found = offsets(chances[:3000])
    shown = (np.log(chances[3000:]) + found).argmax(1)
    assert metrics.macro_f1(truth[3000:], shown, 3) > metrics.macro_f1(truth[3000:], chances[3000:].argmax(1), 3) + 0.03


def test_calibration_error_by_hand():
    assert metrics.calibration_error(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.9, 0.55, 0.55])) == pytest.approx(0.425)
    found = metrics.calibration(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.9, 0.55, 0.55]))
    assert found["bins"] == [pytest.approx([0.55, 1.0, 2]), pytest.approx([0.9, 0.5, 2])]


def test_average_precision_agrees_with_scikit_learn_with_ties():
    from sklearn.metrics import average_precision_score

    random = np.random.default_rng(0)
    truth, score = random.integers(0, 2, 200), random.integers(0, 9, 200) / 9
    assert metrics.average_precision(truth, score) == pytest.approx(average_precision_score(truth, score))


def test_a_far_miss_of_the_stars_costs_more_than_a_near_one():
    far, near = torch.log_softmax(torch.tensor([[6.0, 0, 0, 0, 0], [0, 0, 0, 6.0, 0]]), -1)
    masks, one = target_masks(STARS), torch.ones(5)
    five = torch.tensor([4])
    assert float(set_loss(far[None], masks[five], one)) > 2 * float(set_loss(near[None], masks[five], one))


def test_a_label_teaches_its_stars_and_leaves_open_which():
    torch.manual_seed(0)
    head = TextHead(4, STARS)
    pooled = torch.randn(32, 4)
    told = torch.full((32,), len(STARS.names) + 2)
    optimiser = torch.optim.Adam(head.parameters(), 0.1)
    for _ in range(60):
        optimiser.zero_grad()
        set_loss(head(pooled), target_masks(STARS)[told], torch.ones(5)).backward()
        optimiser.step()
    with torch.no_grad():
        found = head(pooled)
        chances = head.probabilities(found, [""] * 32)
        assert chances[:, 2].min() > 0.8 and head.outputs(found, chances)[:, 3:].mean(0).min() > 0.05


@pytest.mark.parametrize(("stars", "name"), [(1, "1"), (1.5, "2"), (2.5, "3"), (3.5, "3"), (4.5, "4"), (5, "5")])
def test_half_stars_keep_their_label(stars, name):
    assert STARS.names[place_of(stars)] == name


def test_calibrated_stars_sum_to_the_calibrated_labels():
    head = TextHead(4, STARS)
    head.temperature.fill_(2.5)
    head.bias.copy_(torch.tensor([0.5, -1.0, 0.0]))
    with torch.no_grad():
        told = head(torch.randn(6, 4))
        labels = head.probabilities(told, [""] * 6)
        stars = head.outputs(told, labels)
    assert torch.allclose(stars[:, :2].sum(1), labels[:, 0], atol=1e-5) and torch.allclose(stars[:, 3:].sum(1), labels[:, 2], atol=1e-5)


PATHS = ["Audio", "Audio > Headphones", "Audio > Radios", "Garden"]


def test_a_path_is_learned_at_every_level():
    found = paths_of(PATHS)
    assert found.targets[1] == [[0, 1, 2], [1]] and found.targets[3] == [[3]]
    told = torch.log_softmax(torch.randn(2, 4), -1)
    loss = set_loss(told, target_masks(found)[torch.tensor([1, 3])], torch.ones(4))
    p = torch.exp(told)
    by_hand = -((torch.log(p[0, :3].sum()) + torch.log(p[0, 1])) / 2 + torch.log(p[1, 3])) / 2
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)


def test_accuracy_by_level_sums_leaves_up_the_path():
    probabilities = np.array([[0.1, 0.25, 0.25, 0.4], [0.1, 0.2, 0.6, 0.1]])
    found = metrics.by_level(np.array([1, 1]), probabilities, paths_of(PATHS).targets)
    assert {name: metric["value"] for name, metric in found.items()} == {"accuracy_level_1": 1.0, "accuracy_level_2": 0.0}
    assert metrics.by_level(np.array([0]), np.array([[1.0, 0.0]]), Outputs.plain(["a", "b"]).targets) == {}


def test_below_its_end_a_path_is_itself_and_not_all_that_begin_like_it():
    probabilities = np.array([[0.3, 0.4, 0.2, 0.1], [0.6, 0.2, 0.1, 0.1], [0.3, 0.4, 0.2, 0.1], [0.4, 0.5, 0.0, 0.1]])
    found = metrics.by_level(np.array([1, 0, 1, 0]), probabilities, paths_of(PATHS).targets)
    assert {name: metric["value"] for name, metric in found.items()} == {"accuracy_level_1": 1.0, "accuracy_level_2": 0.75}


def test_numbers_count_in_pieces_where_an_answer_bends_with_them():
    random = np.random.default_rng(3)
    told = np.stack([random.normal(0, 1, 4000), np.ones(4000), random.integers(0, 2, 4000)], 1).astype(np.float32)
    truth = (random.random(4000) < np.where(np.abs(told[:, 0]) < 0.6, 0.9, 0.1)).astype(int)  # no straight line tells it
    numbers = Numbers(3)
    assert not numbers(torch.from_numpy(told)).any()
    numbers.fit((told[:2000], truth[:2000]), (told[2000:3000], truth[2000:3000]))
    found = numbers(torch.from_numpy(told[3000:])).numpy()
    assert ((found > 0) == truth[3000:]).mean() > 0.8


def test_a_task_of_a_few_rows_does_not_choose_the_epoch_alone():
    def score(*figures):
        return geometric_mean([metrics.Metric(lambda rows: 0.0, n, value, np.zeros(0)) for value, n in figures])

    many = [(0.64, 2000), (0.55, 2000), (0.85, 2000), (0.08, 2000)]
    worse = [(0.50, 2000), (0.40, 2000), (0.75, 2000), (0.05, 2000)]
    assert score(*many, (0.0, 5)) > score(*worse, (0.2, 5))
    assert score(*many, (np.nan, 5)) == score(*many) and score((np.nan, 5)) == 0
    assert score(*many, (0.0, 2000)) < score(*worse, (0.2, 2000))


def test_numbers_that_say_something_only_together_are_heard():
    random = np.random.default_rng(4)
    told = random.normal(0, 1, (4000, 3)).astype(np.float32)
    truth = (random.random(4000) < np.where(told[:, 0] * told[:, 1] > 0, 0.9, 0.1)).astype(int)  # neither alone tells it
    numbers = Numbers(3)
    numbers.fit((told[:2000], truth[:2000]), (told[2000:3000], truth[2000:3000]))
    found = numbers(torch.from_numpy(told[3000:])).numpy()
    assert float(numbers.share) == 0.5 and ((found > 0) == truth[3000:]).mean() > 0.75


def test_trees_held_as_tensors_answer_as_those_that_were_grown():
    random = np.random.default_rng(5)
    told = np.round(random.normal(0, 1, (1000, 4)), 1).astype(np.float32)
    truth = (random.random(1000) < np.where((told[:, 0] > 0.3) & (told[:, 2] < 0.5), 0.8, 0.2)).astype(int)
    grown = GradientBoostingClassifier(n_estimators=7, learning_rate=RATE, max_depth=DEPTH, min_samples_leaf=150).fit(told, truth)
    trees = Trees()
    trees._hold(grown, 7, float(truth.mean()))
    assert np.allclose(trees(torch.from_numpy(told)).numpy(), grown.decision_function(told), atol=1e-5)


def test_trees_that_help_nothing_are_not_kept():
    random = np.random.default_rng(6)
    told, truth = random.normal(0, 1, (600, 2)).astype(np.float32), random.integers(0, 2, 600)
    trees = Trees()
    assert not trees.fit((told[:300], truth[:300]), (told[300:], truth[300:]), np.where(truth[300:] == 1, 9.0, -9.0))
    assert not trees.fit((told, truth), (told[:0], truth[:0]), np.zeros(0))
    assert not trees(torch.from_numpy(told)).any()


def test_a_user_head_adds_what_numbers_and_state_say():
    head = UserHead(8, 3).eval()
    states = torch.randn(2, 8)
    both = head(states, torch.zeros(2, 3))
    assert both.shape == (2, 2) and not both[:, 0].any()
    assert torch.allclose(head.probability(both), torch.sigmoid(head.state(states)[:, 0]))
