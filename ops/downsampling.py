"""Labels at a lower resolution, for work on shapes: skeletons and meshes.

A coarse voxel takes the commonest id of its voxels other than 0, so background gives way: thin
objects stay connected where a plain vote would cut them, and gaps between objects close.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64, UInt

from ops.metrics.positions import check_voxel_size


def coarse_factors(
    voxel_size_nm: Sequence[int | float], coarse_nm: int | float
) -> tuple[int, int, int]:
    """Factors (z, y, x), powers of two, that make voxels as long as can be, up to `coarse_nm`.

    Voxels of (30, 6, 6) nm and 32 nm give (1, 4, 4), thus voxels of (30, 24, 24) nm.

    Raises:
        ValueError: a voxel size that is not three numbers > 0.
    """
    ratios = coarse_nm / check_voxel_size(voxel_size_nm)
    z, y, x = (2 ** max(0, int(np.floor(np.log2(ratio)))) for ratio in ratios)
    return z, y, x


def downsample(
    labels: UInt[np.ndarray, "z y x"], factors: Sequence[int]
) -> UInt[np.ndarray, "..."]:
    """The commonest id other than 0 of each box of `factors` voxels, the first of them on a draw.

    Even factors are taken in steps of two, each the commonest of the commonest, which is quick and
    seldom another id than the commonest of the whole box; it is always one that the box holds, and
    0 only where it holds nothing else.

    Args:
        labels: ids, 0 = background.
        factors: voxels (z, y, x) that become one, >= 1; the last boxes may stick out.

    Returns:
        Ids of the same dtype, the shape divided by the factors and rounded up.

    Raises:
        ValueError: factors that are not three whole numbers >= 1.
    """
    rest = check_factors(factors)
    while rest.max() > 1:
        step = np.where(rest % 2 == 0, 2, rest)
        labels = _commonest(labels, step.tolist())
        rest = rest // step
    return labels


def check_factors(factors: Sequence[int]) -> Int64[np.ndarray, " 3"]:
    """The factors as an array.

    Raises:
        ValueError: unless they are three whole numbers >= 1.
    """
    whole = np.array(factors)
    if whole.shape != (3,) or whole.dtype.kind not in "iu" or whole.min() < 1:
        raise ValueError(f"got factors={factors}; needs three whole numbers >= 1, (z, y, x)")
    return whole.astype(np.int64)


def _commonest(
    labels: UInt[np.ndarray, "z y x"], factors: Sequence[int]
) -> UInt[np.ndarray, "_ _ _"]:
    boxes = _boxes(labels, factors)
    best = boxes[0].copy()
    mixed = np.flatnonzero(np.any([box != best for box in boxes[1:]], axis=0))
    best.flat[mixed] = _voted([box.flat[mixed] for box in boxes])  # others are all of one id
    return best


def _voted(boxes: Sequence[UInt[np.ndarray, " n"]]) -> UInt[np.ndarray, " n"]:
    """The commonest id other than 0 among those at each place."""
    best = np.zeros_like(boxes[0])
    most = np.zeros(best.shape, np.uint16)
    for box in boxes:
        votes = sum((box == other for other in boxes), start=np.zeros(box.shape, np.uint16))
        votes[box == 0] = 0
        np.copyto(best, box, where=votes > most)
        np.maximum(most, votes, out=most)
    return best


def _boxes(labels: np.ndarray, factors: Sequence[int]) -> list[np.ndarray]:
    """For each place in a box, the voxels there; what sticks out is background."""
    pads = [(0, -n % f) for n, f in zip(labels.shape, factors, strict=True)]
    whole = np.pad(labels, pads) if any(after for _, after in pads) else labels
    fz, fy, fx = factors
    starts = itertools.product(range(fz), range(fy), range(fx))
    return [np.ascontiguousarray(whole[z::fz, y::fy, x::fx]) for z, y, x in starts]
