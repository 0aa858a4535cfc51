"""The verdict on a version: what is said, and that nothing is said that the intervals do not bear out."""

import pytest
from joint_space import EVALUATION, METRICS, figure

from workbench.insights.figures import digits, span
from workbench.insights.findings import findings, said
from workbench.registry import merged


def lines(measured):
    return {finding.topic: finding for finding in findings(measured)}


def of_sentiment(**differences):
    """A version measured on sentiment alone, with these differences in macro F1."""
    baselines = {name: {"macro_f1": figure(0.7 - its["value"])} for name, its in differences.items() if name != "parent"}
    return {
        "tasks": {"sentiment": {"metrics": {"macro_f1": figure(0.7)}, "baselines": baselines, "differences": {"macro_f1": differences}}}
    }


@pytest.mark.parametrize(
    ("paired", "metric", "word"),
    [
        (figure(0.05), "macro_f1", "better"),
        (figure(-0.05), "macro_f1", "worse"),
        (figure(0.03), "macro_f1", "no difference beyond chance"),
        (figure(0.05), "ece", "worse"),
        (figure(-0.05), "mae_stars", "better"),
        (figure(0.5, n=19), "macro_f1", "too few rows to tell"),
    ],
)
def test_better_and_worse_need_an_interval_without_zero_and_know_which_way_is_up(paired, metric, word):
    assert said(paired, metric) == word


def test_the_best_simple_method_is_the_one_to_beat():
    assert lines(of_sentiment(majority=figure(0.4), tfidf_logistic=figure(0.1)))["Against simple methods"].state == "good"
    found = lines(of_sentiment(majority=figure(0.4), tfidf_logistic=figure(-0.1)))["Against simple methods"]
    assert found.state == "bad" and found.text == "Worse: Review sentiment (TF-IDF, logistic regression)."


def test_a_simple_method_with_the_same_figure_is_just_as_good_and_nothing_has_changed():
    told = lines(of_sentiment(majority=figure(0.0)))["Against simple methods"].text
    assert told == "Just as good: Review sentiment (most frequent label)."


@pytest.mark.parametrize(("value", "words"), [(0.8125, "0.813"), (-0.0625, "-0.063"), (0.81249, "0.812"), (float("nan"), "nan")])
def test_figures_are_rounded_as_a_browser_rounds_them(value, words):
    assert digits(value) == words
    assert span({"low": value, "high": 1.0}) == f"{words} to 1.000"


def test_what_was_measured_and_makes_no_difference_is_not_unknown():
    assert lines(of_sentiment(majority=figure(0.03)))["Against simple methods"].state == "even"


def test_a_task_that_loses_by_joint_training_is_named():
    found = lines(of_sentiment(single_task=figure(-0.1)))["Joint or alone"]
    assert found.state == "bad" and found.text == "Worse: Review sentiment."
    assert lines(of_sentiment(majority=figure(0.4)))["Joint or alone"].state == "unknown"


def test_the_rival_trained_alone_is_not_counted_as_a_simple_method():
    found = lines(of_sentiment(majority=figure(0.4), single_task=figure(-0.1)))["Against simple methods"]
    assert found.state == "good" and "this task alone" not in found.text


def test_every_question_has_its_line_and_those_not_asked_say_so():
    published, later = lines(METRICS), lines(merged(METRICS, EVALUATION))
    order = ["Against simple methods", "Against its parent", "Joint or alone", "Robustness", "Fairness"]
    assert [topic for topic in published if topic in order] == order
    assert [published[topic].state for topic in ("Joint or alone", "Robustness")] == ["unknown", "unknown"]
    assert [later[topic].state for topic in ("Joint or alone", "Robustness", "On lamps")] == ["good", "bad", "good"]


def test_a_version_without_figures_is_said_to_be_unmeasured():
    assert {finding.state for finding in findings({})} == {"unknown"}
