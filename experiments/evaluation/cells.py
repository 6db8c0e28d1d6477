"""A volume cut into blocks of about one size, the units of the bootstrap."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from data.blocks import Block


@dataclasses.dataclass(frozen=True)
class Cells:
    """Cuts along (z, y, x): the edges of the blocks, from 0 to the size of the volume."""

    edges: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return int(np.prod([len(edges) - 1 for edges in self.edges]))

    def place(self, number: int) -> Block:
        """Where a block lies."""
        shape = [len(edges) - 1 for edges in self.edges]
        index = np.unravel_index(number, shape)
        return tuple(
            slice(edges[i], edges[i + 1]) for edges, i in zip(self.edges, index, strict=True)
        )

    def within(self, place: Block) -> Iterator[tuple[int, Block]]:
        """The blocks that a part of the volume touches, and where in that part."""
        axes = [list(_overlaps(edges, part)) for edges, part in zip(self.edges, place, strict=True)]
        shape = [len(edges) - 1 for edges in self.edges]
        for pieces in itertools.product(*axes):
            number = np.ravel_multi_index([piece[0] for piece in pieces], shape)
            yield int(number), tuple(piece[1] for piece in pieces)


def cut(shape: Sequence[int], parts: Sequence[int]) -> Cells:
    """So many parts along each axis, or as many as there are voxels.

    Raises:
        ValueError: unless `parts` are three numbers >= 1.
    """
    if len(parts) != 3 or min(parts) < 1:
        raise ValueError(
            f"got resampling.blocks={list(parts)}; needs three whole numbers >= 1, along (z, y, x)"
        )
    edges = (
        np.linspace(0, size, min(size, count) + 1).round().astype(int).tolist()
        for size, count in zip(shape, parts, strict=True)
    )
    return Cells(tuple(map(tuple, edges)))


def _overlaps(edges: Sequence[int], part: slice) -> Iterator[tuple[int, slice]]:
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        low, high = max(start, part.start), min(stop, part.stop)
        if low < high:
            yield number, slice(low - part.start, high - part.start)
