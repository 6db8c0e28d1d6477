"""Calibration against plain loops, and values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import brier_score_loss

from ops.metrics.calibration import (
    brier_score,
    calibration_metrics,
    expected_calibration_error,
    reliability,
)
from ops.metrics.pixels import count_levels

QUICK = settings(deadline=None, max_examples=50)
SAMPLES = st.integers(1, 40).flatmap(
    lambda n: st.tuples(hnp.arrays(np.uint16, n), hnp.arrays(bool, n))
)


def bins_by_loop(values, bins):
    """The bin of each uint16, in whole numbers: k < v bins / 65535 <= k + 1."""
    return [max(0, -(-int(v) * bins // 65535) - 1) for v in values]


def hand():
    """In two bins: 0.2 and 0.4 with one of two true; 0.8 three times, all true."""
    probability = np.array([0.2, 0.4, 0.8, 0.8, 0.8])
    return count_levels(probability, np.array([False, True, True, True, True]))


def test_reliability_by_hand():
    diagram = reliability(hand(), bins=2)
    np.testing.assert_array_equal(diagram.edges, [0, 0.5, 1])
    np.testing.assert_array_equal(diagram.bin, [0, 1])
    np.testing.assert_array_equal(diagram.voxels, [2, 3])
    np.testing.assert_allclose(diagram.mean_probability, [0.3, 0.8])
    np.testing.assert_array_equal(diagram.true_share, [0.5, 1])


def test_errors_by_hand():
    # 2/5 of |0.5 - 0.3| and 3/5 of |1 - 0.8|.
    assert expected_calibration_error(hand(), bins=2) == pytest.approx(0.2)
    # In one bin: |0.8 - 0.6|; in three, 0.2 and 0.4 part: (0.2 + 0.6 + 3 * 0.2) / 5.
    assert expected_calibration_error(hand(), bins=1) == pytest.approx(0.2)
    assert expected_calibration_error(hand(), bins=3) == pytest.approx(0.28)
    assert brier_score(hand()) == pytest.approx((0.04 + 0.36 + 3 * 0.04) / 5)


def test_an_edge_belongs_to_the_bin_below_and_zero_to_the_first():
    values = np.array([0, 4369, 4370, 8738, 65535], np.uint16)  # 4369 / 65535 is 1 / 15
    diagram = reliability(count_levels(values, np.ones(5, bool)))
    np.testing.assert_array_equal(diagram.bin, [0, 1, 14])
    np.testing.assert_array_equal(diagram.voxels, [2, 2, 1])
    assert len(diagram.edges) == 16


@QUICK
@given(SAMPLES, st.sampled_from([1, 2, 10, 15, 100, 70000]))
def test_bins_equal_those_of_a_loop(sample, bins):
    values, truth = sample
    histogram = count_levels(values, truth)
    diagram = reliability(histogram, bins)
    index = np.array(bins_by_loop(values, bins))
    np.testing.assert_array_equal(diagram.bin, np.unique(index))
    error = 0.0
    for k, voxels, mean, share in zip(
        diagram.bin, diagram.voxels, diagram.mean_probability, diagram.true_share, strict=True
    ):
        assert voxels == np.sum(index == k)
        assert mean == pytest.approx(np.mean(values[index == k] / 65535))
        assert share == np.mean(truth[index == k])
        error += voxels / len(values) * abs(mean - share)
    assert expected_calibration_error(histogram, bins) == pytest.approx(error, abs=1e-12)


@QUICK
@given(SAMPLES)
def test_brier_equals_that_of_scikit_learn(sample):
    values, truth = sample
    expected = brier_score_loss(truth, values / 65535, pos_label=True)
    assert brier_score(count_levels(values, truth)) == pytest.approx(expected, abs=1e-12)


def test_a_perfect_prediction_has_no_error():
    truth = np.arange(10) % 2 == 0
    for metric in calibration_metrics(count_levels(truth, truth)):
        assert metric.value == 0.0
    for metric in calibration_metrics(count_levels(~truth, truth)):
        assert metric.value == 1.0


def test_honest_probabilities_are_calibrated_but_not_sharp():
    histogram = count_levels(np.full(10, 51, np.uint8), np.arange(10) < 2)  # 0.2, two of ten
    assert expected_calibration_error(histogram) == pytest.approx(0.0, abs=1e-12)
    assert brier_score(histogram) == pytest.approx(0.16)


def test_metrics_say_what_they_are():
    error, brier = calibration_metrics(hand(), bins=10)
    assert error.key == "equal_width_10/expected_calibration_error"
    assert brier.key == "positive_class/brier_score"
    assert error.settings == {"bins": 10}
    for metric in (error, brier):
        assert metric.better == "lower"
        assert metric.counts == {"voxels": 5, "positives": 4}
        assert not metric.note


def test_without_a_voxel_there_is_no_value():
    histogram = count_levels(np.zeros(0), np.zeros(0, bool))
    for score in (reliability, expected_calibration_error, brier_score):
        with pytest.raises(ValueError, match="histogram of no voxel"):
            score(histogram)
    for metric in calibration_metrics(histogram):
        assert metric.value is None
        assert "no voxel was counted" in metric.note


@pytest.mark.parametrize("bins", [0, -3])
def test_there_is_at_least_one_bin(bins):
    for score in (reliability, expected_calibration_error, calibration_metrics):
        with pytest.raises(ValueError, match=f"got {bins} bins; needs at least 1"):
            score(hand(), bins)
