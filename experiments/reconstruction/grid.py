"""The blocks of a volume: each is written by itself, and read with a halo around it."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

Index = tuple[int, int, int]
Slices = tuple[slice, slice, slice]


@dataclasses.dataclass(frozen=True)
class Block:
    """A box of voxels to write, and the larger one to read for it; all are (z, y, x), in voxels.

    Attributes:
        index: number of the block along each axis.
        start, stop: of the voxels to write.
        outer_start, outer_stop: of the voxels to read.
    """

    index: Index
    start: Index
    stop: Index
    outer_start: Index
    outer_stop: Index

    @property
    def inner(self) -> Slices:
        """The voxels to write. Those of all blocks cover the volume, each voxel once."""
        return _slices(self.start, self.stop)

    @property
    def outer(self) -> Slices:
        """The voxels to read: the inner ones and the halo, as far as the volume goes."""
        return _slices(self.outer_start, self.outer_stop)

    @property
    def inner_in_outer(self) -> Slices:
        """Where the inner voxels lie in an array of the outer ones."""
        z, y, x = self.outer_start
        (a, b, c), (d, e, f) = self.start, self.stop
        return _slices((a - z, b - y, c - x), (d - z, e - y, f - x))

    @property
    def name(self) -> str:
        """ "Z_Y_X" of the index, for names of files."""
        return "_".join(map(str, self.index))

    def __str__(self) -> str:
        ranges = (f"{a}:{b}" for a, b in zip(self.start, self.stop, strict=True))
        return f"block {self.index} of voxels [{', '.join(ranges)}] (z, y, x)"


@dataclasses.dataclass(frozen=True)
class Grid:
    """A volume cut into blocks. One block as large as the volume is a task done in one go.

    Attributes:
        shape: of the volume.
        block_shape: of a block to write; the last one along an axis may be smaller.
        halo: by how many voxels a block to read is larger, on each side.

    Raises:
        ValueError: on sizes below 1, or a negative halo.
    """

    shape: Index
    block_shape: Index
    halo: Index = (0, 0, 0)

    def __post_init__(self):
        if min(self.shape) < 1 or min(self.block_shape) < 1 or min(self.halo) < 0:
            raise ValueError(
                f"got shape {self.shape}, block_shape {self.block_shape}, halo {self.halo}; "
                "needs sizes of at least 1 and a halo of at least 0, each (z, y, x) in voxels"
            )

    @property
    def counts(self) -> Index:
        """How many blocks there are along (z, y, x)."""
        (a, b, c), (d, e, f) = self.shape, self.block_shape
        return -(-a // d), -(-b // e), -(-c // f)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in the order of their index."""
        z, y, x = (range(count) for count in self.counts)
        return tuple(self.block(index) for index in itertools.product(z, y, x))

    def block(self, index: Index) -> Block:
        """The block of an index, which must lie within `counts`."""
        starts, stops, outer_starts, outer_stops = zip(
            *(
                (
                    i * size,
                    min((i + 1) * size, length),
                    max(0, i * size - halo),
                    min((i + 1) * size + halo, length),
                )
                for i, size, length, halo in zip(
                    index, self.block_shape, self.shape, self.halo, strict=True
                )
            ),
            strict=True,
        )
        return Block(index, starts, stops, outer_starts, outer_stops)


def whole_grid(grid: Grid) -> Grid:
    """The same volume as one block."""
    return Grid(grid.shape, grid.shape)


def whole_chunks(block_shape: Sequence[int], *chunk_shapes: Sequence[int]) -> Index:
    """The smallest shape from `block_shape` on that is whole chunks of every output.

    Blocks of such a shape never share a chunk, so they can be written at the same time.

    Args:
        block_shape: wanted, (z, y, x), each at least 1.
        chunk_shapes: of each output: (z, y, x), or (z, y, x, channel).
    """
    z, y, x = (
        -(-size // multiple) * multiple
        for size, multiple in (
            (block_shape[axis], math.lcm(*(chunk[axis] for chunk in chunk_shapes)))
            for axis in range(3)
        )
    )
    return z, y, x


def _slices(start: Index, stop: Index) -> Slices:
    z, y, x = map(slice, start, stop)
    return z, y, x
