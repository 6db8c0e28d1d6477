"""Cleft distances against SciPy's distance transform, and against the golden vector V4."""

import math

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ops.metrics.clefts import (
    boundary_voxels,
    cleft_metrics,
    cleft_voxels,
    collect_clefts,
    distances_nm,
    join_clefts,
    score_cleft_voxels,
    score_clefts,
)

MASKS = hnp.arrays(
    bool, st.just((3, 5, 6)), elements=st.sampled_from([False] * 3 + [True]), fill=st.nothing()
)
VOXEL_SIZES = st.sampled_from([(40.0, 4.0, 4.0), (8, 8, 8), (1.0, 30.0, 7.0), (35.0, 3.3, 6.1)])
QUICK = settings(deadline=None, max_examples=50)


def distance_map(mask, voxel_size_nm):
    if not mask.any():
        return np.full(mask.shape, np.inf)
    return ndimage.distance_transform_edt(~mask, sampling=voxel_size_nm)


def line(*ranges):
    mask = np.zeros((1, 1, 101), bool)
    for start, stop in ranges:
        mask[0, 0, start : stop + 1] = True
    return mask


def test_golden_vector_v4():
    scores = score_clefts(line((10, 19)), line((15, 24), (90, 94)), (40, 4, 4))
    assert (scores.false_positives, scores.false_negatives) == (5, 0)
    assert (scores.truth_voxels, scores.prediction_voxels) == (10, 15)
    assert scores.prediction_to_truth.mean == pytest.approx(1520 / 15)
    assert scores.prediction_to_truth.maximum == 300.0
    assert scores.prediction_to_truth.median == 12.0
    assert scores.truth_to_prediction.mean == 6.0
    assert scores.truth_to_prediction.median == 2.0
    assert scores.truth_to_prediction.std == pytest.approx(math.sqrt(52))
    assert scores.cleft_score == pytest.approx(53.667, abs=5e-4)


@QUICK
@given(MASKS, MASKS, MASKS, VOXEL_SIZES, st.sampled_from([0, 5.37, 33.3]))
def test_scores_are_those_of_the_distance_transform(truth, prediction, ignore, size, threshold):
    scores = score_clefts(truth, prediction, size, threshold, ignore)
    truth, prediction = truth & ~ignore, prediction & ~ignore
    for mask, other, summary, wrong in (
        (prediction, truth, scores.prediction_to_truth, scores.false_positives),
        (truth, prediction, scores.truth_to_prediction, scores.false_negatives),
    ):
        distances = distance_map(other, size)[mask]
        assert wrong == np.count_nonzero(distances > threshold)
        if not mask.any():
            assert (summary.mean, summary.std, summary.median, summary.maximum) == (0, 0, 0, 0)
        elif other.any():
            assert summary.mean == pytest.approx(distances.mean())
            assert summary.std == pytest.approx(distances.std(), abs=1e-9)
            assert summary.median == pytest.approx(np.median(distances))
            assert summary.maximum == pytest.approx(distances.max())
        else:
            assert summary.mean == summary.std == summary.median == summary.maximum == np.inf


@QUICK
@given(MASKS, MASKS, MASKS, VOXEL_SIZES, st.integers(1, 5), st.integers(-50, 50))
def test_blocks_score_as_the_whole(truth, prediction, ignore, size, cut, place):
    whole = score_clefts(truth, prediction, size, 20.0, ignore)
    halves = [
        collect_clefts(truth[..., s], prediction[..., s], (place, 7, s.start), ignore[..., s])
        for s in (slice(0, cut), slice(cut, 6))
    ]
    blocks = score_cleft_voxels(join_clefts(halves), size, 20.0)
    # Sums run in another order, so their last digits may differ.
    assert blocks.cleft_score == pytest.approx(whole.cleft_score, rel=1e-12)
    assert blocks.false_positives == whole.false_positives
    assert blocks.false_negatives == whole.false_negatives
    assert blocks.truth_to_prediction.median == whole.truth_to_prediction.median
    assert blocks.prediction_to_truth.maximum == whole.prediction_to_truth.maximum


@QUICK
@given(MASKS, VOXEL_SIZES)
def test_from_outside_the_boundary_is_as_near_as_the_whole(mask, size):
    outside = cleft_voxels(~mask)
    whole = distances_nm(outside, cleft_voxels(mask), size)
    np.testing.assert_allclose(distances_nm(outside, boundary_voxels(mask), size), whole)
    np.testing.assert_allclose(whole, distance_map(mask, size)[~mask])


@QUICK
@given(MASKS)
def test_boundary_voxels_have_a_neighbour_outside(mask):
    padded = np.pad(mask, 1)
    expected = [
        tuple(v - 1)
        for v in np.argwhere(padded)
        if not all(padded[tuple(v + s * e)] for e in np.eye(3, dtype=int) for s in (-1, 1))
    ]
    assert [tuple(v) for v in boundary_voxels(mask)] == expected


def test_voxels_lie_where_the_block_does():
    labels = np.zeros((2, 2, 3), np.uint64)
    labels[1, 0, 2] = 2**63
    labels[0, 1, 1] = 5
    ignore = labels == 5
    np.testing.assert_array_equal(cleft_voxels(labels, (10, 20, 30)), [[10, 21, 31], [11, 20, 32]])
    np.testing.assert_array_equal(cleft_voxels(labels, (10, 20, 30), ignore), [[11, 20, 32]])
    np.testing.assert_array_equal(boundary_voxels(labels, (10, 20, 30), ignore), [[11, 20, 32]])


def test_a_distance_equal_to_the_threshold_is_right():
    truth, prediction = np.zeros((2, 6, 1, 1), bool)
    truth[0] = prediction[5] = True
    assert score_clefts(truth, prediction, (40.0, 4.0, 4.0), 200.0).false_positives == 0
    assert score_clefts(truth, prediction, (40.0, 4.0, 4.0), 199.9).false_positives == 1


def test_a_perfect_prediction_scores_zero():
    mask = line((3, 9), (50, 60))
    scores = score_clefts(mask, mask, (40, 4, 4))
    assert (scores.cleft_score, scores.false_positives, scores.false_negatives) == (0, 0, 0)


def test_empty_predictions_and_truths_are_infinitely_far():
    some, none = line((10, 19)), line()
    missed = score_clefts(some, none, (40, 4, 4))
    assert (missed.false_positives, missed.false_negatives) == (0, 10)
    assert (missed.truth_to_prediction.mean, missed.prediction_to_truth.mean) == (np.inf, 0)
    invented = score_clefts(none, some, (40, 4, 4))
    assert (invented.false_positives, invented.false_negatives) == (10, 0)
    assert missed.cleft_score == invented.cleft_score == np.inf
    both = score_clefts(none, none, (40, 4, 4))
    assert (both.cleft_score, both.false_positives, both.false_negatives) == (0, 0, 0)
    assert score_cleft_voxels(join_clefts([]), (40, 4, 4)) == both


def test_metrics_say_what_they_are():
    scores = score_clefts(line((10, 19)), line((15, 24), (90, 94)), (40, 4, 4))
    metrics = {metric.key: metric for metric in cleft_metrics(scores)}
    assert metrics["cremi2016/cleft_score"].value == scores.cleft_score
    assert metrics["cremi2016/cleft_score"].unit == "nm"
    assert metrics["cremi2016/cleft_score"].settings == {"threshold_nm": 200.0}
    assert metrics["cremi2016/cleft_false_positives"].value == 5
    assert metrics["cremi2016/cleft_false_positives"].unit == "voxels"
    assert metrics["cremi2016/cleft_truth_to_prediction_mean"].value == 6.0
    assert len(metrics) == 11
    assert {metric.note for metric in metrics.values()} == {""}


@pytest.mark.parametrize(
    ("truth", "prediction", "note"),
    [
        (line((1, 2)), line(), "no cleft in the prediction"),
        (line(), line((1, 2)), "no cleft in the truth"),
        (line(), line(), "no cleft in truth or prediction"),
    ],
)
def test_metrics_say_what_was_empty(truth, prediction, note):
    metrics = cleft_metrics(score_clefts(truth, prediction, (40, 4, 4)))
    assert all(metric.note.startswith(note) for metric in metrics)


@pytest.mark.parametrize("threshold", [-1.0, math.nan, math.inf])
def test_the_threshold_is_a_length(threshold):
    with pytest.raises(ValueError, match="got threshold_nm="):
        score_clefts(line(), line(), (40, 4, 4), threshold)


@pytest.mark.parametrize("size", [(4.0, 4.0), (0, 4, 4), (math.nan, 4, 4), (math.inf, 4, 4)])
def test_the_voxel_size_is_three_lengths(size):
    with pytest.raises(ValueError, match="three numbers > 0"):
        score_clefts(line(), line(), size)


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of tests, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def test_masks_of_another_kind_are_refused(untyped):
    mask = np.ones((2, 3, 3), bool)
    with pytest.raises(ValueError, match="dtype float32"):
        score_clefts(mask.astype(np.float32), mask, (8, 8, 8))
    with pytest.raises(ValueError, match="label -1"):
        score_clefts(mask, -mask.astype(np.int64), (8, 8, 8))
    with pytest.raises(ValueError, match="needs one shape"):
        score_clefts(mask, mask[1:], (8, 8, 8))
    with pytest.raises(ValueError, match="got ignore of shape"):
        score_clefts(mask, mask, (8, 8, 8), ignore=mask[1:])
