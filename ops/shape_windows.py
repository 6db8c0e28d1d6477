"""Windows of single objects: what a detector of merge errors sees, and where it looks.

All at one coarse, isotropic resolution (`coarse_shapes`), at which high-level shape fits a small
cube. A window is True where the object is; what lies beyond the volume is not of it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt

from ops.downsampling import downsample
from ops.metrics.positions import check_voxel_size
from ops.segmentation.distance import boundary_distance

DEEPEST = 8  # voxels that depths are told up to
SAME = 0.01  # relative difference of two voxel sizes that are taken for one


def vote_factors(
    voxel_size_nm: Sequence[int | float], voxel_nm: int | float
) -> tuple[int, int, int]:
    """How many voxels along (z, y, x) vote for one, before the nearest is taken.

    Raises:
        ValueError: a voxel size or a coarse one that is not > 0.
    """
    if not voxel_nm > 0:
        raise ValueError(f"got a coarse voxel of {voxel_nm} nm; needs a length > 0")
    ratios = np.floor(voxel_nm / check_voxel_size(voxel_size_nm) + 1e-6)
    z, y, x = (max(1, int(ratio)) for ratio in ratios)
    return z, y, x


def coarse_shapes(
    labels: UInt[np.ndarray, "z y x"], voxel_size_nm: Sequence[int | float], voxel_nm: int | float
) -> UInt[np.ndarray, "_ _ _"]:
    """Labels on a grid of cubes of `voxel_nm`, from the same corner.

    Boxes of `vote_factors` voxels become their commonest id other than 0, so that thin objects
    stay connected and gaps of membrane close (`ops.downsampling`); then the nearest is taken.
    Objects that win no box are gone.

    Args:
        labels: ids, 0 = background.
        voxel_size_nm: edge lengths (z, y, x).
        voxel_nm: edge of a coarse voxel.
    """
    factors = vote_factors(voxel_size_nm, voxel_nm)
    size = check_voxel_size(voxel_size_nm) * np.array(factors)
    return in_cubes(downsample(labels, factors), size.tolist(), voxel_nm)


def in_cubes(
    labels: UInt[np.ndarray, "z y x"], voxel_size_nm: Sequence[int | float], voxel_nm: int | float
) -> UInt[np.ndarray, "_ _ _"]:
    """The nearest label at the centre of each cube of `voxel_nm`, from the same corner."""
    for axis, step in enumerate(voxel_nm / check_voxel_size(voxel_size_nm)):
        if abs(step - 1) > SAME:
            count = max(1, int(np.floor(labels.shape[axis] / step + 1e-6)))
            nearest = np.floor((np.arange(count) + 0.5) * step).astype(np.int64)
            labels = np.take(labels, np.minimum(nearest, labels.shape[axis] - 1), axis=axis)
    return labels


def cut_windows(
    labels: UInt[np.ndarray, "z y x"],
    ids: UInt[np.ndarray, "n parts"],
    centres: Int64[np.ndarray, "n 3"],
    shape: Sequence[int],
) -> Bool[np.ndarray, "n _ _ _"]:
    """The objects `ids`, several of them as one, in windows around places.

    Args:
        labels: coarse ids.
        ids: of the parts of each window's object, not 0.
        centres: voxels (z, y, x), which are number `shape // 2` of their windows.
        shape: of a window.
    """
    windows = np.zeros((len(centres), *shape), bool)
    for window, parts, centre in zip(windows, ids, centres, strict=True):
        first = [int(c) - n // 2 for c, n in zip(centre, shape, strict=True)]
        there, here = _overlap(first, shape, labels.shape)
        voxels, target = labels[there], window[here]
        for part in dict.fromkeys(parts.tolist()):
            target |= voxels == part
    return windows


def around(centre: Sequence[int], shape: Sequence[int]) -> tuple[slice, slice, slice]:
    """The part of a volume that the window around a place shows, as `cut_windows` cuts it."""
    first = [c - n // 2 for c, n in zip(centre, shape, strict=True)]
    z, y, x = (slice(max(0, f), f + n) for f, n in zip(first, shape, strict=True))
    return z, y, x


def depths(windows: Bool[np.ndarray, "n z y x"]) -> Float32[np.ndarray, " n"]:
    """Voxels from each window's centre to the nearest outside of the object; 0 if it is outside.

    No more than half of the shortest edge, or DEEPEST.
    """
    reach = [min(n // 2, DEEPEST) for n in windows.shape[1:]]
    middle = (
        slice(n // 2 - r, n // 2 + r + n % 2) for n, r in zip(windows.shape[1:], reach, strict=True)
    )
    windows = windows[(slice(None), *middle)]
    shape = windows.shape[1:]
    grids = np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in shape)]
    distance = np.sqrt(sum(grid**2 for grid in grids)).astype(np.float32)
    order = np.argsort(distance.ravel(), kind="stable")
    sorted_windows = windows.reshape(len(windows), -1)[:, order]
    first = sorted_windows.argmin(axis=1)
    limit = np.float32(min((n for n in shape if n > 1), default=1) / 2)
    found = np.minimum(distance.ravel()[order][first], limit)
    return np.where(sorted_windows.all(axis=1), limit, found).astype(np.float32)


def points_along(
    labels: UInt[np.ndarray, "z y x"], spacing: int, least_voxels: int
) -> tuple[Int64[np.ndarray, "n 3"], UInt[np.ndarray, " n"]]:
    """Places along every object: in each cell of a grid the voxel deepest inside of it.

    Args:
        labels: coarse ids, 0 = background.
        spacing: edge of a cell, in voxels.
        least_voxels: objects with fewer are left out: so little shows no merge error.

    Returns:
        Voxels (z, y, x) and the object of each, ordered by object and cell.

    Raises:
        ValueError: a spacing < 1.
    """
    if spacing < 1:
        raise ValueError(f"got a spacing of {spacing} voxels; needs at least 1")
    ids, counts = np.unique(labels, return_counts=True)
    kept = ids[(counts >= least_voxels) & (ids != 0)]
    place = np.argwhere(np.isin(labels, kept))
    if not len(place):
        return place.astype(np.int64), np.zeros(0, labels.dtype)
    there = tuple(place.T)
    objects, inside = (
        labels[there],
        boundary_distance(inner(labels), (1.0, 1.0, 1.0), in_plane=False),
    )
    depth = np.where(np.isfinite(inside[there]), inside[there], 0)
    cells = np.ravel_multi_index(
        tuple((place // spacing).T), tuple(n // spacing + 1 for n in labels.shape)
    )
    order = np.lexsort((-depth, cells, objects))
    sorted_cells, sorted_objects = cells[order], objects[order]
    new = (np.diff(sorted_cells) != 0) | (np.diff(sorted_objects) != 0)
    first = order[np.concatenate([[True], new])]
    return place[first].astype(np.int64), objects[first]


def inner(labels: UInt[np.ndarray, "z y x"]) -> Bool[np.ndarray, "z y x"]:
    """Voxels of objects whose neighbours along every axis are of the same one."""
    found = labels != 0
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        same = labels[tuple(low)] == labels[tuple(high)]
        found[tuple(low)] &= same
        found[tuple(high)] &= same
    return found


def _overlap(
    first: Sequence[int], shape: Sequence[int], whole: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a box that lies in a volume: within the volume, and within the box."""
    there = tuple(
        slice(min(max(f, 0), n), max(min(f + s, n), 0))
        for f, s, n in zip(first, shape, whole, strict=True)
    )
    here = tuple(slice(t.start - f, t.stop - f) for t, f in zip(there, first, strict=True))
    return there, here
