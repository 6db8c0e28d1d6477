"""Which edges of a region graph stand between different objects, by the truth."""

import numpy as np
from jaxtyping import Bool, UInt64

from ops.metrics.contingency import Contingency
from ops.segmentation.region_graph import RegionGraph

CLEAR = 0.75  # share of a region's labelled voxels that are of one object
LABELLED = 0.5  # share of its voxels that are labelled at all
NOWHERE = np.uint64(2**64 - 1)  # stands behind all regions


def edge_labels(
    graph: RegionGraph, table: Contingency
) -> tuple[Bool[np.ndarray, " edges"], Bool[np.ndarray, " edges"]]:
    """Whether the regions of each edge are different objects, and whether that is known.

    It is where at least half of the voxels of both regions are labelled, and 3/4 of those as one
    object.

    Args:
        graph: whose edges are asked for.
        table: true objects (0: not labelled) and regions, of the same volume.
    """
    ids, objects = _main_objects(table)
    ids, objects = np.r_[ids, NOWHERE], np.r_[objects, np.uint64(0)]
    places = np.searchsorted(ids, graph.edges)
    first, second = np.where(ids[places] == graph.edges, objects[places], np.uint64(0)).T
    return first != second, (first > 0) & (second > 0)


def _main_objects(
    table: Contingency,
) -> tuple[UInt64[np.ndarray, " ids"], UInt64[np.ndarray, " ids"]]:
    """Every region, and the object that it is clearly part of, or 0."""
    ids, region = np.unique(table.prediction, return_inverse=True)
    labelled = table.truth > 0
    all_voxels = np.bincount(region, table.counts)
    voxels = np.bincount(region[labelled], table.counts[labelled], len(ids))
    order = np.argsort(table.counts, kind="stable")
    order = order[labelled[order]]  # the largest part of a region comes last, and stays
    objects, most = np.zeros(len(ids), np.uint64), np.zeros(len(ids))
    objects[region[order]], most[region[order]] = table.truth[order], table.counts[order]
    clear = (most >= CLEAR * voxels) & (voxels >= LABELLED * all_voxels)
    return ids, np.where(clear, objects, np.uint64(0))
