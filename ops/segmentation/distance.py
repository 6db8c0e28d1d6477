"""Exact distance of every voxel to the nearest boundary voxel.

One axis after another, by lower envelopes of parabolas: Felzenszwalb & Huttenlocher, "Distance
Transforms of Sampled Functions", Theory of Computing 8 (2012), algorithm 1.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32

from ops.native import extension
from ops.segmentation import plain
from ops.segmentation.checks import check_threads, check_voxel_size


def boundary_distance(
    mask: Bool[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[float],
    *,
    in_plane: bool,
    threads: int = 0,
) -> Float32[np.ndarray, "z y x"]:
    """Distance in nm from each voxel's centre to that of the nearest voxel that is False.

    Args:
        mask: True inside of cells; distances are 0 where it is False. What lies beyond the border
            of the array is unknown, not a boundary.
        voxel_size_nm: along z, y, x.
        in_plane: each section by itself, for sections much thicker than a pixel.
        threads: 0 takes all cores.

    Returns:
        Distances; infinite in a section (or volume) that is True throughout.

    Raises:
        ValueError: a voxel size that is not three positive lengths, or a negative thread count.
    """
    check_voxel_size(voxel_size_nm)
    check_threads(threads)
    native = extension()
    if native is None:
        return plain.boundary_distance(mask, voxel_size_nm, in_plane)
    out = np.empty(mask.shape, np.float32)
    inside = np.ascontiguousarray(mask).view(np.uint8)
    native.boundary_distance(inside, out, tuple(map(float, voxel_size_nm)), in_plane, threads)
    return out
