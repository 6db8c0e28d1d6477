"""Stages `region_graph` and `agglomeration`: which supervoxels are one segment.

Every block counts the pairs of voxels that it owns; the sum of all blocks is the graph of the whole
volume, which is agglomerated at once. So segments are global, and the order of blocks is nothing.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64

from configs.reconstruction import Agglomeration
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.prediction import AFFINITIES, MEMBRANE
from models.edge_classifier import classifier_digest, load_classifier, probabilities
from models.pretrained_weights import find_weights
from ops.segmentation.agglomeration import agglomerate, cut
from ops.segmentation.edge_features import NAMES, edge_features
from ops.segmentation.region_graph import (
    RegionGraph,
    affinity_graph,
    boundary_graph,
    merge_graphs,
)
from ops.segmentation.region_statistics import (
    RegionStatistics,
    merge_statistics,
    region_statistics,
)

GRAPHS, SEGMENTS = "region_graph", "agglomeration"
VERSION, GRAPH_VERSION = 1, 2


@dataclasses.dataclass(frozen=True)
class Graph:
    """The stage `region_graph`, as plain values.

    Attributes:
        offsets: of the affinities; none where strengths are those of the boundary map.
        run: the run directory.
    """

    offsets: tuple[Index, ...]
    run: Path

    def work(self, block: Block) -> None:
        """Writes region_graph/Z_Y_X.npz: the block's regions, and the pairs that it owns."""
        labels = opened(self.run / SUPERVOXELS)[block.outer].read()
        boundary = opened(self.run / MEMBRANE)[block.outer].read()
        owned = block.inner_in_outer
        if self.offsets:
            affinities = opened(self.run / AFFINITIES)[block.outer].read()
            graph = affinity_graph(labels, affinities, self.offsets, owned=owned)
        else:
            graph = boundary_graph(labels, boundary, owned=owned)
        regions = region_statistics(labels[owned], boundary[owned])
        save_arrays(self.run / GRAPHS, block, vars(graph) | vars(regions))


@dataclasses.dataclass(frozen=True)
class Joining:
    """The stage `agglomeration`, as plain values.

    Attributes:
        run: the run directory.
        blocks: of the stage `region_graph`.
        threshold: score below which regions are joined.
        linkage: "mean" or "quantile".
        quantile: which one.
        classifier: file of a classifier, which gives edges their scores; by default these are
            the strengths of boundaries.
    """

    run: Path
    blocks: tuple[Block, ...]
    threshold: float
    linkage: Literal["mean", "quantile"]
    quantile: float
    classifier: Path | None = None

    def work(self, block: Block) -> None:
        """Writes agglomeration/0_0_0.npz: every supervoxel and its segment, 1, 2, ..."""
        graph, regions = read_graph(self.run, self.blocks)
        scores = learned_scores(graph, regions, self.classifier) if self.classifier else None
        tree = agglomerate(
            graph, linkage=self.linkage, quantile=self.quantile, initial_scores=scores
        )
        _, segments = np.unique(cut(tree, regions.ids, self.threshold), return_inverse=True)
        arrays = {"nodes": regions.ids, "segments": segments.astype(np.uint64) + np.uint64(1)}
        save_arrays(self.run / SEGMENTS, block, arrays)


def learned_scores(
    graph: RegionGraph, regions: RegionStatistics, classifier: Path
) -> Float64[np.ndarray, " edges"]:
    """Of each edge, the probability that it stands between different objects."""
    return probabilities(load_classifier(classifier, NAMES), edge_features(graph, regions))


def read_graph(run: Path, blocks: tuple[Block, ...]) -> tuple[RegionGraph, RegionStatistics]:
    """The graph of the whole volume, and the statistics of all supervoxels."""
    parts = [load_arrays(run / GRAPHS, block) for block in blocks]
    graphs = (RegionGraph(**_fields(RegionGraph, part)) for part in parts)
    regions = (RegionStatistics(**_fields(RegionStatistics, part)) for part in parts)
    return merge_graphs(graphs), merge_statistics(regions)


def _fields(kind, arrays):
    return {field.name: arrays[field.name] for field in dataclasses.fields(kind)}


def graph_stage(run: Path, blocks: Grid, offsets: tuple[Index, ...], reads: Sequence[str]) -> Stage:
    """The stage `region_graph`, on blocks with a halo as far as pairs reach."""
    z, y, x = (max(abs(step[axis]) for step in ((1, 1, 1), *offsets)) for axis in range(3))
    grid = dataclasses.replace(blocks, halo=(z, y, x))
    return Stage(
        "region_graph",
        stage_key("region_graph", GRAPH_VERSION, grid, {"offsets": offsets}, reads),
        grid.blocks,
        Graph(offsets, run).work,
        [run / GRAPHS],
        (run / GRAPHS).mkdir,
    )


def joining_stage(run: Path, blocks: Grid, how: Agglomeration, reads: Sequence[str]) -> Stage:
    """The stage `agglomeration`, of the whole volume; what `how` leaves open is as in `Joining`."""
    whole = whole_grid(blocks)
    told = {key: value for key, value in dataclasses.asdict(how).items() if value is not None}
    classifier = find_weights(told.pop("classifier")) if how.classifier else None
    content = classifier_digest(load_classifier(classifier, NAMES)) if classifier else None
    return Stage(
        "agglomeration",
        stage_key("agglomeration", VERSION, whole, {**told, "classifier": content}, reads),
        whole.blocks,
        Joining(run, blocks.blocks, **told, classifier=classifier).work,
        [run / SEGMENTS],
        (run / SEGMENTS).mkdir,
    )
