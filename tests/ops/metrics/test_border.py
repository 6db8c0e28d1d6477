"""The border that CREMI may leave out of the score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.metrics.border import border_mask

labels = npst.arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 2))


def naive(section, distance_nm, pixel_nm):
    """Every pixel against every pixel beside which the label changes."""
    near = np.zeros(section.shape, bool)
    for y, x in np.ndindex(section.shape):
        for other in np.ndindex(section.shape):
            neighbours = [
                (other[0] + d, other[1] + e) for d, e in [(0, 1), (1, 0), (0, -1), (-1, 0)]
            ]
            changes = any(
                0 <= n[0] < section.shape[0]
                and 0 <= n[1] < section.shape[1]
                and section[n] != section[other]
                for n in neighbours
            )
            away = np.hypot((y - other[0]) * pixel_nm[0], (x - other[1]) * pixel_nm[1])
            near[y, x] |= changes and away <= distance_nm
    return near


def test_a_straight_border_by_hand():
    section = np.array([[[1, 1, 1, 1, 2, 2, 2, 2]]])
    assert border_mask(section, 0, (30, 4, 4)).tolist() == [[[0, 0, 0, 1, 1, 0, 0, 0]]]
    assert border_mask(section, 4, (30, 4, 4)).tolist() == [[[0, 0, 1, 1, 1, 1, 0, 0]]]
    assert border_mask(section, 7.9, (30, 4, 4)).tolist() == [[[0, 0, 1, 1, 1, 1, 0, 0]]]


@settings(deadline=None, max_examples=15)
@given(labels, st.sampled_from([0, 4, 6, 9]))
def test_it_is_the_distance_in_the_plane_to_a_change(volume, distance):
    found = border_mask(volume, distance, (30, 4, 5))
    assert np.array_equal(found, np.stack([naive(s, distance, (4, 5)) for s in volume]))


def test_other_sections_do_not_matter():
    volume = np.stack([np.full((4, 4), label) for label in (1, 2)])
    assert not border_mask(volume, 1000, (30, 4, 4)).any()


@pytest.mark.parametrize("distance", [-1, float("nan"), float("inf")])
def test_a_distance_that_is_none_is_refused(distance):
    with pytest.raises(ValueError, match="border_nm="):
        border_mask(np.zeros((1, 2, 2), int), distance, (30, 4, 4))
