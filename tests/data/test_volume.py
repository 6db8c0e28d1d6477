"""Volumes: slices carry their place, reads refuse NaN, nonsense is refused at once."""

import numpy as np
import pytest

from data.volume import check_same_grid, from_array


def test_slice_moves_the_offset():
    voxels = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
    part = from_array(voxels, (30, 6, 6), offset=(10, 20, 30))[1:3, :, 2:]
    assert part.offset == (11, 20, 32)
    np.testing.assert_array_equal(part.read(), voxels[1:3, :, 2:])
    np.testing.assert_array_equal(part[1:].read(), voxels[2:3, :, 2:])


def test_more_slices_than_axes_are_an_error():
    volume = from_array(np.zeros((4, 5, 6), np.uint8), (30, 6, 6), name="em.zarr")
    with pytest.raises(IndexError, match=r"em.zarr: got 4 slices; needs"):
        volume[:, :, :, :]


def test_nan_is_refused_with_its_place():
    voxels = np.zeros((3, 4, 5), np.float32)
    voxels[1, 2, 3] = np.nan
    volume = from_array(voxels, (30, 6, 6), offset=(10, 0, 0), name="em.zarr")
    with pytest.raises(ValueError, match=r"em.zarr: got NaN at voxel .* = \(11, 2, 3\)"):
        volume.read()
    assert volume[:1].read().shape == (1, 4, 5)


@pytest.mark.parametrize("size", [(30, 6), (30, 6, 0), (30, 6, float("nan")), (30, -6, 6)])
def test_voxel_size_is_three_positive_numbers(size):
    with pytest.raises(ValueError, match=r"voxel_size_nm=\[30,6,6\]"):
        from_array(np.zeros((2, 2, 2), np.uint8), size)


@pytest.mark.parametrize("offset", [(0, 0), (0, 0, 0, 0)])
def test_offset_is_three_whole_numbers(offset):
    with pytest.raises(ValueError, match="three whole numbers"):
        from_array(np.zeros((2, 2, 2), np.uint8), (30, 6, 6), offset)


def test_axes_are_three_or_four():
    with pytest.raises(ValueError, match="needs \\(z, y, x\\)"):
        from_array(np.zeros((2, 2), np.uint8), (30, 6, 6))
    assert from_array(np.zeros((2, 2, 2, 3), np.uint8), (30, 6, 6)).axes[-1] == "channel"


def test_write_refuses_another_shape_or_dtype():
    volume = from_array(np.zeros((2, 3, 4), np.uint8), (30, 6, 6))
    with pytest.raises(ValueError, match=r"got an array of uint8 \(2, 3, 5\)"):
        volume.write(np.zeros((2, 3, 5), np.uint8))
    with pytest.raises(ValueError, match="needs uint8"):
        volume.write(np.zeros((2, 3, 4), np.uint16))


def test_same_grid():
    first = from_array(np.zeros((2, 3, 4), np.uint8), (30, 6, 6), name="image")
    check_same_grid(first, from_array(np.zeros((2, 3, 4), np.uint64), (30, 6, 6.001)))
    with pytest.raises(ValueError, match="the shape of image"):
        check_same_grid(first, from_array(np.zeros((2, 3, 5), np.uint8), (30, 6, 6)))
    with pytest.raises(ValueError, match="that of image"):
        check_same_grid(first, from_array(np.zeros((2, 3, 4), np.uint8), (30, 4, 4)))
