"""Copies a volume into another in blocks: reads one while the one before is written.

At most two blocks are in memory. A block holds whole chunks of the target, and whole chunks or
sections of the source as far as memory allows, so nothing is coded or decoded twice.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Shaped

from data.blocks import Block
from data.checks import cast_exactly
from data.volume import Volume, check_no_nan

BLOCK_BYTES = 8 * 2**20


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
