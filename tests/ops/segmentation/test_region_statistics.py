"""Statistics inside of regions, against counting one by one, by hand, and block by block."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.segmentation.region_statistics import (
    RegionStatistics,
    merge_statistics,
    region_statistics,
)

SHAPE = (3, 4, 5)
LABELS = npst.arrays(np.uint64, SHAPE, elements=st.sampled_from([0, 1, 2, 2**63]))
BOUNDARY = npst.arrays(np.uint8, SHAPE)


def same(first: RegionStatistics, second: RegionStatistics) -> bool:
    pairs = zip(dataclasses.astuple(first), dataclasses.astuple(second), strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


@settings(deadline=None, max_examples=30)
@given(LABELS, BOUNDARY)
def test_voxels_are_counted_one_by_one(labels, boundary):
    found = region_statistics(labels, boundary)
    assert found.ids.tolist() == sorted(set(labels.ravel().tolist()))
    for number, *sums in zip(*dataclasses.astuple(found), strict=True):
        inside = boundary[labels == number].astype(int)
        assert sums == [len(inside), inside.sum(), (inside**2).sum()]


@settings(deadline=None, max_examples=30)
@given(LABELS, BOUNDARY, st.integers(0, SHAPE[2]), st.integers(0, SHAPE[1]))
def test_statistics_of_blocks_merge_in_any_order(labels, boundary, x, y):
    whole = region_statistics(labels, boundary)
    boxes = [
        np.s_[:, rows, columns]
        for rows in (slice(0, y), slice(y, None))
        for columns in (slice(0, x), slice(x, None))
    ]
    parts = [region_statistics(labels[box], boundary[box]) for box in boxes]
    assert same(merge_statistics(parts), whole)
    assert same(merge_statistics([merge_statistics(parts[2:]), *parts[:2]]), whole)


def test_two_regions_by_hand():
    labels = np.array([[[7, 7, 3, 7]]], np.uint32)
    found = region_statistics(labels, np.array([[[1, 2, 255, 255]]], np.uint8))
    assert found.ids.tolist() == [3, 7]
    assert found.voxels.tolist() == [1, 3]
    assert found.boundary_sum.tolist() == [255, 258]
    assert found.boundary_squares.tolist() == [65025, 65030]


def test_nothing_has_no_regions():
    nothing = region_statistics(np.zeros((0, 2, 2), np.uint64), np.zeros((0, 2, 2), np.uint8))
    assert len(nothing.ids) == 0
    assert same(merge_statistics([]), nothing)


def test_a_boundary_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="boundary of shape"):
        region_statistics(np.zeros((1, 2, 2), np.uint64), np.zeros((1, 2, 3), np.uint8))
