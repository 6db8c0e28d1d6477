"""Volumes at another voxel size: a ramp stays a ramp, ids stay ids, blocks agree with the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.resampling import resampled
from data.volume import from_array

SIZE = (30.0, 6.0, 6.0)


def volume_of(array: np.ndarray, size=SIZE, offset=(0, 0, 0)):
    return from_array(array, size, offset, "image")


def test_the_same_size_changes_nothing():
    array = np.random.default_rng(0).integers(0, 255, (4, 9, 11), np.uint8)
    for labels in (False, True):
        found = resampled(volume_of(array), (30.1, 6.0, 5.97), labels=labels)
        assert found.voxel_size_nm == SIZE
        np.testing.assert_array_equal(found.read(), array)


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0])
def test_a_ramp_keeps_its_slope_in_nm(factor):
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), (3, 8, 40)).copy()
    found = resampled(volume_of(ramp), (30, 6, 6 * factor), labels=False)
    assert found.shape == (3, 8, int(40 / factor))
    places = (np.arange(found.shape[2]) + 0.5) * factor - 0.5
    inner = slice(6, -6)
    np.testing.assert_allclose(found.read()[1, 4, inner], places[inner], atol=1e-4)


def test_ids_of_doubled_voxels_come_back():
    ids = np.random.default_rng(0).integers(0, 2**40, (3, 4, 5)).astype(np.uint64)
    fine = resampled(volume_of(ids, offset=(1, 2, 3)), (30, 3, 3), labels=True)
    np.testing.assert_array_equal(fine.read(), ids.repeat(2, 1).repeat(2, 2))
    assert fine.offset == (1, 4, 6)
    np.testing.assert_array_equal(resampled(fine, SIZE, labels=True).read().shape, ids.shape)


@settings(max_examples=20, deadline=None)
@given(
    steps=st.tuples(*[st.sampled_from([0.4, 0.8, 1.0, 1.7, 2.5])] * 3),
    start=st.tuples(*[st.integers(0, 3)] * 3),
    labels=st.booleans(),
)
def test_a_block_is_that_of_the_whole(steps, start, labels):
    array = np.random.default_rng(0).integers(0, 255, (9, 12, 14), np.uint8)
    wanted = tuple(s * n for s, n in zip(SIZE, steps, strict=True))
    found = resampled(volume_of(array), wanted, labels=labels)
    ends = zip(start, found.shape, strict=True)
    box = tuple(slice(min(low, size - 1), min(low + 3, size)) for low, size in ends)
    np.testing.assert_array_equal(found[box].read(), found.read()[box])


def test_channels_and_sizes_that_are_none_are_refused():
    with pytest.raises(ValueError, match="needs"):
        resampled(volume_of(np.zeros((2, 3, 4), np.uint8)), (0, 6, 6), labels=False)
    with pytest.raises(ValueError, match="needs"):
        resampled(volume_of(np.zeros((2, 3, 4, 2), np.uint8)), SIZE, labels=False)
