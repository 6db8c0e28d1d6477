"""Hierarchical agglomeration of a region graph, lowest score first.

When two regions merge, edges that become parallel add their statistics, and are scored anew:
Funke et al., "Large Scale Image Segmentation with Structured Loss Based Deep Learning for
Connectome Reconstruction", TPAMI 2019 (waterz). The whole hierarchy is kept, so that a cut at
any threshold costs next to nothing.
"""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64, UInt64

from ops.native import extension
from ops.segmentation import plain
from ops.segmentation.region_graph import BINS, RegionGraph


@dataclasses.dataclass(frozen=True)
class Dendrogram:
    """Merges in order.

    Attributes:
        merges: the two regions of each merge, named by the least ids of their members, the lower
            one first; it then names both.
        scores: of the edge between them, in [0, 1]; where a merge made a lower score than its
            own, that of the highest merge so far.
    """

    merges: UInt64[np.ndarray, "m 2"]
    scores: Float32[np.ndarray, " m"]


def agglomerate(
    graph: RegionGraph,
    *,
    linkage: Literal["mean", "quantile"] = "mean",
    quantile: float = 0.5,
    across_weight: float = 1.0,
    initial_scores: Float64[np.ndarray, " n"] | None = None,
) -> Dendrogram:
    """Merges the regions on both sides of the edge of lowest score until no edge is left.

    Ties go to the edge that stands first in the graph (of edges that were added up: the first of
    them). Edges without faces never merge regions, but add to those that they become parallel to.

    Args:
        graph: edges and their statistics.
        linkage: what a score is: the mean of the boundary strengths of all pairs of voxels, or a
            quantile of them (linear within a bin of the histogram); in [0, 1] either way.
        quantile: which one, in [0, 1].
        across_weight: how many pairs within a section one across sections counts for (mean).
        initial_scores: of each edge, in [0, 1], in place of its mean strength, e.g. from a
            classifier; edges that are added up take the mean of these, weighted by their pairs.

    Raises:
        ValueError: a quantile or scores outside [0, 1], a weight that is not positive, an edge
            without pairs of voxels, scores that are not one for each edge, or mean-linkage
            options given for quantiles.
    """
    _check(graph, linkage, quantile, across_weight, initial_scores)
    nodes = np.unique(graph.edges)
    ends = np.searchsorted(nodes, graph.edges).astype(np.uint32)
    edges = len(nodes), ends, np.ascontiguousarray(graph.faces)
    if linkage == "quantile":
        merges, scores = _by_quantile(*edges, np.ascontiguousarray(graph.histogram), quantile)
        return Dendrogram(nodes[merges], scores)
    weights = across_weight * graph.across_count + graph.within_count
    if initial_scores is not None:
        merges, scores = _by_mean(*edges, initial_scores * weights, weights)
        return Dendrogram(nodes[merges], scores)
    sums = across_weight * graph.across_sum + graph.within_sum  # whole numbers add up exactly
    merges, scores = _by_mean(*edges, sums, weights)
    return Dendrogram(nodes[merges], scores / np.float32(255))


def cut(
    dendrogram: Dendrogram, nodes: UInt64[np.ndarray, " nodes"], threshold: float
) -> UInt64[np.ndarray, " nodes"]:
    """The segment of each node after the merges whose score is below the threshold.

    Args:
        dendrogram: from `agglomerate`.
        nodes: any ids, in any order; those in no merge are their own segments.
        threshold: in [0, 1]; 0 merges nothing.

    Returns:
        For each node, the least id of its segment.
    """
    count = np.searchsorted(dendrogram.scores, np.float32(threshold))
    merged = dendrogram.merges[:count]
    ids, places = np.unique(merged, return_inverse=True)
    parent = np.arange(len(ids))
    kept, gone = places.reshape(-1, 2).T
    parent[gone] = kept  # a lower id, which goes at most once itself
    while (parent != (above := parent[parent])).any():
        parent = above
    return _mapped(nodes, ids, ids[parent])


def _mapped(nodes, ids, segments):
    places = np.minimum(np.searchsorted(ids, nodes), max(0, len(ids) - 1))
    if not len(ids):
        return nodes.copy()
    return np.where(ids[places] == nodes, segments[places], nodes)


def _by_mean(nodes, ends, faces, sums, weights):
    native = extension()
    if native is None:
        statistics = np.stack([sums, weights], axis=1)
        return plain.agglomerate(nodes, ends, faces, statistics, lambda row: row[0] / row[1])
    return native.agglomerate_mean(nodes, ends, faces, sums, weights)


def _by_quantile(nodes, ends, faces, histogram, quantile):
    native = extension()
    if native is not None:
        return native.agglomerate_quantile(nodes, ends, faces, histogram, quantile)

    def score(bins):
        below = np.concatenate([[0], np.cumsum(bins)])
        target = quantile * below[-1]
        place = np.flatnonzero((bins > 0) & (below[1:] >= target))[0]
        return (place + (target - below[place]) / bins[place]) / BINS

    return plain.agglomerate(nodes, ends, faces, histogram.astype(np.int64), score)


def _check(graph, linkage, quantile, across_weight, initial_scores) -> None:
    if not 0 <= quantile <= 1:
        raise ValueError(f"got the quantile {quantile}; needs one in [0, 1]")
    if not 0 < across_weight < np.inf:
        raise ValueError(f"got across_weight {across_weight}; needs a finite number > 0")
    if linkage == "quantile" and (across_weight != 1 or initial_scores is not None):
        raise ValueError(
            "got quantile linkage with across_weight or initial_scores; histograms hold neither: "
            "leave them out, or take linkage 'mean'"
        )
    if not graph.histogram.any(axis=1).all():
        raise ValueError("got an edge without pairs of voxels; needs at least one for each edge")
    _check_scores(initial_scores, len(graph.edges))


def _check_scores(scores, edges) -> None:
    if scores is None:
        return
    if scores.shape != (edges,) or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            f"got initial scores of shape {scores.shape}, for {edges} edges; needs one in [0, 1] "
            "for each edge"
        )
