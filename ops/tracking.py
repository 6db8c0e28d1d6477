"""What tracking tells of regions in two sections, as pairs of voxels that a region graph counts.

In 3C (Meirovitch, Mi et al., CVPR 2019) overlaps of tracked objects with the regions of other
sections are the edges of a graph, whose agglomeration makes objects in three dimensions.
"""

import numpy as np
from jaxtyping import UInt8, UInt64

from ops.segmentation.checks import check_volumes
from ops.segmentation.graph_sums import merge_graphs
from ops.segmentation.region_graph import RegionGraph, affinity_graph

BELOW = ((-1, 0, 0),)
Ids = UInt64[np.ndarray, "..."]


def tracked_pairs(
    source: Ids,
    target: Ids,
    tracked: Ids,
    confidence: UInt8[np.ndarray, "..."],
    *,
    owned: tuple[slice, slice] = (slice(None), slice(None)),
) -> RegionGraph:
    """The pairs of regions, one in each of two sections, that a tracking speaks for or against.

    Each pixel of the target is a pair of its region and of the one that was tracked to it, wherever
    this lies in the source: of strength 0 (no boundary between them) where that is certain. Where
    another region, or none, was tracked to it than the one right across, it is a pair with this one
    too, of strength 255 where that is certain. All count as faces: regions that do not overlap may
    be one.

    Args:
        source: (y, x), ids of regions, 0 = none; none of them is in the target too.
        target: likewise.
        tracked: the region of the source that each pixel of the target belongs to, 0 = none.
        confidence: that this is so, 255 = certain.
        owned: pixels of the target that count.

    Raises:
        ValueError: shapes that differ.
    """
    check_volumes(source=source[None], target=target[None], tracked=tracked[None])
    across = np.where(source == tracked, np.uint64(0), source)
    told = ((tracked, confidence), (across, 255 - confidence))
    return merge_graphs(_pairs(ids, target, affinity, owned) for ids, affinity in told)


def _pairs(source: Ids, target: Ids, affinity: UInt8[np.ndarray, "..."], owned) -> RegionGraph:
    sections, both = np.stack([source, target]), np.stack([affinity, affinity])[..., None]
    return affinity_graph(sections, both, BELOW, owned=(slice(1, 2), *owned))
