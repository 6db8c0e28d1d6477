"""Synapse objects against the published rule written out with loops, and by hand."""

import math

import jaxtyping
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import measure

from ops.metrics.contingency import count_pairs
from ops.metrics.matches import Matches
from ops.metrics.synapse_objects import (
    one_to_one,
    synapse_object_metrics,
    truth_components,
    vesicle_objects,
    vesicle_rule,
)

SHAPE = (4, 6, 5)
MASKS = hnp.arrays(bool, SHAPE, elements=st.sampled_from([False] * 5 + [True]), fill=st.nothing())
LABELS = hnp.arrays(
    np.uint16, SHAPE, elements=st.sampled_from([0, 0, 1, 2, 3, 9]), fill=st.nothing()
)
QUICK = settings(deadline=None, max_examples=50)


def components(mask, connectivity):
    return [measure.label(mask, connectivity=connectivity) == i for i in _ids(mask, connectivity)]


def _ids(mask, connectivity):
    return range(1, measure.label(mask, connectivity=connectivity).max() + 1)


def objects_by_loop(probability, threshold, smallest, largest, min_size_3d, min_slices):
    mask = probability >= threshold
    for section in mask:
        for part in components(section, 1):
            if not smallest <= part.sum() <= largest:
                section[part] = False
    for part in components(mask, 1):
        if part.sum() < min_size_3d:
            mask[part] = False
    for part in components(mask, 2):
        if len(set(np.nonzero(part)[0])) < min_slices:
            mask[part] = False
    return mask


def rule_by_loop(parts, detections, min_overlap):
    """The published rule: true objects in the order given, detections as labels."""
    remaining, truth, found = detections.copy(), np.zeros(detections.shape, bool), 0
    for part in parts:
        truth |= part
        touched = set(remaining[part].tolist()) - {0}
        if np.count_nonzero(remaining[part]) >= min_overlap:
            found += 1
            remaining[np.isin(remaining, list(touched))] = 0
    ids = set(detections.ravel().tolist()) - {0}
    wrong = len([i for i in ids if np.count_nonzero(truth[detections == i]) < min_overlap])
    return Matches(found, wrong, len(parts) - found)


def in_matlab_order(parts):
    return sorted(parts, key=lambda part: min((z, x, y) for z, y, x in np.argwhere(part)))


@QUICK
@given(
    hnp.arrays(np.float32, SHAPE, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    st.sampled_from([0.25, 0.5, 0.6]),
    st.integers(0, 4),
    st.integers(2, 12),
    st.integers(0, 8),
    st.integers(0, 3),
)
def test_objects_are_those_of_the_published_steps(
    probability, threshold, smallest, largest, min_size_3d, min_slices
):
    got = vesicle_objects(
        probability,
        threshold,
        min_size_2d=smallest,
        max_size_2d=largest,
        min_size_3d=min_size_3d,
        min_slices=min_slices,
    )
    mask = objects_by_loop(probability, threshold, smallest, largest, min_size_3d, min_slices)
    np.testing.assert_array_equal(got != 0, mask)
    expected = measure.label(mask, connectivity=2)
    assert got.max() == expected.max()
    assert len(np.unique(np.stack([got, expected]).reshape(2, -1), axis=1).T) <= got.max() + 1


def test_objects_by_hand():
    probability = np.zeros((3, 4, 9))
    probability[:2, :2, :2] = 0.6  # 4 pixels in each of two sections
    probability[0, 3, :6] = 0.9  # too large in its section
    probability[:, 3, 8] = 0.9  # too small in each section
    probability[2, 0, 4:8] = 0.9  # in one section only
    sizes = {"min_size_2d": 2, "max_size_2d": 5, "min_size_3d": 4}
    two = vesicle_objects(probability, 0.6, **sizes, min_slices=1)
    one = vesicle_objects(probability, 0.6, **sizes, min_slices=2)
    assert np.bincount(two.ravel()).tolist() == [96, 8, 4]
    assert np.bincount(one.ravel()).tolist() == [100, 8]
    assert (one[:2, :2, :2] == 1).all()


def test_an_edge_joins_components_and_a_corner_does_not():
    probability = np.zeros((3, 3, 3))
    probability[0, 0, 0] = probability[0, 1, 1] = probability[1, 2, 2] = 1
    sizes = {"min_size_2d": 1, "max_size_2d": 9, "min_size_3d": 1, "min_slices": 1}
    assert vesicle_objects(probability, 0.5, **sizes)[0, 1, 1] == 1
    assert vesicle_objects(probability, 0.5, **sizes)[1, 2, 2] == 2
    assert truth_components(probability > 0).max() == 2


def test_objects_of_nothing_and_of_no_voxels():
    sizes = {"min_size_2d": 1, "max_size_2d": 9, "min_size_3d": 1, "min_slices": 1}
    assert not vesicle_objects(np.zeros((2, 3, 3)), 0.5, **sizes).any()
    assert vesicle_objects(np.zeros((0, 3, 3)), 0.5, **sizes).shape == (0, 3, 3)
    assert truth_components(np.zeros((0, 3, 3), bool)).shape == (0, 3, 3)


@QUICK
@given(MASKS)
def test_true_objects_are_numbered_in_matlab_order(mask):
    labels = truth_components(mask)
    parts = in_matlab_order(components(mask, 2))
    assert labels.max() == len(parts)
    for i, part in enumerate(parts, start=1):
        np.testing.assert_array_equal(labels == i, part)


@QUICK
@given(MASKS, LABELS, st.integers(1, 6))
def test_the_rule_is_that_of_the_loop(mask, detections, min_overlap):
    expected = rule_by_loop(in_matlab_order(components(mask, 2)), detections, min_overlap)
    assert vesicle_rule(mask, detections, min_overlap) == expected


def crossing():
    """Two true objects: the first in MATLAB order is not the first in that of C."""
    truth = np.zeros((1, 5, 30), np.uint8)
    truth[0, 4, :12] = 1
    truth[0, 0, 10:30] = 2
    detections = np.zeros((1, 5, 30), np.int64)
    detections[0, 4, :12] = 1
    detections[0, 0, 10:20] = 1  # detection 1 touches both
    detections[0, 0, 20:30] = 2
    return truth, detections


def test_the_order_of_the_true_objects_matters():
    truth, detections = crossing()
    # The column x = 0 comes first, so object 1 takes detection 1; 10 voxels are left for object 2.
    assert vesicle_rule(truth, detections) == Matches(2, 0, 0)
    # The other way round, object 2 takes both detections, and nothing is left.
    parts = [truth == 2, truth == 1]
    assert rule_by_loop(parts, detections, 10) == Matches(1, 0, 1)
    turned = truth.transpose(0, 2, 1).copy(), detections.transpose(0, 2, 1).copy()
    assert vesicle_rule(*turned) == Matches(1, 0, 1)


def test_nine_voxels_are_not_enough_and_fragments_add_up():
    truth = np.zeros((1, 1, 40), bool)
    truth[..., :20] = True
    nine, fragments = np.zeros((2, 1, 1, 40), np.int64)
    nine[..., 11:30] = 1
    fragments[..., 0:5] = 1
    fragments[..., 7:12] = 2
    assert vesicle_rule(truth, nine) == Matches(0, 1, 1)
    # Together they find it; each alone is a false positive: so the rule was written.
    assert vesicle_rule(truth, fragments) == Matches(1, 2, 0)
    assert one_to_one(truth.astype(np.uint8), fragments) == Matches(0, 2, 1)


def test_a_detection_counts_once_in_one_to_one():
    truth, detections = crossing()
    assert one_to_one(truth, detections) == Matches(2, 0, 0)
    merged = (detections > 0).astype(np.uint8)
    assert one_to_one(truth, merged) == Matches(1, 0, 1)


@QUICK
@given(LABELS, LABELS, st.integers(1, 8))
def test_one_to_one_finds_as_many_as_possible(truth, detections, min_overlap):
    graph = nx.Graph()
    for i in set(truth.ravel().tolist()) - {0}:
        for j in set(detections.ravel().tolist()) - {0}:
            if np.count_nonzero((truth == i) & (detections == j)) >= min_overlap:
                graph.add_edge(("truth", i), ("detection", j))
    found = len(nx.max_weight_matching(graph, maxcardinality=True))
    truths, detected = (len(set(a.ravel().tolist()) - {0}) for a in (truth, detections))
    matches = one_to_one(truth, detections, min_overlap)
    assert matches == Matches(found, detected - found, truths - found)


def test_a_perfect_prediction_scores_one():
    truth = np.zeros((3, 9, 9), bool)
    truth[:, 1:4, 1:4] = truth[:, 6:, 6:] = True
    labels = truth_components(truth)
    metrics = {metric.key: metric for metric in synapse_object_metrics(count_pairs(labels, labels))}
    assert {metric.value for metric in metrics.values()} == {1.0}
    assert set(metrics) == {
        f"{convention}/synapse_{name}"
        for convention in ("vesicle2015", "one_to_one")
        for name in ("precision", "recall", "f1")
    }
    assert metrics["vesicle2015/synapse_f1"].settings == {"min_overlap_voxels": 10}


@pytest.mark.parametrize("rule", [vesicle_rule, one_to_one])
def test_empty_volumes_are_defined(rule):
    some, none = np.ones((1, 4, 5), np.uint8), np.zeros((1, 4, 5), np.uint8)
    assert rule(none, none) == Matches(0, 0, 0)
    assert rule(some, none) == Matches(0, 0, 1)
    assert rule(none, some) == Matches(0, 1, 0)
    assert rule(some[:0], some[:0]) == Matches(0, 0, 0)
    with pytest.raises(ValueError, match="got min_overlap=0"):
        rule(some, some, 0)


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of tests, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def test_bad_arrays_are_refused(untyped):
    sizes = {"min_size_2d": 1, "max_size_2d": 9, "min_size_3d": 1, "min_slices": 1}
    with pytest.raises(ValueError, match="got NaN"):
        vesicle_objects(np.full((1, 2, 2), math.nan), 0.5, **sizes)
    with pytest.raises(ValueError, match="got NaN"):
        vesicle_objects(np.ones((1, 2, 2)), math.nan, **sizes)
    with pytest.raises(ValueError, match="dtype float64"):
        truth_components(np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="needs one shape"):
        vesicle_rule(np.ones((1, 2, 2), bool), np.ones((1, 2, 3), np.int64))
