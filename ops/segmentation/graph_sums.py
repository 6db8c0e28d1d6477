"""Region graphs of the parts of a volume added up, and those of regions that have merged."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt64

from ops.segmentation.region_graph import BINS, RegionGraph

FULL = np.iinfo(np.uint32).max  # of a bin of a histogram


def merge_graphs(graphs: Iterable[RegionGraph]) -> RegionGraph:
    """The graph of all parts together, whatever their order; that of no part is empty."""
    edges, *columns = _concatenated(graphs)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges = edges[order]
    starts = np.flatnonzero(np.r_[True, (edges[1:] != edges[:-1]).any(axis=1)][: len(edges)])
    if not len(starts):
        return _EMPTY
    columns.reverse()  # each is let go of as soon as it has been summed
    sums = [_sums(columns.pop()[order], starts) for _ in range(len(columns))]
    return RegionGraph(edges[starts], *sums)


def contract(
    graph: RegionGraph, nodes: UInt64[np.ndarray, " nodes"], regions: UInt64[np.ndarray, " nodes"]
) -> RegionGraph:
    """The graph of larger regions: edges within one are gone, parallel ones are added up.

    Args:
        graph: of smaller regions.
        nodes: all ids in it, or more, sorted.
        regions: the id of the larger region of each.
    """
    edges = np.sort(regions[np.searchsorted(nodes, graph.edges)], axis=1)
    left = edges[:, 0] != edges[:, 1]
    columns = (column[left] for column in (edges, *list(vars(graph).values())[1:]))
    return merge_graphs([RegionGraph(*columns)])


def _concatenated(graphs):
    parts = [tuple(vars(graph).values()) for graph in (_EMPTY, *graphs)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _sums(column, starts):
    if column.ndim == 1:
        return np.add.reduceat(column, starts)
    sums = np.empty((len(starts), column.shape[1]), column.dtype)
    for place in range(column.shape[1]):  # one bin after the other: 64 bits of all take much memory
        bins = np.add.reduceat(column[:, place], starts, dtype=np.int64)
        sums[:, place] = np.minimum(bins, FULL)
    return sums


def _empty() -> RegionGraph:
    nothing = np.zeros(0, np.int64)
    return RegionGraph(np.zeros((0, 2), np.uint64), *[nothing] * 5, np.zeros((0, BINS), np.uint32))


_EMPTY = _empty()
