"""Lists of voxels: components as scipy finds them in arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ops.metrics.synapse_objects import CONNECTED_4, CONNECTED_18
from ops.synapses.sparse import STEPS_4, STEPS_18, components, in_order_met, rows_of, voxels_of

MASKS = hnp.arrays(
    bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.booleans()
)


@pytest.mark.parametrize(("steps", "structure"), [(STEPS_4, CONNECTED_4), (STEPS_18, CONNECTED_18)])
@given(mask=MASKS)
def test_components_are_those_of_scipy_in_the_order_of_first_voxels(mask, steps, structure):
    numbers = components(voxels_of(mask), steps)
    labels, _ = ndimage.label(mask, structure)
    np.testing.assert_array_equal(numbers, in_order_met(labels[mask].astype(np.int64)))


def test_the_end_of_a_row_does_not_touch_the_next_row():
    voxels = np.array([[0, 0, 9], [0, 1, 0]])
    assert components(voxels, STEPS_18).tolist() == [0, 1]


def test_no_voxels_have_no_components():
    assert components(np.zeros((0, 3), np.int64), STEPS_18).tolist() == []


def test_numbers_follow_the_order_in_which_they_are_met():
    assert in_order_met(np.array([7, 2, 7, 5])).tolist() == [0, 1, 0, 2]


def test_voxels_are_found_in_a_set():
    voxels = np.array([[0, 1, 2], [0, 2, 0], [3, 0, 1]])
    assert rows_of(voxels, voxels[[2, 0]], (4, 3, 3)).tolist() == [2, 0]
