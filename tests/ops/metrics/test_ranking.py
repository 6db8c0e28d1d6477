"""Rankings against the histogram's own areas, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.metrics.pixels import average_precision, count_levels, roc_auc
from ops.metrics.ranking import median_metric, rank, ranking_metrics


@given(st.integers(0, 10**6))
def test_values_are_those_of_the_histogram(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, 30) / 5
    truth = rng.random(30) < 0.4
    truth[:2] = True, False
    found = rank(scores, truth, np.ones((1, 30), np.int64))
    histogram = count_levels(scores, truth)
    assert found["roc_auc"][0] == pytest.approx(roc_auc(histogram))
    assert found["average_precision"][0] == pytest.approx(average_precision(histogram))


def test_a_weight_of_two_is_a_thing_twice():
    scores, truth = np.array([0.1, 0.5, 0.5, 0.9]), np.array([False, True, False, True])
    weighted = rank(scores, truth, np.array([[1, 2, 0, 3]]))
    twice = [0, 1, 1, 3, 3, 3]
    plain = rank(scores[twice], truth[twice], np.ones((1, 6), np.int64))
    assert weighted["roc_auc"][0] == plain["roc_auc"][0]
    assert weighted["average_precision"][0] == plain["average_precision"][0]


def test_metrics_name_their_method_and_have_intervals():
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.5
    scores = truth + rng.normal(0, 1, 200)
    auc, precision = ranking_metrics(scores, truth, "size", "objects", 200, 0)
    assert auc.key == "size/roc_auc" and precision.counts == {"objects": 200, "true": truth.sum()}
    assert auc.interval is not None and auc.value is not None
    assert auc.interval.low < auc.value < auc.interval.high


def test_one_kind_alone_has_no_value_and_no_number_is_refused():
    metrics = ranking_metrics(np.ones(3), np.ones(3, bool), "size", "objects", 10, 0)
    assert [m.value for m in metrics] == [None, None] and "one kind alone" in metrics[0].note
    with pytest.raises(ValueError, match="not finite"):
        ranking_metrics(np.array([np.nan]), np.ones(1, bool), "size", "objects", 10, 0)


def test_medians_of_none_are_missing():
    assert median_metric(np.array([1.0, 3.0, 8.0]), "a", "b", "c", 10, 0).value == 3
    assert median_metric(np.zeros(0), "a", "b", "c", 10, 0).value is None
