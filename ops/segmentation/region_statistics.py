"""What lies inside of regions: how large they are, and how much boundary is in them.

All statistics are integers that add up over parts of a region, so that those of a large volume are
the sum of those of its blocks, whatever their order.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int64, UInt8, UInt32, UInt64

from ops.segmentation.checks import check_volumes


@dataclasses.dataclass(frozen=True)
class RegionStatistics:
    """Regions, each once, sorted by id.

    Attributes:
        ids: of the regions, 0 too where there is one.
        voxels: of each.
        boundary_sum: of the boundary strengths, 0 to 255, of its voxels.
        boundary_squares: sum of their squares.
    """

    ids: UInt64[np.ndarray, " n"]
    voxels: Int64[np.ndarray, " n"]
    boundary_sum: Int64[np.ndarray, " n"]
    boundary_squares: Int64[np.ndarray, " n"]


def region_statistics(
    labels: UInt64[np.ndarray, "..."] | UInt32[np.ndarray, "..."],
    boundary: UInt8[np.ndarray, "..."],
) -> RegionStatistics:
    """The statistics of all regions of a volume, or of a block of it.

    Args:
        labels: (z, y, x), ids of regions.
        boundary: (z, y, x), boundary strength.

    Raises:
        ValueError: shapes that differ.
    """
    check_volumes(labels=labels, boundary=boundary)
    flat, strengths = labels.ravel(), boundary.ravel()
    # Neighbours along x mostly lie in one region: whole runs of them are summed first.
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]][: len(flat)])
    if not len(starts):
        return _EMPTY
    return _sums(
        flat[starts].astype(np.uint64),
        np.diff(np.r_[starts, len(flat)]),
        np.add.reduceat(strengths, starts, dtype=np.int64),
        np.add.reduceat(np.square(strengths, dtype=np.uint16), starts, dtype=np.int64),
    )


def merge_statistics(parts: Iterable[RegionStatistics]) -> RegionStatistics:
    """The statistics of all parts together, whatever their order; those of no part are empty."""
    columns = zip(*(dataclasses.astuple(part) for part in (_EMPTY, *parts)), strict=True)
    return _sums(*map(np.concatenate, columns))


def _sums(ids, *columns) -> RegionStatistics:
    unique, place = np.unique(ids, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(unique)))
    sums = (np.add.reduceat(column[order], starts) for column in columns if len(starts))
    return RegionStatistics(unique, *sums) if len(starts) else _EMPTY


_EMPTY = RegionStatistics(np.zeros(0, np.uint64), *[np.zeros(0, np.int64)] * 3)
