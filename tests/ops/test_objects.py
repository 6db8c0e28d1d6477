"""Bounding boxes of objects, against SciPy's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ops.objects import find_objects


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_boxes_and_sizes_are_those_of_scipy(seed, most):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, most, rng.integers(1, 6, 3)) * (rng.random() < 0.9)
    found = find_objects(small.astype(np.uint64))
    boxes = ndimage.find_objects(small)
    assert found.ids.tolist() == [i + 1 for i, box in enumerate(boxes) if box]
    for number, id in enumerate(found.ids.tolist()):
        assert found.box(number) == boxes[id - 1]
        assert found.voxels[number] == np.count_nonzero(small == id)


def test_ids_of_64_bits_keep_every_bit():
    labels = np.zeros((2, 3, 4), np.uint64)
    labels[0, 1, 1:3], labels[1, 2, 3] = 2**64 - 1, 2**64 - 2
    found = find_objects(labels)
    assert found.ids.tolist() == [2**64 - 2, 2**64 - 1]
    assert found.box(1) == (slice(0, 1), slice(1, 2), slice(1, 3))
    assert found.box(1, margin=1) == (slice(0, 2), slice(0, 3), slice(0, 4))


def test_an_array_without_objects_has_none():
    assert len(find_objects(np.zeros((2, 3, 4), np.uint32)).ids) == 0
    assert len(find_objects(np.zeros((0, 3, 4), np.uint32)).ids) == 0
