"""The blocks in which a volume is read or written: whole chunks, and as many as memory allows."""

import itertools
from collections.abc import Sequence

import numpy as np

Block = tuple[slice, ...]


def block_shape(
    shape: Sequence[int],
    source_chunk: Sequence[int],
    target_chunk: Sequence[int],
    itemsize: int,
    nbytes: int,
) -> tuple[int, ...]:
    """Shape of a block: a multiple of the target's chunk, of at most `nbytes` if one chunk is."""
    chunk = tuple(min(c, n) for c, n in zip(target_chunk, shape, strict=True))
    whole = [-(-n // c) for n, c in zip(shape, chunk, strict=True)]
    counts = [min(-(-s // c), w) for s, c, w in zip(source_chunk, chunk, whole, strict=True)]

    def size(counts: Sequence[int]) -> int:
        return itemsize * int(np.prod([n * c for n, c in zip(counts, chunk, strict=True)]))

    while size(counts) > nbytes and max(counts) > 1:
        longest = counts.index(max(counts))
        counts[longest] = -(-counts[longest] // 2)
    for axis in reversed(range(len(counts))):
        room = nbytes // size(counts) * counts[axis]
        counts[axis] = max(counts[axis], min(room, whole[axis]))
    return tuple(min(n * c, s) for n, c, s in zip(counts, chunk, shape, strict=True))


def blocks(
    shape: Sequence[int],
    source_chunk: Sequence[int],
    target_chunk: Sequence[int],
    itemsize: int,
    nbytes: int,
) -> list[Block]:
    """The blocks that cover a volume, in the order of their z, y, x."""
    steps = block_shape(shape, source_chunk, target_chunk, itemsize, nbytes)
    axes = [
        [slice(start, min(start + step, n)) for start in range(0, n, step)]
        for n, step in zip(shape, steps, strict=True)
    ]
    return list(itertools.product(*axes))
