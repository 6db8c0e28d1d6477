"""Places in nanometres, and the labels at them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Integer, UInt64

from ops.metrics.contingency import check_labels


def check_voxel_size(voxel_size_nm: Sequence[int | float]) -> Float64[np.ndarray, " 3"]:
    """The voxel size as an array.

    Raises:
        ValueError: unless it is three finite numbers > 0.
    """
    size = np.array(voxel_size_nm, np.float64)
    if size.shape != (3,) or not (np.isfinite(size).all() and (size > 0).all()):
        raise ValueError(
            f"got voxel_size_nm={voxel_size_nm}; needs three numbers > 0, (z, y, x) in nm"
        )
    return size


def look_up(
    labels: Integer[np.ndarray, "z y x"],
    positions_nm: Float64[np.ndarray, "n 3"],
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int] = (0, 0, 0),
    out: UInt64[np.ndarray, " n"] | None = None,
) -> UInt64[np.ndarray, " n"]:
    """The label at each position; 0 outside the array.

    For a volume block by block, give every block its offset and the same `out`, zeros at first:
    each block fills in the positions that lie inside it and leaves the others as they are.

    Args:
        labels: a block of the segmentation, >= 0.
        positions_nm: (z, y, x) in nm from the corner of voxel 0 of the dataset; voxel i spans
            [i, i + 1) voxel sizes.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        offset: voxel coordinates (z, y, x) of the block's first voxel.
        out: filled in place, and returned; a new array by default.

    Raises:
        ValueError: labels that are no integers >= 0, a position that is not finite, or a voxel
            size out of range.
    """
    check_labels(labels, "labels")
    if not np.isfinite(positions_nm).all():
        raise ValueError("got a position that is not finite; needs (z, y, x) in nm for each")
    place = np.floor(positions_nm / check_voxel_size(voxel_size_nm)) - np.array(offset, np.int64)
    inside = ((place >= 0) & (place < labels.shape)).all(axis=1)
    found = np.zeros(len(positions_nm), np.uint64) if out is None else out
    found[inside] = labels[tuple(place[inside].astype(np.int64).T)]
    return found
