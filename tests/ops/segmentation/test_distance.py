"""Distances against SciPy's, one axis at a time by hand, and where there is no boundary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from ops.segmentation.distance import boundary_distance

SHAPES = npst.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)
SIZES = st.sampled_from([(1.0, 1.0, 1.0), (30.0, 6.0, 6.0), (4.0, 7.5, 3.2)])


@settings(deadline=None, max_examples=60)
@given(npst.arrays(bool, SHAPES, elements=st.booleans(), fill=st.just(True)), SIZES)
def test_a_volume_agrees_with_scipy(mask, voxel_size):
    mask[0, 0, 0] = False
    found = boundary_distance(mask, voxel_size, in_plane=False)
    assert np.allclose(found, ndimage.distance_transform_edt(mask, voxel_size), rtol=1e-6)


@settings(deadline=None, max_examples=60)
@given(npst.arrays(bool, SHAPES, elements=st.booleans(), fill=st.just(True)), SIZES)
def test_sections_agree_with_scipy_one_by_one(mask, voxel_size):
    mask[:, -1, 0] = False
    found = boundary_distance(mask, voxel_size, in_plane=True)
    for section, distances in zip(mask, found, strict=True):
        expected = ndimage.distance_transform_edt(section, voxel_size[1:])
        assert np.allclose(distances, expected, rtol=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0003, 0.00002])
def test_near_and_far_boundaries_give_the_same_distances_as_scipy(share, rng):
    mask = rng.random((3, 310, 407)) >= share
    mask[1, 7, 400] = False
    for voxel_size in ((30.0, 6.0, 6.0), (6.0, 6.0, 6.0)):
        found = boundary_distance(mask, voxel_size, in_plane=False)
        assert np.allclose(found, ndimage.distance_transform_edt(mask, voxel_size), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_single_boundary_voxel_is_found_along_the_longest_line(axis):
    shape = [2, 2, 2]
    shape[axis] = 600
    mask = np.ones(shape, bool)
    mask[0, 0, 0] = False
    found = np.moveaxis(boundary_distance(mask, (5.0, 5.0, 5.0), in_plane=False), axis, 0)
    assert np.allclose(found[:, 0, 0], 5 * np.arange(600))
    assert np.allclose(found[:, 1, 1], 5 * np.sqrt(np.arange(600.0) ** 2 + 2))


def test_what_has_no_boundary_is_infinitely_far():
    mask = np.ones((2, 3, 4), bool)
    assert np.isposinf(boundary_distance(mask, (1.0, 1.0, 1.0), in_plane=False)).all()
    mask[1, 2, 3] = False
    found = boundary_distance(mask, (1.0, 1.0, 1.0), in_plane=True)
    assert np.isposinf(found[0]).all() and np.isfinite(found[1]).all()
    assert np.isfinite(boundary_distance(mask, (1.0, 1.0, 1.0), in_plane=False)).all()


def test_views_and_threads_change_nothing(rng):
    mask = rng.random((6, 40, 30)) < 0.95
    whole = boundary_distance(mask, (3.0, 2.0, 1.0), in_plane=False, threads=1)
    assert np.array_equal(
        boundary_distance(mask, (3.0, 2.0, 1.0), in_plane=False, threads=5), whole
    )
    turned = boundary_distance(mask[:, ::-1].swapaxes(1, 2), (3.0, 1.0, 2.0), in_plane=False)
    assert np.allclose(turned.swapaxes(1, 2)[:, ::-1], whole, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_no_voxel_has_no_distance(shape):
    for in_plane in (True, False):
        found = boundary_distance(np.ones(shape, bool), (1.0, 1.0, 1.0), in_plane=in_plane)
        assert found.shape == shape


def test_impossible_voxel_sizes_and_threads_are_refused():
    mask = np.ones((1, 2, 3), bool)
    for voxel_size in ((6.0, 6.0), (30.0, 0.0, 6.0), (30.0, 6.0, np.nan)):
        with pytest.raises(ValueError, match="needs three lengths > 0"):
            boundary_distance(mask, voxel_size, in_plane=True)
    with pytest.raises(ValueError, match="got -1 threads"):
        boundary_distance(mask, (30.0, 6.0, 6.0), in_plane=True, threads=-1)
