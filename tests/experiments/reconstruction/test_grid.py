"""Blocks cover a volume once, read what they should, and never share a chunk."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.reconstruction.grid import Grid, whole_chunks


def triples(least: int, most: int):
    return st.tuples(*[st.integers(least, most)] * 3)


grids = st.builds(Grid, triples(1, 9), triples(1, 11), triples(0, 4))


@given(grids)
def test_every_voxel_is_written_once_and_read_with_its_neighbours(grid):
    written = np.zeros(grid.shape, int)
    for block in grid.blocks:
        written[block.inner] += 1
        read = np.zeros(grid.shape, bool)
        read[block.outer] = True
        for axis, halo in enumerate(grid.halo):
            start = max(0, block.inner[axis].start - halo)
            stop = min(grid.shape[axis], block.inner[axis].stop + halo)
            assert block.outer[axis] == slice(start, stop)
        assert read[block.inner].all()
    assert (written == 1).all()


@given(grids)
def test_the_inner_voxels_are_found_in_the_outer_ones(grid):
    voxels = np.arange(math.prod(grid.shape)).reshape(grid.shape)
    for block in grid.blocks:
        outer = voxels[block.outer]
        np.testing.assert_array_equal(outer[block.inner_in_outer], voxels[block.inner])


@given(grids)
def test_blocks_come_in_the_order_of_their_index(grid):
    found = [block.index for block in grid.blocks]
    assert found == list(itertools.product(*(range(count) for count in grid.counts)))
    assert [grid.block(index) for index in found] == list(grid.blocks)


@given(grids, triples(1, 4), triples(1, 4))
def test_blocks_of_whole_chunks_share_none(grid, first, second):
    shape = whole_chunks(grid.block_shape, first, (*second, 3))
    owners: dict[tuple, set] = {}
    for block in Grid(grid.shape, shape).blocks:
        for chunk in (first, second):
            ranges = (
                range(s.start // c, -(-s.stop // c))
                for s, c in zip(block.inner, chunk, strict=True)
            )
            for number in itertools.product(*ranges):
                owners.setdefault((chunk, number), set()).add(block.index)
    assert all(len(indices) == 1 for indices in owners.values())
    for size, wanted, a, b in zip(shape, grid.block_shape, first, second, strict=True):
        assert wanted <= size < wanted + math.lcm(a, b)


def test_a_block_worked_out_by_hand():
    grid = Grid((20, 100, 100), (16, 64, 64), (2, 8, 8))
    block = grid.block((1, 0, 1))
    assert grid.counts == (2, 2, 2)
    assert block.inner == (slice(16, 20), slice(0, 64), slice(64, 100))
    assert block.outer == (slice(14, 20), slice(0, 72), slice(56, 100))
    assert block.inner_in_outer == (slice(2, 6), slice(0, 64), slice(8, 44))
    assert block.name == "1_0_1"
    assert str(block) == "block (1, 0, 1) of voxels [16:20, 0:64, 64:100] (z, y, x)"


def test_a_block_as_large_as_the_volume_is_one_task():
    (block,) = Grid((5, 6, 7), (5, 6, 7)).blocks
    assert block.inner == block.outer == (slice(0, 5), slice(0, 6), slice(0, 7))


@pytest.mark.parametrize(
    "sizes",
    [
        ((0, 1, 1), (1, 1, 1), (0, 0, 0)),
        ((1, 1, 1), (1, 0, 1), (0, 0, 0)),
        ((1, 1, 1), (1, 1, 1), (0, 0, -1)),
    ],
)
def test_sizes_that_make_no_blocks_are_refused(sizes):
    with pytest.raises(ValueError, match="needs sizes of at least 1 and a halo of at least 0"):
        Grid(*sizes)
