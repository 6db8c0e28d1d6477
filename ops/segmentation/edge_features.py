"""What tells whether two regions are one object, as numbers that a classifier learns from.

They are those of NeuroProof (Parag et al., "A Context-aware Delayed Agglomeration Framework for
Electron Microscopy Segmentation", PLoS ONE 10(5):e0125825, 2015) that add up over blocks: strength
along the boundary, and size and strength inside of both regions.
"""

import numpy as np
from jaxtyping import Float32

from ops.segmentation.region_graph import BINS, RegionGraph
from ops.segmentation.region_statistics import RegionStatistics

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
OF_EDGES = (
    "log_pairs",
    "across_share",
    "face_share",
    "mean",
    "spread",
    *(f"quantile_{quantile}" for quantile in QUANTILES),
)
OF_REGIONS = ("log_voxels", "inside_mean", "inside_spread", "pairs_per_voxel")
NAMES = OF_EDGES + tuple(
    f"{which}_{name}" for name in OF_REGIONS for which in ("least", "greatest")
)


def edge_features(
    graph: RegionGraph, regions: RegionStatistics
) -> Float32[np.ndarray, "edges features"]:
    """The features `NAMES` of every edge; strengths and spreads are in [0, 1].

    What both regions have counts as the lesser and the greater of the two values, so that it does
    not matter which of them comes first.

    Args:
        graph: edges and their statistics.
        regions: statistics of all regions of the graph, or of more.

    Raises:
        ValueError: a region of the graph that has no statistics.
    """
    ends = _places(graph, regions)
    pairs = graph.across_count + graph.within_count
    mean = (graph.across_sum + graph.within_sum) / (255 * pairs)
    own = [
        np.log(pairs),
        graph.across_count / pairs,
        graph.faces / pairs,
        mean,
        _spread(graph.histogram),
        *_quantiles(graph.histogram),
    ]
    both = _of_regions(regions, ends, pairs)
    sides = [side(pair, axis=1) for pair in both for side in (np.min, np.max)]
    return np.stack([*own, *sides], axis=1).astype(np.float32)


def _places(graph, regions):
    """Where the two regions of each edge stand among all."""
    missing = np.setdiff1d(graph.edges, regions.ids)
    if len(missing):
        raise ValueError(
            f"got a graph with {len(missing)} regions that have no statistics, such as "
            f"{missing[0]}; needs those of the same labels"
        )
    return np.searchsorted(regions.ids, graph.edges)


def _spread(histogram):
    """Standard deviation, by the middles of the bins."""
    middles = (np.arange(BINS) + 0.5) / BINS
    shares = histogram / histogram.sum(axis=1, keepdims=True)
    mean = (shares * middles).sum(axis=1)  # not by BLAS, which may sum otherwise on more threads
    return np.sqrt(np.maximum(0, (shares * middles**2).sum(axis=1) - mean**2))


def _quantiles(histogram):
    """As the linkage of that name has them: linear within a bin."""
    below = np.cumsum(histogram, axis=1)
    rows = np.arange(len(histogram))
    for quantile in QUANTILES:
        target = quantile * below[:, -1]
        place = (below < target[:, None]).sum(axis=1)
        inside = histogram[rows, place]
        yield (place + 1 - (below[rows, place] - target) / inside) / BINS


def _of_regions(regions, ends, pairs):
    voxels = regions.voxels[ends]
    inside = regions.boundary_sum[ends] / (255 * voxels)
    squares = regions.boundary_squares[ends] / (255**2 * voxels)
    yield np.log(voxels)
    yield inside
    yield np.sqrt(np.maximum(0, squares - inside**2))
    yield pairs[:, None] / voxels
