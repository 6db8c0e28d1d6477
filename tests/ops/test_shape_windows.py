"""Windows of objects at a coarse resolution, and the places at which objects are looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from ops.shape_windows import (
    coarse_shapes,
    cut_windows,
    depths,
    inner,
    points_along,
    vote_factors,
)


def test_voxels_become_cubes_by_votes_and_then_by_the_nearest():
    labels = np.zeros((3, 10, 10), np.uint16)
    labels[:, :, 5:] = 700
    assert vote_factors((30.0, 6.0, 6.0), 30.0) == (1, 5, 5)
    coarse = coarse_shapes(labels, (30.0, 6.0, 6.0), 30.0)
    assert coarse.shape == (3, 2, 2) and coarse.dtype == np.uint16
    assert (coarse == [0, 700]).all()
    finer = coarse_shapes(labels, (30.0, 6.0, 6.0), 20.0)  # 18 nm by vote, then 20
    assert finer.shape == (4, 3, 3)


def test_a_voxel_that_is_no_length_is_refused():
    with pytest.raises(ValueError, match="needs a length > 0"):
        vote_factors((30.0, 6.0, 6.0), 0.0)


@given(arrays(np.uint32, (5, 6, 7), elements=st.integers(0, 3)), st.integers(0, 10**6))
def test_windows_are_those_of_a_padded_volume(labels, seed):
    rng = np.random.default_rng(seed)
    centres = rng.integers(-6, 13, size=(4, 3))
    ids = rng.integers(1, 4, size=(4, 2)).astype(np.uint32)
    windows = cut_windows(labels, ids, centres, (4, 2, 6))
    padded = np.pad(labels, 20)
    for window, parts, centre in zip(windows, ids, centres, strict=True):
        first = centre - [2, 1, 3] + 20
        cut = padded[tuple(slice(f, f + n) for f, n in zip(first, (4, 2, 6), strict=True))]
        np.testing.assert_array_equal(window, np.isin(cut, parts))


@given(arrays(np.bool_, (2, 6, 8, 8)))
def test_the_depth_is_that_of_a_distance_transform(windows):
    for window, depth in zip(windows, depths(windows), strict=True):
        if window.all():
            assert depth == 3
        else:
            distance = ndimage.distance_transform_edt(window)[3, 4, 4]
            assert depth == pytest.approx(min(distance, 3.0))


def test_places_lie_in_their_objects_one_to_a_cell_and_deep_inside():
    labels = np.zeros((20, 20, 20), np.uint32)
    labels[2:18, 5:12, 5:12] = 1
    labels[0, 0, :3] = 2
    centres, objects = points_along(labels, 8, 10)
    assert set(objects.tolist()) == {1}
    cells = {tuple(cell) for cell in (centres // 8).tolist()}
    assert len(cells) == len(centres) == 12
    assert (labels[tuple(centres.T)] == objects).all()
    assert [8, 8, 8] in centres.tolist()
    both, small = points_along(labels, 8, 1)
    assert set(small.tolist()) == {1, 2} and len(both) == 13
    assert len(points_along(np.zeros((4, 4, 4), np.uint8), 2, 1)[0]) == 0
    with pytest.raises(ValueError, match="at least 1"):
        points_along(labels, 0, 1)


def test_inner_voxels_have_six_neighbours_of_their_own():
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[1:4, 1:4, 1:4] = 3
    assert np.argwhere(inner(labels)).tolist() == [[2, 2, 2]]
    labels[2, 2, 3] = 4
    assert not inner(labels).any()
