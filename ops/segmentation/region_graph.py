"""The region graph: which regions adjoin, and how strong the boundary between them is.

Strengths are 8-bit, 0 (none) to 255. All statistics are integers that add up over parts of a
boundary, so that the graph of a large volume is the sum of those of its blocks, whatever their
order. Where each block owns some voxels, every pair of voxels has one owner.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64, UInt8, UInt32, UInt64

from ops.native import extension
from ops.segmentation import plain
from ops.segmentation.checks import check_threads, check_volumes

BINS = 16  # of equal width, over the strengths 0 to 255
BELOW = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))  # from a voxel to those it shares a face with


@dataclasses.dataclass(frozen=True)
class RegionGraph:
    """Edges, each once, sorted, and the pairs of voxels that each of them stands for.

    Attributes:
        edges: ids of two regions, the lower one first.
        faces: pairs of voxels that share a face; 0 where regions are only known from pairs of a
            longer range.
        across_count: pairs in different sections (z differs).
        across_sum: sum of their strengths.
        within_count: pairs in one section.
        within_sum: sum of their strengths.
        histogram: all pairs by strength, in 16 equal bins; a bin that is full stays so.
    """

    edges: UInt64[np.ndarray, "n 2"]
    faces: Int64[np.ndarray, " n"]
    across_count: Int64[np.ndarray, " n"]
    across_sum: Int64[np.ndarray, " n"]
    within_count: Int64[np.ndarray, " n"]
    within_sum: Int64[np.ndarray, " n"]
    histogram: UInt32[np.ndarray, "n 16"]


def boundary_graph(
    labels: UInt64[np.ndarray, "..."] | UInt32[np.ndarray, "..."],
    boundary: UInt8[np.ndarray, "..."],
    *,
    owned: tuple[slice, slice, slice] | None = None,
    threads: int = 0,
) -> RegionGraph:
    """The graph of regions that share faces; a face is as strong as the stronger of its voxels.

    Args:
        labels: (z, y, x), ids of regions; 0 is in none.
        boundary: (z, y, x), boundary strength.
        owned: where the higher voxel of a face has to lie to be counted; everywhere by default.
            A block of a larger volume gives its own voxels here, and in the arrays also the
            layer below them along each axis.
        threads: 0 takes all cores. The graph is the same for any number.

    Raises:
        ValueError: shapes that differ, steps in `owned`, or a negative thread count.
    """
    check_volumes(labels=labels, boundary=boundary)
    check_threads(threads)
    ranges = _ranges(owned, labels.shape)
    native = extension()
    if native is None:
        return RegionGraph(*plain.boundary_graph(labels, boundary, BELOW, ranges))
    arrays = np.ascontiguousarray(labels), np.ascontiguousarray(boundary)
    return _graph(native.boundary_graph(*arrays, ranges, threads))


def affinity_graph(
    labels: UInt64[np.ndarray, "..."] | UInt32[np.ndarray, "..."],
    affinities: UInt8[np.ndarray, "..."],
    offsets: Sequence[tuple[int, int, int]],
    *,
    owned: tuple[slice, slice, slice] | None = None,
    threads: int = 0,
) -> RegionGraph:
    """The graph of regions from affinities, 255 (one object) to 0 (two).

    Channel c of a voxel v is the pair (v, v + offsets[c]), and counts with strength
    255 - affinity. Pairs one step apart are faces. Longer pairs add to the statistics of their
    edge, but make no regions neighbours: an edge of such pairs alone has `faces` 0, and
    `agglomerate` leaves it until one of its regions merges with a region in touch with the other.

    Args:
        labels: (z, y, x), ids of regions; 0 is in none.
        affinities: (z, y, x, channel). Those whose pair leaves the array are not read.
        offsets: (z, y, x) in voxels for each channel, not all 0.
        owned: where the voxel v of a pair has to lie to be counted; everywhere by default. A
            block of a larger volume gives its own voxels here, and in the arrays also what the
            offsets reach from them.
        threads: 0 takes all cores. The graph is the same for any number.

    Raises:
        ValueError: shapes that differ, a zero offset, steps in `owned`, or a negative thread
            count.
    """
    check_volumes(labels=labels, affinities=affinities[..., 0])
    check_threads(threads)
    steps = _checked(offsets, affinities.shape[-1])
    ranges = _ranges(owned, labels.shape)
    native = extension()
    if native is None:
        return RegionGraph(*plain.affinity_graph(labels, affinities, steps, ranges))
    arrays = np.ascontiguousarray(labels), np.ascontiguousarray(affinities)
    return _graph(native.affinity_graph(*arrays, steps, ranges, threads))


def _graph(columns) -> RegionGraph:
    # NumPy has two types of 64 bits; what comes from C++ may be of the other one.
    edges, *sums, histogram = columns
    return RegionGraph(edges.view(np.uint64), *(c.view(np.int64) for c in sums), histogram)


def _ranges(owned, shape) -> tuple[tuple[int, int], ...]:
    slices = owned or (slice(None),) * 3
    bounds = [part.indices(length) for part, length in zip(slices, shape, strict=True)]
    if any(step != 1 for _, _, step in bounds):
        raise ValueError(f"got owned voxels {owned}; needs slices without a step")
    return tuple((start, max(start, stop)) for start, stop, _ in bounds)


def _checked(offsets, channels) -> list[tuple[int, int, int]]:
    if len(offsets) != channels or not all(map(any, offsets)):
        raise ValueError(
            f"got offsets {tuple(offsets)} for {channels} channels; needs one (z, y, x), not all "
            "0, for each"
        )
    return [(int(z), int(y), int(x)) for z, y, x in offsets]
