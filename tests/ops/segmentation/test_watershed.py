"""Watersheds against one written out, scikit-image's, and what defines a watershed."""

import heapq

import numpy as np
import pytest
import skimage.segmentation
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

import ops.segmentation.watershed as module
from ops.segmentation.watershed import WALL, watershed

STEPS = ((-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, 1), (0, 1, 0), (1, 0, 0))
SHAPE = (3, 5, 6)
HEIGHTS = npst.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, 3, 255]))
SEEDS = npst.arrays(np.uint32, SHAPE, elements=st.sampled_from([0] * 9 + [1, 2, 3, WALL - 1]))
MASKS = st.none() | npst.arrays(bool, SHAPE, elements=st.sampled_from([True, True, True, False]))


def neighbours(voxel, shape, in_plane):
    for step in STEPS[1:-1] if in_plane else STEPS:
        moved = tuple(a + b for a, b in zip(voxel, step, strict=True))
        if all(0 <= a < length for a, length in zip(moved, shape, strict=True)):
            yield moved


def flooded(height, seeds, in_plane, mask):
    """Meyer's algorithm with a heap of (level, arrival)."""
    open_ = np.ones(height.shape, bool) if mask is None else mask
    labels = np.where(open_, seeds, 0).astype(np.uint32)
    heap = [(height[v], i, v) for i, v in enumerate(zip(*np.nonzero(labels), strict=True))]
    heapq.heapify(heap)
    arrivals = len(heap)
    while heap:
        level, _, voxel = heapq.heappop(heap)
        for n in neighbours(voxel, height.shape, in_plane):
            if labels[n] == 0 and open_[n]:
                labels[n] = labels[voxel]
                heapq.heappush(heap, (max(level, height[n]), arrivals, n))
                arrivals += 1
    return labels


def passes(height, sources, allowed):
    """The lowest pass from the sources to each voxel, along allowed voxels; 256: none."""
    height = height.astype(int)
    level = np.where(sources & allowed, height, 256)
    for _ in range(level.size):
        lowest = np.full(level.shape, 256)
        for axis in range(3):
            for shift in (1, -1):
                moved = np.roll(level, shift, axis)
                np.moveaxis(moved, axis, 0)[0 if shift == 1 else -1] = 256
                lowest = np.minimum(lowest, moved)
        better = np.minimum(level, np.where(allowed, np.maximum(lowest, height), 256))
        if (better == level).all():
            break
        level = better
    return level


@settings(deadline=None, max_examples=60)
@given(HEIGHTS, SEEDS, MASKS, st.booleans())
def test_ties_and_all_the_flood_is_that_of_meyer(height, seeds, mask, in_plane):
    if module.extension() is None:
        pytest.skip("scikit-image leaves the order of seeds open")
    found = watershed(height, seeds, in_plane=in_plane, mask=mask)
    assert np.array_equal(found, flooded(height, seeds, in_plane, mask))


@settings(deadline=None, max_examples=40)
@given(HEIGHTS, SEEDS, MASKS)
def test_every_voxel_joins_a_seed_over_the_lowest_pass(height, seeds, mask):
    labels = watershed(height, seeds, in_plane=False, mask=mask)
    allowed = np.ones(SHAPE, bool) if mask is None else mask
    assert np.array_equal(labels[(seeds > 0) & allowed], seeds[(seeds > 0) & allowed])
    best = passes(height, seeds > 0, allowed)
    assert np.array_equal(labels > 0, best < 256)
    for label in np.unique(labels[labels > 0]):
        region = labels == label
        assert np.array_equal(passes(height, seeds == label, region)[region], best[region])


@pytest.mark.parametrize("in_plane", [True, False])
def test_seeds_of_different_heights_spread_as_in_scikit_image(in_plane, rng):
    height = ndimage.gaussian_filter(rng.integers(0, 255, (3, 60, 70)), (0, 2, 2)).astype(np.uint8)
    seeds = np.zeros(height.shape, np.uint32)
    for z in range(3):
        values, places = np.unique(height[z], return_index=True)
        seeds[z].flat[places] = 100 * z + np.arange(1, len(values) + 1)
    if not in_plane:
        seeds[1:] = 0
    found = watershed(height, seeds, in_plane=in_plane)
    if in_plane:
        pairs = zip(height, seeds, strict=True)
        expected = np.stack([skimage.segmentation.watershed(*pair) for pair in pairs])
    else:
        expected = skimage.segmentation.watershed(height, seeds)
    assert np.array_equal(found, expected)


def test_water_meets_on_the_ridge():
    height = np.array([[[0, 1, 9, 2, 0, 5, 0]]], np.uint8)
    seeds = np.array([[[4, 0, 0, 0, 7, 0, 0]]], np.uint32)
    assert watershed(height, seeds, in_plane=True).tolist() == [[[4, 4, 4, 7, 7, 7, 7]]]


def test_sections_are_apart_in_plane_and_walls_stay_empty():
    seeds = np.zeros((2, 1, 5), np.uint32)
    seeds[0, 0, 0] = 3
    height = np.zeros(seeds.shape, np.uint8)
    mask = np.array([[[1, 1, 0, 1, 1]], [[1, 1, 1, 1, 1]]], bool)
    assert watershed(height, seeds, in_plane=True, mask=mask).tolist() == [
        [[3, 3, 0, 0, 0]],
        [[0] * 5],
    ]
    assert watershed(height, seeds, in_plane=False, mask=mask).tolist() == [
        [[3, 3, 0, 3, 3]],
        [[3] * 5],
    ]


def test_threads_and_views_change_nothing(rng):
    height = rng.integers(0, 8, (9, 40, 30), np.uint8)
    seeds = np.where(rng.random(height.shape) < 0.02, rng.integers(1, 99, height.shape), 0)
    seeds = seeds.astype(np.uint32)
    kept = seeds.copy()
    one = watershed(height, seeds, in_plane=True, threads=1)
    assert np.array_equal(watershed(height, seeds, in_plane=True, threads=4), one)
    assert np.array_equal(seeds, kept)
    padded = np.pad(height, 3)[3:-3, 3:-3, 3:-3], np.asfortranarray(seeds)
    assert np.array_equal(watershed(*padded, in_plane=True), one)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_no_voxel_stays_none(shape):
    for in_plane in (True, False):
        empty = watershed(np.zeros(shape, np.uint8), np.zeros(shape, np.uint32), in_plane=in_plane)
        assert empty.shape == shape


def test_what_cannot_be_flooded_is_refused():
    height, seeds = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), np.uint32)
    with pytest.raises(
        ValueError, match=r"height of shape \(2, 3, 4\), seeds of shape \(2, 4, 3\)"
    ):
        watershed(height, seeds.swapaxes(1, 2), in_plane=True)
    with pytest.raises(ValueError, match=r"needs one shape \(z, y, x\)"):
        watershed(height[0], seeds[0], in_plane=True)
    with pytest.raises(ValueError, match="mask of shape"):
        watershed(height, seeds, in_plane=True, mask=np.ones((2, 3, 3), bool))
    with pytest.raises(ValueError, match="label 4294967295"):
        watershed(height, seeds + WALL, in_plane=True)
    with pytest.raises(ValueError, match="got -2 threads"):
        watershed(height, seeds, in_plane=True, threads=-2)
