"""Copies a volume into another in blocks: reads one while the one before is written.

At most two blocks are in memory. A block holds whole chunks of the target, and whole chunks or
sections of the source as far as memory allows, so nothing is coded or decoded twice.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Shaped

from data.checks import cast_exactly
from data.volume import Volume, check_no_nan

BLOCK_BYTES = 32 * 2**20

Block = tuple[slice, ...]


def block_shape(
    shape: Sequence[int],
    source_chunk: Sequence[int],
    target_chunk: Sequence[int],
    itemsize: int,
    nbytes: int = BLOCK_BYTES,
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
    nbytes: int = BLOCK_BYTES,
) -> list[Block]:
    """The blocks that cover a volume, in the order of their z, y, x."""
    steps = block_shape(shape, source_chunk, target_chunk, itemsize, nbytes)
    axes = [
        [slice(start, min(start + step, n)) for start in range(0, n, step)]
        for n, step in zip(shape, steps, strict=True)
    ]
    return list(itertools.product(*axes))


def copy_blocks(
    source: Volume, target: Volume, todo: Sequence[Block], written: Callable[[int], None]
) -> None:
    """Copies blocks in order, and calls `written(i)` once block i of `todo` is in the target.

    Raises:
        ValueError: at NaN, or at a value that the target's dtype does not hold exactly.
    """
    reading = [source[block].read_async() for block in todo[:1]]
    writing = None
    try:
        for number, block in enumerate(todo):
            voxels = checked(reading.pop().result(), block, source, target.dtype)
            if writing is not None:
                writing.result()
                written(number - 1)
            reading = [source[following].read_async() for following in todo[number + 1 :][:1]]
            writing = target.store[block].write(voxels)
        if writing is not None:
            writing.result()
            written(len(todo) - 1)
    except Exception:
        if writing is not None:
            writing.exception()  # waits, so that nothing is written once the error is out
        raise


def checked(
    voxels: Shaped[np.ndarray, "z y x *channel"], block: Block, source: Volume, dtype: np.dtype
) -> Shaped[np.ndarray, "z y x *channel"]:
    """A block of the source in the target's dtype; see `copy_blocks` for what it raises."""
    start = tuple(s.start for s in block)
    place = [s + o for s, o in zip(start, source.offset, strict=False)]
    check_no_nan(voxels, place, source.name)
    return cast_exactly(voxels, dtype, start, source.name)
