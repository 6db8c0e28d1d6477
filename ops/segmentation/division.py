"""Objects taken apart again: where agglomeration joined two large parts, along the graph's edges.

A merge error is often a single join of two large regions. The dendrogram keeps all joins: those of
two large parts are where an object may be divided, and the edges of its regions say what goes with
which part.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from ops.segmentation.agglomeration import Dendrogram, cut
from ops.segmentation.region_graph import RegionGraph

Ids = UInt64[np.ndarray, " regions"]


@dataclasses.dataclass(frozen=True)
class Join:
    """Two large parts of an object that agglomeration joined.

    Attributes:
        score: at which it did.
        left, right: regions of each part.
    """

    score: float
    left: UInt64[np.ndarray, " left"]
    right: UInt64[np.ndarray, " right"]


def large_joins(
    dendrogram: Dendrogram, regions: Ids, voxels: Int64[np.ndarray, " regions"], least: int
) -> Iterator[Join]:
    """The joins within one object whose parts are both large, the last one first.

    Args:
        dendrogram: of the merges that made the object, or of more; merges with what is not of the
            object do not count.
        regions: of the object, sorted.
        voxels: of each.
        least: voxels of a part that counts as large.
    """
    own = np.isin(dendrogram.merges, regions).all(axis=1)
    merges, scores = dendrogram.merges[own], dendrogram.scores[own]
    smaller = _smaller_parts(merges, dict(zip(regions.tolist(), voxels.tolist(), strict=True)))
    for place in np.flatnonzero(smaller >= least)[::-1]:
        parts = cut(Dendrogram(merges[:place], np.zeros(place, np.float32)), regions, 1.0)
        left, right = (regions[parts == name] for name in merges[place])
        yield Join(float(scores[place]), left, right)


def _smaller_parts(merges: UInt64[np.ndarray, "m 2"], sizes: dict[int, int]) -> np.ndarray:
    """Voxels of the smaller of the two parts of each merge."""
    smaller = np.zeros(len(merges), np.int64)
    for place, (kept, gone) in enumerate(merges.tolist()):
        smaller[place] = min(sizes[kept], sizes[gone])
        sizes[kept] += sizes[gone]
    return smaller


def divide(graph: RegionGraph, regions: Ids, join: Join) -> Bool[np.ndarray, " regions"]:
    """Which regions of an object go with the right part, where its two parts are to be two objects.

    Other regions go with the part that they are most strongly joined to: edges are taken from the
    weakest boundary on, and none that would join the two parts (Kruskal's spanning forest of two
    roots). What no edge ties to either stays on the left.

    Args:
        graph: with the edges of the object, or more.
        regions: of the object, sorted.
        join: that is undone.
    """
    inside = np.isin(graph.edges, regions).all(axis=1)
    ends = np.searchsorted(regions, graph.edges[inside])
    pairs = (graph.across_count + graph.within_count)[inside]
    strengths = (graph.across_sum + graph.within_sum)[inside] / pairs
    parent = np.arange(len(regions))
    roots = [_contract(parent, np.searchsorted(regions, part)) for part in (join.left, join.right)]
    for first, second in ends[np.argsort(strengths, kind="stable")].tolist():
        a, b = _find(parent, first), _find(parent, second)
        if a != b and {a, b} != set(roots):
            low, high = (b, a) if b in roots else (a, b)
            parent[high] = low
    return np.array([_find(parent, place) == roots[1] for place in range(len(regions))], bool)


def _contract(parent: np.ndarray, places: np.ndarray) -> int:
    parent[places] = places[0]
    return int(places[0])


def _find(parent: np.ndarray, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return int(place)
