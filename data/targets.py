"""Training targets from labels: membranes, affinities, clefts and vesicles.

Labels are unsigned ids with axes (z, y, x), 0 = background; targets are uint8, 0 or 1. Two ids
are compared only where both voxels lie inside the array: what is beyond its edge is unknown and
changes nothing, so a target at the edge may lack what a larger crop would show there.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Int, UInt, UInt8
from scipy import ndimage

from data.volume import check_voxel_size


def membrane_target(
    labels: UInt[np.ndarray, "z y x"],
    *,
    width_nm: float,
    voxel_size_nm: Sequence[float],
    in_plane: bool = True,
) -> UInt8[np.ndarray, "z y x"]:
    """1 where the id is 0, or changes within half the width of the voxel's centre.

    The distance is from the voxel's centre to the nearest point of any voxel of another id (0 is
    an id too), so a face between two ids lies half a voxel from the centres at its sides. A width
    under one voxel therefore marks background alone.

    Args:
        labels: ids, 0 = background.
        width_nm: thickness of the membrane drawn, in nm, >= 0.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        in_plane: compares voxels of one section only, as suits anisotropic data, whose sections
            are farther apart than a membrane is thick; False measures in 3-D.

    Raises:
        ValueError: unless labels are unsigned (z, y, x) and the width is finite and >= 0.
    """
    check_label_array(labels)
    ball = _half_ball(_check_length("width_nm", width_nm) / 2, voxel_size_nm, in_plane)
    return ((labels == 0) | _near(labels, ball, np.not_equal)).astype(np.uint8)


def affinity_target(
    labels: UInt[np.ndarray, "z y x"], offsets: Sequence[Sequence[int]]
) -> UInt8[np.ndarray, "z y x channel"]:
    """1 in channel c where voxels v and v + offsets[c] have the same id, and it is not 0.

    Offsets are whole voxels (z, y, x) of either sign, near or long-range. 0 where v + offsets[c]
    lies outside; `affinity_mask` tells these voxels from true zeros.

    Raises:
        ValueError: unless labels are unsigned (z, y, x) and offsets are triples of integers.
    """
    check_label_array(labels)
    steps = _check_offsets(offsets)
    target = np.zeros((*labels.shape, len(steps)), np.uint8)
    for channel, offset in enumerate(steps):
        here, there = _pairs(labels.shape, offset)
        target[(*here, channel)] = _same_object(labels[here], labels[there])
    return target


def affinity_mask(
    valid: Bool[np.ndarray, "z y x"], offsets: Sequence[Sequence[int]]
) -> UInt8[np.ndarray, "z y x channel"]:
    """1 in channel c where v and v + offsets[c] both lie in the crop and are both valid.

    Args:
        valid: False where the truth is unknown, as from `valid_mask`.
        offsets: those of `affinity_target`.
    """
    steps = _check_offsets(offsets)
    mask = np.zeros((*valid.shape, len(steps)), np.uint8)
    for channel, offset in enumerate(steps):
        here, there = _pairs(valid.shape, offset)
        mask[(*here, channel)] = valid[here] & valid[there]
    return mask


def valid_mask(
    labels: UInt[np.ndarray, "z y x"], unlabelled: Sequence[int]
) -> Bool[np.ndarray, "z y x"]:
    """False where the id is one of those that mean "nobody has looked here"."""
    check_label_array(labels)
    return ~np.isin(labels, np.array(unlabelled, labels.dtype))


def cleft_target(
    labels: UInt[np.ndarray, "z y x"],
    *,
    voxel_size_nm: Sequence[float],
    dilation_nm: float = 0.0,
) -> UInt8[np.ndarray, "z y x"]:
    """1 inside a cleft, and where the nearest cleft voxel is at most dilation_nm away.

    Clefts are sheets a few voxels thin, often drawn thinner still; the dilation, between voxel
    centres and in 3-D, makes up for that.

    Raises:
        ValueError: unless labels are unsigned (z, y, x) and the dilation is finite and >= 0.
    """
    check_label_array(labels)
    dilation_nm = _check_length("dilation_nm", dilation_nm)
    cleft = labels != 0
    if dilation_nm > 0 and cleft.any():
        sampling = check_voxel_size(voxel_size_nm, "cleft_target")
        cleft = ndimage.distance_transform_edt(~cleft, sampling=sampling) <= dilation_nm
    return cleft.astype(np.uint8)


def vesicle_target(
    labels: UInt[np.ndarray, "z y x"],
    *,
    voxel_size_nm: Sequence[float],
    gap_nm: float = 0.0,
) -> UInt8[np.ndarray, "z y x"]:
    """1 inside a vesicle, except within gap_nm / 2 of another vesicle (measured in 3-D).

    Vesicles lie packed; a gap keeps those that touch apart, so that connected components of the
    prediction count them. Distances are those of `membrane_target`.

    Raises:
        ValueError: unless labels are unsigned (z, y, x) and the gap is finite and >= 0.
    """
    check_label_array(labels)
    ball = _half_ball(_check_length("gap_nm", gap_nm) / 2, voxel_size_nm, in_plane=False)
    return ((labels != 0) & ~_near(labels, ball, _two_objects)).astype(np.uint8)


def check_label_array(labels: np.ndarray) -> None:
    """Raises ValueError unless labels are unsigned integers with axes (z, y, x)."""
    if labels.ndim != 3 or not np.issubdtype(labels.dtype, np.unsignedinteger):
        raise ValueError(
            f"got labels of {labels.dtype} {labels.shape}; needs unsigned integers (z, y, x), "
            "with z = 1 for one section"
        )


def _check_length(name: str, length_nm: float) -> float:
    if not (math.isfinite(length_nm) and length_nm >= 0):
        raise ValueError(f"got {name}={length_nm}; needs a finite length in nm, >= 0")
    return float(length_nm)


def _check_offsets(offsets: Sequence[Sequence[int]]) -> Int[np.ndarray, "channel 3"]:
    array = np.asarray(offsets)
    if array.ndim != 2 or array.shape[1] != 3 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"got offsets {offsets}; needs at least one (z, y, x) in whole voxels, "
            "as in [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]"
        )
    return array


def _half_ball(
    radius_nm: float, voxel_size_nm: Sequence[float], in_plane: bool
) -> Int[np.ndarray, "offset 3"]:
    """Offsets to voxels that have a point within the radius of voxel 0's centre; one of each ±."""
    size = np.array(check_voxel_size(voxel_size_nm, "targets"))
    reach = np.floor(radius_nm / size + 0.5).astype(np.int64)
    if in_plane:
        reach[0] = 0
    offsets = np.indices(tuple(2 * reach + 1)).reshape(3, -1).T - reach
    gap_nm = np.maximum(np.abs(offsets) - 0.5, 0) * size
    # The tolerance keeps a distance that equals the radius inside, whatever its rounding.
    inside = np.square(gap_nm).sum(axis=1) <= radius_nm**2 * (1 + 1e-9)
    second_half = np.arange(len(offsets)) > len(offsets) // 2
    return offsets[inside & second_half]


def _pairs(
    shape: tuple[int, ...], offset: Int[np.ndarray, " 3"]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of the voxels v, and of v + offset, for all pairs inside the shape."""
    sizes = [(n, int(o)) for n, o in zip(shape, offset, strict=True)]
    here = tuple(slice(max(0, -o), max(0, n - max(0, o))) for n, o in sizes)
    there = tuple(slice(max(0, o), max(0, n + min(0, o))) for n, o in sizes)
    return here, there


def _near(
    labels: np.ndarray,
    half_ball: Int[np.ndarray, "offset 3"],
    differ: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Bool[np.ndarray, "z y x"]:
    """True where a voxel at one of the offsets, or opposite to it, differs."""
    near = np.zeros(labels.shape, bool)
    for offset in half_ball:
        here, there = _pairs(labels.shape, offset)
        change = differ(labels[here], labels[there])
        near[here] |= change
        near[there] |= change
    return near


def _same_object(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first == second) & (first != 0)


def _two_objects(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first != second) & (first != 0) & (second != 0)
