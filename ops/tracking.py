"""What following regions between two sections tells of them, as edges of a region graph.

In 3C (Meirovitch, Mi et al., CVPR 2019) overlaps of tracked objects with the regions of other
sections are the edges of a graph, whose agglomeration makes objects in three dimensions.
"""

import numpy as np
from jaxtyping import Int64, UInt64

from ops.metrics.contingency import count_pairs
from ops.segmentation.checks import check_volumes
from ops.segmentation.region_graph import BINS, RegionGraph

Ids = UInt64[np.ndarray, "y x"]


def followed_graph(
    lower: Ids,
    upper: Ids,
    upwards: Ids,
    downwards: Ids | None,
    *,
    owned: tuple[slice, slice] = (slice(None), slice(None)),
) -> RegionGraph:
    """The edges between regions of two sections, one of which goes on in the other.

    Let F pixels of region b of the upper section be where region a of the lower one goes on, and R
    pixels of a where b does. The strength of the boundary between them is 255 (1 - min(F, R) /
    min(|a|, |b|)): both directions have to agree, and a piece of an object agrees with the whole.
    It counts as max(F, R) pairs of voxels that share a face.

    Args:
        lower: ids of regions, 0 where pixels do not count; none of them is in the upper section.
        upper: likewise.
        upwards: the region of the lower section that each pixel of the upper one belongs to, 0 =
            none.
        downwards: likewise, of the upper section in the lower one; None where that was not
            followed, and R is taken to be F.
        owned: edges count whose upper region has pixels here.

    Raises:
        ValueError: shapes that differ.
    """
    back = None if downwards is None else downwards[None]
    check_volumes(lower=lower[None], upper=upper[None], upwards=upwards[None], downwards=back)
    forward = _counts(upwards, upper)
    backward = forward if downwards is None else _counts(lower, downwards)
    edges, place = np.unique(np.concatenate([forward[0], backward[0]]), axis=0, return_inverse=True)
    counts = np.zeros((2, len(edges)), np.int64)
    counts[0, place[: len(forward[0])]] = forward[1]
    counts[1, place[len(forward[0]) :]] = backward[1]
    smaller = np.minimum(_sizes(lower, edges[:, 0]), _sizes(upper, edges[:, 1]))
    here = np.isin(edges[:, 1], upper[owned]) & (smaller > 0)
    agreed = counts.min(axis=0)[here] / smaller[here]
    strengths = np.rint(255 * (1 - np.minimum(agreed, 1))).astype(np.int64)
    return _graph(edges[here], counts.max(axis=0)[here], strengths)


def _counts(
    below: Ids, above: Ids
) -> tuple[UInt64[np.ndarray, "edges 2"], Int64[np.ndarray, " edges"]]:
    """The pairs of ids that meet in a pixel, and in how many."""
    both = (below > 0) & (above > 0)
    found = count_pairs(below[both], above[both])
    return np.stack([found.truth, found.prediction], axis=1), found.counts


def _sizes(regions: Ids, ids: UInt64[np.ndarray, " edges"]) -> Int64[np.ndarray, " edges"]:
    """Pixels of each region."""
    known, counts = np.unique(regions, return_counts=True)
    place = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[place] == ids, counts[place], 0)


def _graph(edges, pairs, strengths) -> RegionGraph:
    """Each edge with so many pairs across sections, all of one strength; the lower id first."""
    ordered = np.sort(edges, axis=1)
    order = np.lexsort((ordered[:, 1], ordered[:, 0]))
    ordered, pairs, strengths = ordered[order], pairs[order], strengths[order]
    histogram = np.zeros((len(pairs), BINS), np.uint32)
    histogram[np.arange(len(pairs)), strengths * BINS // 256] = pairs
    nothing = np.zeros(len(pairs), np.int64)
    return RegionGraph(ordered, pairs, pairs, pairs * strengths, nothing, nothing, histogram)
