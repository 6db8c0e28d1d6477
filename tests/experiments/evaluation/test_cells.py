"""Blocks of the bootstrap: every voxel lies in just one of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.evaluation.cells import cut

SHAPES = st.tuples(*[st.integers(1, 9)] * 3)
QUICK = settings(deadline=None, max_examples=50)


def numbers(cells, shape) -> np.ndarray:
    """The number of the block that each voxel lies in; fails where two overlap."""
    found = np.full(shape, -1)
    for number in range(cells.count):
        assert (found[cells.place(number)] == -1).all()
        found[cells.place(number)] = number
    return found


@QUICK
@given(SHAPES, SHAPES)
def test_blocks_cover_the_volume_without_overlap(shape, parts):
    cells = cut(shape, parts)
    assert cells.count == np.prod(np.minimum(shape, parts))
    found = numbers(cells, shape)
    assert (found >= 0).all()
    sizes = np.bincount(found.ravel())
    assert sizes.min() >= 1
    assert sizes.max() <= np.prod(-(-np.array(shape) // np.minimum(shape, parts)))


@QUICK
@given(SHAPES, SHAPES, SHAPES)
def test_parts_of_the_volume_are_told_apart_as_the_whole_is(shape, parts, step):
    cells = cut(shape, parts)
    whole = numbers(cells, shape)
    starts = [range(0, size, s) for size, s in zip(shape, step, strict=True)]
    for corner in itertools.product(*starts):
        place = tuple(slice(c, min(c + s, n)) for c, s, n in zip(corner, step, shape, strict=True))
        found = np.full(whole[place].shape, -1)
        for number, piece in cells.within(place):
            found[piece] = number
        np.testing.assert_array_equal(found, whole[place])


@pytest.mark.parametrize("parts", [(1, 2), (1, 2, 3, 4), (0, 1, 1), (2, -1, 2)])
def test_parts_are_three_whole_numbers(parts):
    with pytest.raises(ValueError, match="needs three whole numbers >= 1"):
        cut((4, 4, 4), parts)
