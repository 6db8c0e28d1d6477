"""Voxelwise scores against scikit-learn, plain counting, and values worked out by hand."""

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sklearn_metrics

from ops.metrics import pixels
from ops.metrics.matches import Matches
from ops.metrics.pixels import (
    LEVELS,
    at_threshold,
    average_precision,
    best_f1,
    check_probability,
    count_levels,
    pixel_metrics,
    roc_auc,
    threshold_curve,
)

QUICK = settings(deadline=None, max_examples=50)
# Few values, so that ties are common.
UINT8 = hnp.arrays(np.uint8, st.integers(2, 40), elements=st.sampled_from([0, 1, 7, 128, 255]))


@st.composite
def scored(draw):
    """Probabilities and a truth that has voxels of both kinds."""
    probability = draw(UINT8)
    truth = draw(hnp.arrays(bool, len(probability)))
    truth[:2] = [True, False]
    return probability, truth


def hand():
    """Two voxels of the structure, found first and third."""
    probability = np.array([0.8, 0.6, 0.4, 0.2, 0.2], np.float32)
    return count_levels(probability, np.array([True, False, True, False, False]))


@QUICK
@given(scored())
def test_areas_equal_those_of_scikit_learn(sample):
    probability, truth = sample
    histogram = count_levels(probability, truth)
    expected_ap = sklearn_metrics.average_precision_score(truth, probability)
    expected_auc = sklearn_metrics.roc_auc_score(truth, probability)
    assert average_precision(histogram) == pytest.approx(expected_ap, abs=1e-12)
    assert roc_auc(histogram) == pytest.approx(expected_auc, abs=1e-12)


@QUICK
@given(scored())
def test_the_curve_equals_that_of_scikit_learn(sample):
    probability, truth = sample
    curve = threshold_curve(count_levels(probability, truth))
    precision, recall, thresholds = sklearn_metrics.precision_recall_curve(truth, probability)
    np.testing.assert_allclose(curve.thresholds, thresholds / 255)
    np.testing.assert_allclose(curve.precision, precision[:-1])
    np.testing.assert_allclose(curve.recall, recall[:-1])
    for threshold, rate in zip(thresholds, curve.false_positive_rate, strict=True):
        assert rate == np.mean(probability[~truth] >= threshold)


@QUICK
@given(scored(), st.integers(1, 255))
def test_a_voxel_at_the_threshold_is_positive(sample, level):
    probability, truth = sample
    found = probability >= level
    assert at_threshold(count_levels(probability, truth), level / 255) == Matches(
        int((found & truth).sum()), int((found & ~truth).sum()), int((~found & truth).sum())
    )


@QUICK
@given(scored())
def test_no_threshold_beats_the_best(sample):
    histogram = count_levels(*sample)
    threshold, best = best_f1(histogram)
    assert best == at_threshold(histogram, threshold)
    f1 = {level: at_threshold(histogram, level / 255).f1 for level in range(1, 256)}
    assert best.f1 == max(f1.values())
    assert threshold == max(level / 255 for level, value in f1.items() if value == best.f1)


def test_scores_by_hand():
    histogram = hand()
    assert at_threshold(histogram, 0.5) == Matches(1, 1, 1)
    assert at_threshold(histogram, 0.4) == Matches(2, 1, 0)  # 0.4 itself is not exact in float32
    # Precision 1 at recall 1/2, then 2/3 at recall 1.
    assert average_precision(histogram) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # Of six pairs (true, false) only (0.4, 0.6) is in the wrong order.
    assert roc_auc(histogram) == pytest.approx(5 / 6)
    threshold, best = best_f1(histogram)
    assert threshold == pytest.approx(0.4, abs=1e-5)
    assert best.f1 == pytest.approx(0.8)


def test_ties_count_half_in_the_roc():
    histogram = count_levels(np.full(4, 128, np.uint8), np.array([True, False, False, False]))
    assert roc_auc(histogram) == 0.5
    assert average_precision(histogram) == 0.25


def test_the_curve_by_hand():
    curve = threshold_curve(hand())
    np.testing.assert_allclose(curve.thresholds, [0.2, 0.4, 0.6, 0.8], atol=1e-5)
    np.testing.assert_array_equal(curve.true_positives, [2, 2, 1, 1])
    np.testing.assert_array_equal(curve.false_positives, [3, 1, 1, 0])
    np.testing.assert_allclose(curve.precision, [2 / 5, 2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(curve.recall, [1, 1, 0.5, 0.5])
    np.testing.assert_allclose(curve.false_positive_rate, [1, 1 / 3, 1 / 3, 0])


def test_a_perfect_prediction_scores_one():
    truth = np.arange(20) % 3 == 0
    for metric in pixel_metrics(count_levels(truth, truth), 0.5):
        assert metric.value == 1.0
    for metric in pixel_metrics(count_levels(~truth, truth), 0.5):
        assert metric.value is not None and metric.value < 0.6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float16, np.float32, np.float64])
def test_every_dtype_lies_on_one_grid(dtype):
    largest = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    probability = np.array([0, largest, largest], dtype)
    histogram = count_levels(probability, np.array([0, 1, 0], np.uint8))
    assert histogram.positives[LEVELS - 1] == 1 == histogram.positives.sum()
    assert histogram.negatives[0] == 1 == histogram.negatives[LEVELS - 1]


def test_uint8_and_its_floats_are_counted_alike():
    values = np.arange(256, dtype=np.uint8)
    truth = values % 7 < 3
    exact = count_levels(values, truth)
    for dtype in (np.float32, np.float64):
        rounded = count_levels((values / 255).astype(dtype), truth)
        np.testing.assert_array_equal(rounded.positives, exact.positives)
        np.testing.assert_array_equal(rounded.negatives, exact.negatives)
    assert (
        np.flatnonzero(exact.positives + exact.negatives).tolist()
        == (values.astype(int) * 257).tolist()
    )


@QUICK
@given(hnp.arrays(np.float32, 20, elements=st.floats(0, 1, width=32)))
def test_floats_are_moved_to_the_nearest_level(probability):
    histogram = count_levels(probability, np.ones(20, bool))
    levels = np.repeat(np.arange(LEVELS), histogram.positives)
    moved = np.abs(levels / (LEVELS - 1) - np.sort(probability.astype(np.float64)))
    assert moved.max() <= 0.5 / (LEVELS - 1) + 1e-15 < 7.7e-6


@pytest.mark.parametrize("slab_voxels", [1, 7, 1 << 22])
def test_parts_masks_and_views_add_up(monkeypatch, slab_voxels):
    monkeypatch.setattr(pixels, "SLAB_VOXELS", slab_voxels)
    rng = np.random.default_rng(0)
    probability = rng.integers(0, 256, (5, 6, 7), np.uint8)
    truth = rng.integers(0, 3, (5, 6, 7))
    mask = rng.random((5, 6, 7)) < 0.5
    masked = count_levels(probability, truth, mask)
    whole = count_levels(probability, truth)
    for histogram in (
        count_levels(probability[:2], truth[:2]) + count_levels(probability[2:], truth[2:]),
        masked + count_levels(probability, truth, ~mask),
        count_levels(probability.transpose(2, 0, 1), truth.transpose(2, 0, 1)),
        count_levels(probability[::-1], np.asfortranarray(truth)[::-1]),
    ):
        np.testing.assert_array_equal(histogram.positives, whole.positives)
        np.testing.assert_array_equal(histogram.negatives, whole.negatives)
    for level in range(256):
        here = mask & (probability == level)
        assert masked.positives[257 * level] == np.sum(here & (truth > 0))
        assert masked.negatives[257 * level] == np.sum(here & (truth == 0))
    assert (masked.voxels, masked.positive_voxels) == (mask.sum(), (mask & (truth > 0)).sum())


def test_zero_axes_and_no_voxel_are_counted():
    one = count_levels(np.array(0.5), np.array(True))
    assert (one.voxels, one.positive_voxels, one.positives[32768]) == (1, 1, 1)
    assert count_levels(np.zeros((0, 3), np.uint8), np.zeros((0, 3), bool)).voxels == 0


def test_what_is_masked_out_may_be_nan():
    probability = np.array([np.nan, 1.0], np.float32)
    assert count_levels(probability, np.ones(2, bool), np.array([False, True])).voxels == 1


def test_metrics_say_what_they_are():
    metrics = {m.name: m for m in pixel_metrics(hand(), 0.5, prefix="cleft_")}
    assert list(metrics) == [
        "cleft_precision",
        "cleft_recall",
        "cleft_f1",
        "cleft_f1_best_threshold",
        "cleft_average_precision",
        "cleft_roc_auc",
    ]
    assert all(m.convention == "pixel" and m.better == "higher" for m in metrics.values())
    assert all(m.counts["voxels"] == 5 and m.counts["positives"] == 2 for m in metrics.values())
    assert metrics["cleft_f1"].value == 0.5
    assert metrics["cleft_f1"].settings == {"threshold": 0.5}
    best = metrics["cleft_f1_best_threshold"]
    assert best.value == pytest.approx(0.8)
    assert best.settings["threshold"] == pytest.approx(0.4, abs=1e-5)
    assert "optimistic" in best.note
    assert best.counts["true_positives"] == 2


@pytest.mark.parametrize(
    ("truth", "lacking"), [(True, "outside the structure"), (False, "of the structure")]
)
def test_areas_need_voxels_of_both_kinds(truth, lacking):
    histogram = count_levels(np.array([100, 200], np.uint8), np.full(2, truth))
    for area in (average_precision, roc_auc):
        with pytest.raises(ValueError, match=f"no voxel {lacking}; needs at least one"):
            area(histogram)
    metrics = {m.name: m for m in pixel_metrics(histogram, 0.5)}
    for name in ("average_precision", "roc_auc"):
        assert metrics[name].value is None
        assert f"no voxel {lacking}" in metrics[name].note
    assert metrics["f1_best_threshold"].value == 1.0
    assert metrics["precision"].value == float(truth)


def test_rates_need_what_they_are_rates_of():
    curve = threshold_curve(count_levels(np.zeros(2, np.uint8), np.zeros(2, bool)))
    with pytest.raises(ValueError, match="no voxel of the structure"):
        _ = curve.recall
    curve = threshold_curve(count_levels(np.zeros(2, np.uint8), np.ones(2, bool)))
    with pytest.raises(ValueError, match="no voxel outside the structure"):
        _ = curve.false_positive_rate


def test_without_a_voxel_all_values_are_missing():
    histogram = count_levels(np.zeros(2), np.ones(2, bool), np.zeros(2, bool))
    for metric in pixel_metrics(histogram, 0.5):
        assert metric.value is None
        assert "no voxel was counted" in metric.note
        assert metric.counts["voxels"] == 0


@pytest.mark.parametrize("threshold", [0, -0.1, 1.5, float("nan")])
def test_thresholds_lie_between_zero_and_one(threshold):
    with pytest.raises(ValueError, match=r"needs one in \(0, 1\]"):
        at_threshold(hand(), threshold)
    with pytest.raises(ValueError, match=r"needs one in \(0, 1\]"):
        pixel_metrics(hand(), threshold)


def test_a_tiny_threshold_is_not_zero():
    assert at_threshold(hand(), 1e-9) == Matches(2, 3, 0)
    zero = count_levels(np.zeros(3, np.uint8), np.ones(3, bool))
    assert at_threshold(zero, 1e-9) == Matches(0, 0, 3)


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        (np.array([0.5, np.nan]), "got NaN in 1 of 2 voxels; .*by a mask"),
        (np.array([0.5, 1.25]), r"from 0.5 to 1.25; needs \[0, 1\]: apply a sigmoid"),
        (np.array([-0.5, 1.0], np.float16), r"from -0.5 to 1.0; needs \[0, 1\]"),
        (np.array([0.5, np.inf]), "from 0.5 to inf"),
        (np.array([0, 1]), "dtype int64; needs floats"),
        (np.array([0, 1], np.uint32), "dtype uint32; needs floats"),
        (np.array([0, 1], complex), "dtype complex128; needs floats"),
    ],
)
def test_what_is_no_probability_is_refused(probability, message):
    with pytest.raises(ValueError, match=message):
        count_levels(probability, np.ones(2, bool))
    with pytest.raises(ValueError, match=f"membrane: .*{message}"):
        check_probability(probability, "membrane")


def test_a_truth_of_floats_is_refused():
    with pytest.raises(ValueError, match=r"truth: got dtype float64; .*threshold it first"):
        count_levels(np.zeros(2), np.zeros(2))


def test_shapes_that_differ_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=r"probability of shape \(2,\), truth of \(3,\)"):
        count_levels(np.zeros(2), np.zeros(3, bool))
    with pytest.raises(ValueError, match=r"a mask of \(3,\); needs one shape"):
        count_levels(np.zeros(2), np.zeros(2, bool), np.ones(3, bool))
