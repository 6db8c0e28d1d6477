"""Coarser labels: by hand, by a plain count, and thin objects that must not break."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ops.downsampling import coarse_factors, downsample


def test_factors_make_voxels_near_cubes():
    assert coarse_factors((30.0, 6.0, 6.0), 32) == (1, 4, 4)
    assert coarse_factors((10, 10, 10), 32) == (2, 2, 2)
    assert coarse_factors((40, 32, 32), 32) == (1, 1, 1)


def test_background_gives_way_to_the_commonest_id():
    labels = np.array([[[0, 0, 7, 7], [0, 5, 7, 9]]], np.uint64)
    assert downsample(labels, (1, 2, 2)).tolist() == [[[5, 7]]]
    assert downsample(labels, (1, 2, 4)).tolist() == [[[5]]]  # 5 and 7, of which 5 is first


def test_boxes_that_stick_out_keep_their_ids_and_the_dtype():
    labels = np.full((3, 5, 7), 2**63 + 1, np.uint64)
    coarse = downsample(labels, (2, 4, 3))
    assert coarse.shape == (2, 2, 3) and coarse.dtype == np.uint64
    assert (coarse == 2**63 + 1).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 2, 2), (2, 2, 2), (3, 1, 2)]))
def test_a_step_takes_the_first_of_the_commonest_of_a_plain_count(seed, factors):
    labels = np.random.default_rng(seed).integers(0, 4, (6, 4, 4)).astype(np.uint32)
    coarse = downsample(labels, factors)
    for place in np.ndindex(coarse.shape):
        box = tuple(slice(p * f, (p + 1) * f) for p, f in zip(place, factors, strict=True))
        inside = [i for i in labels[box].ravel().tolist() if i]
        assert coarse[place] == (max(inside, key=inside.count) if inside else 0)


def test_a_thread_one_voxel_thick_stays_in_one_piece():
    labels = np.zeros((20, 32, 32), np.uint32)
    for z in range(20):
        labels[z, (3 + z) : (5 + z), 10] = 8
    coarse = downsample(labels, (1, 4, 4))
    assert ndimage.label(coarse, np.ones((3, 3, 3)))[1] == 1


@pytest.mark.parametrize("factors", [(1, 2), (1, 0, 2)])
def test_factors_out_of_range_are_an_error(factors):
    with pytest.raises(ValueError, match="three whole numbers >= 1"):
        downsample(np.zeros((2, 2, 2), np.uint32), factors)
