"""A stack followed from its first section to its last, and how right and how dear that is."""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from experiments.benchmarks.tracking.followers import Follower
from experiments.benchmarks.tracking.stacks import Stack
from ops.metrics.contingency import Contingency, count_pairs
from ops.metrics.segmentation import values_by_convention
from ops.segmentation.agglomeration import agglomerate, cut
from ops.segmentation.graph_sums import merge_graphs
from ops.segmentation.region_graph import RegionGraph
from ops.tracking import followed_graph

CONVENTION = "cremi2016"  # of VI
THRESHOLDS = np.round(np.arange(0.1, 1.0, 0.05), 2).tolist()


@dataclasses.dataclass(frozen=True)
class Tracked:
    """What following the regions of a stack through all of its sections gave.

    Attributes:
        graph: of the regions.
        passes: of the network, from a section to the next, on average.
        mega_pixels: that it was applied to for that.
        seconds: that this took.
    """

    graph: RegionGraph
    passes: float
    mega_pixels: float
    seconds: float


def track(stack: Stack, follow: Follower, *, both: bool) -> Tracked:
    """Follows all regions upwards, and downwards too if `both`."""
    depth = len(stack.pieces)
    found, graphs, start = [], [], time.perf_counter()
    for low in range(depth - 1):
        up = follow(stack.pieces[low], stack.views[low], stack.views[low + 1])
        found.append(up)
        down = None
        if both:
            back = follow(stack.pieces[low + 1], stack.views[low + 1], stack.views[low])
            found.append(back)
            down = back.ids
        graphs.append(followed_graph(stack.pieces[low], stack.pieces[low + 1], up.ids, down))
    seconds = (time.perf_counter() - start) / len(found)
    passes = float(np.mean([one.passes for one in found]))
    pixels = float(np.mean([one.pixels for one in found])) / 1e6
    return Tracked(merge_graphs(graphs), passes, pixels, seconds)


def scores(stack: Stack, graph: RegionGraph, thresholds: Sequence[float]) -> list[dict[str, float]]:
    """VI and its parts, in bits, of the regions joined below each threshold."""
    table = count_pairs(stack.neurites, stack.pieces)
    tree = agglomerate(graph, linkage="mean")
    rows: list[dict[str, float]] = []
    for threshold in thresholds:
        joined = cut(tree, table.prediction, threshold)
        parts = Contingency(joined, table.truth, table.counts).swapped()
        values = values_by_convention(parts, [CONVENTION])[CONVENTION]
        rows.append({name: values[name] or 0.0 for name in ("vi", "vi_split", "vi_merge")})
    return rows


def best_threshold(stack: Stack, graph: RegionGraph) -> float:
    """That of the least VI."""
    found = [row["vi"] for row in scores(stack, graph, THRESHOLDS)]
    return THRESHOLDS[int(np.argmin(found))]
