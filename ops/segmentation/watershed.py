"""Seeded watershed of an 8-bit height map.

The water rises level by level, and floods each voxel from the neighbour that it arrives from
first: F. Meyer, "Topographic distance and watershed lines", Signal Processing 38 (1994). 256
heights allow a queue for each in place of a heap. The order of ties is part of the definition:
seeds come first, in order of memory, and the neighbours of a voxel in order of memory.
scikit-image differs only where seeds of one height compete, whose order it leaves open; it is
what runs where the C++ extension is not built.
"""

import numpy as np
from jaxtyping import Bool, UInt8, UInt32

from ops.native import extension
from ops.segmentation import plain
from ops.segmentation.checks import check_threads, check_volumes

WALL = np.iinfo(np.uint32).max


def watershed(
    height: UInt8[np.ndarray, "..."],
    seeds: UInt32[np.ndarray, "..."],
    *,
    in_plane: bool,
    mask: Bool[np.ndarray, "..."] | None = None,
    threads: int = 0,
) -> UInt32[np.ndarray, "..."]:
    """Spreads the seeds' labels over the map, from low to high, until they meet.

    Every voxel joins a seed that it reaches over the lowest possible pass.

    Args:
        height: (z, y, x), e.g. boundary strength.
        seeds: (z, y, x), labels from 1 to 2 ** 32 - 2; 0 = to be flooded.
        in_plane: each section by itself, through 4 neighbours; else through 6, on one thread.
        mask: (z, y, x), where labels may lie; everywhere by default.
        threads: over sections; 0 takes all cores. The result is the same for any number.

    Returns:
        (z, y, x), the seeds, and the label of every other voxel of the mask that is joined to a
        seed inside the mask; 0 elsewhere.

    Raises:
        ValueError: shapes that differ, the label 2 ** 32 - 1, or a negative thread count; from
            the kernel, a section (volume, if not in plane) of 2 ** 32 voxels or more.
    """
    check_volumes(height=height, seeds=seeds, mask=mask)
    check_threads(threads)
    labels = np.array(seeds, np.uint32, order="C")
    if labels.max(initial=0) == WALL:
        raise ValueError(f"got a seed with the label {WALL}; needs labels below it: renumber them")
    native = extension()
    if native is None:
        return plain.watershed(height, labels, in_plane, mask)
    inside = None if mask is None else np.ascontiguousarray(mask).view(np.uint8)
    native.watershed(np.ascontiguousarray(height), labels, inside, in_plane, threads)
    return labels
