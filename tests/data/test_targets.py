"""Targets against plain loops, and against volumes small enough to draw by hand."""

import itertools

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data.targets import (
    affinity_mask,
    affinity_target,
    cleft_target,
    membrane_target,
    valid_mask,
    vesicle_target,
)

LABELS = hnp.arrays(
    np.uint32,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
    elements=st.integers(0, 3),
    fill=st.nothing(),
)
VOXEL_SIZES = st.sampled_from([(40.0, 4.0, 4.0), (8.0, 8.0, 8.0), (30.0, 6.0, 7.0)])
QUICK = settings(deadline=None, max_examples=30)


def gap_nm(first, second, voxel_size_nm):
    """From the centre of one voxel to the nearest point of another."""
    steps = np.abs(np.subtract(first, second))
    return np.linalg.norm(np.maximum(steps - 0.5, 0) * np.array(voxel_size_nm))


def near_by_loop(labels, radius_nm, voxel_size_nm, in_plane, differ):
    near = np.zeros(labels.shape, bool)
    voxels = list(np.ndindex(labels.shape))
    for v, w in itertools.product(voxels, voxels):
        reached = gap_nm(v, w, voxel_size_nm) <= radius_nm * (1 + 1e-9)
        if reached and differ(labels[v], labels[w]) and (v[0] == w[0] or not in_plane):
            near[v] = True
    return near


@QUICK
@given(LABELS, st.sampled_from([0.0, 4.0, 8.0, 15.0, 30.0, 100.0]), VOXEL_SIZES, st.booleans())
def test_membrane_is_near_a_change_of_id(labels, width_nm, voxel_size_nm, in_plane):
    got = membrane_target(labels, width_nm=width_nm, voxel_size_nm=voxel_size_nm, in_plane=in_plane)
    near = near_by_loop(labels, width_nm / 2, voxel_size_nm, in_plane, lambda a, b: a != b)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, near | (labels == 0))


@QUICK
@given(LABELS, st.sampled_from([0.0, 8.0, 20.0, 40.0]), VOXEL_SIZES)
def test_vesicles_end_before_their_neighbours(labels, gap, voxel_size_nm):
    got = vesicle_target(labels, voxel_size_nm=voxel_size_nm, gap_nm=gap)
    touching = near_by_loop(
        labels, gap / 2, voxel_size_nm, False, lambda a, b: a != b and a > 0 and b > 0
    )
    np.testing.assert_array_equal(got, (labels != 0) & ~touching)


@QUICK
@given(LABELS, st.sampled_from([0.0, 8.0, 12.0, 40.0]), VOXEL_SIZES)
def test_clefts_grow_by_the_dilation(labels, dilation_nm, voxel_size_nm):
    got = cleft_target(labels, voxel_size_nm=voxel_size_nm, dilation_nm=dilation_nm)
    clefts = np.argwhere(labels)
    expected = np.zeros(labels.shape, np.uint8)
    for v in np.ndindex(labels.shape):
        steps = np.linalg.norm((clefts - v) * np.array(voxel_size_nm), axis=1)
        expected[v] = (steps <= dilation_nm).any()
    np.testing.assert_array_equal(got, expected)


@QUICK
@given(
    LABELS,
    st.lists(st.tuples(*[st.integers(-6, 6)] * 3), min_size=1, max_size=3),
)
def test_affinities_and_their_mask_compare_pairs(labels, offsets):
    valid = labels != 3
    target, mask = affinity_target(labels, offsets), affinity_mask(valid, offsets)
    assert target.shape == mask.shape == (*labels.shape, len(offsets))
    for v in np.ndindex(labels.shape):
        for channel, offset in enumerate(offsets):
            w = tuple(np.add(v, offset))
            inside = all(0 <= i < n for i, n in zip(w, labels.shape, strict=True))
            assert target[(*v, channel)] == (inside and labels[v] == labels[w] != 0)
            assert mask[(*v, channel)] == (inside and valid[v] and valid[w])


def test_membrane_of_two_touching_cells_by_hand():
    labels = np.array([[[1, 1, 1, 2, 2, 2]]], np.uint64)
    size = (40.0, 4.0, 4.0)
    # The face lies 2 nm from the centres at its sides, 6 nm from the next.
    thin = membrane_target(labels, width_nm=4.0, voxel_size_nm=size)
    thick = membrane_target(labels, width_nm=12.0, voxel_size_nm=size)
    none = membrane_target(labels, width_nm=3.9, voxel_size_nm=size)
    np.testing.assert_array_equal(thin[0, 0], [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(thick[0, 0], [0, 1, 1, 1, 1, 0])
    assert not none.any()


def test_membrane_in_plane_ignores_the_next_section():
    labels = np.ones((2, 3, 3), np.uint8)
    labels[1] = 2
    size = (8.0, 8.0, 8.0)
    assert not membrane_target(labels, width_nm=8.0, voxel_size_nm=size).any()
    assert membrane_target(labels, width_nm=8.0, voxel_size_nm=size, in_plane=False).all()


def test_affinity_by_hand():
    labels = np.array([[[1, 1, 2, 0, 0]]], np.uint8)
    target = affinity_target(labels, [[0, 0, -1], [0, 0, 2]])
    mask = affinity_mask(np.ones(labels.shape, bool), [[0, 0, -1], [0, 0, 2]])
    np.testing.assert_array_equal(target[0, 0], [[0, 0], [1, 0], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(mask[0, 0], [[0, 1], [1, 1], [1, 1], [1, 0], [1, 0]])


def test_touching_vesicles_come_apart():
    labels = np.array([[[5, 5, 5, 7, 7, 7, 0]]], np.uint16)
    packed = vesicle_target(labels, voxel_size_nm=(6.0, 6.0, 6.0))
    apart = vesicle_target(labels, voxel_size_nm=(6.0, 6.0, 6.0), gap_nm=6.0)
    np.testing.assert_array_equal(packed[0, 0], [1, 1, 1, 1, 1, 1, 0])
    np.testing.assert_array_equal(apart[0, 0], [1, 1, 0, 0, 1, 1, 0])


def test_valid_mask_excludes_the_unlabelled_id():
    labels = np.array([[[0, 1, 2**64 - 1]]], np.uint64)
    np.testing.assert_array_equal(valid_mask(labels, [2**64 - 1])[0, 0], [True, True, False])
    assert valid_mask(labels, []).all()


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of tests, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    "labels", [np.ones((2, 3, 3), np.float32), np.ones((2, 3, 3), np.int32), np.ones((3, 3), "u1")]
)
def test_labels_of_another_kind_are_refused(untyped, labels):
    wanted = f"got labels of {labels.dtype} .*needs unsigned integers"
    with pytest.raises(ValueError, match=wanted):
        membrane_target(labels, width_nm=8.0, voxel_size_nm=(8.0, 8.0, 8.0))
    with pytest.raises(ValueError, match=wanted):
        affinity_target(labels, [[0, 0, 1]])
    with pytest.raises(ValueError, match=wanted):
        cleft_target(labels, voxel_size_nm=(8.0, 8.0, 8.0))
    with pytest.raises(ValueError, match=wanted):
        vesicle_target(labels, voxel_size_nm=(8.0, 8.0, 8.0))


@pytest.mark.parametrize("offsets", [[], [[0, 1]], [[0.5, 0, 0]]])
def test_offsets_must_be_whole_triples(untyped, offsets):
    with pytest.raises(ValueError, match="got offsets"):
        affinity_target(np.ones((1, 2, 2), np.uint8), offsets)


@pytest.mark.parametrize("width_nm", [-1.0, float("nan"), float("inf")])
def test_lengths_must_be_finite_and_positive(width_nm):
    labels = np.ones((1, 2, 2), np.uint8)
    with pytest.raises(ValueError, match="got width_nm="):
        membrane_target(labels, width_nm=width_nm, voxel_size_nm=(8.0, 8.0, 8.0))
    with pytest.raises(ValueError, match="got dilation_nm="):
        cleft_target(labels, voxel_size_nm=(8.0, 8.0, 8.0), dilation_nm=width_nm)
    with pytest.raises(ValueError, match="three numbers > 0"):
        membrane_target(labels, width_nm=8.0, voxel_size_nm=(8.0, 8.0))
