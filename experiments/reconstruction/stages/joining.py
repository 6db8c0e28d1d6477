"""Stages `region_graph` and `agglomeration`: which supervoxels are one segment.

Every block counts the pairs of voxels that it owns; the sum of all blocks is the graph of the whole
volume, which is agglomerated at once. So segments are global, and the order of blocks is nothing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt64

from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.prediction import AFFINITIES, MEMBRANE
from ops.runs import find_runs
from ops.segmentation.agglomeration import agglomerate, cut
from ops.segmentation.region_graph import (
    RegionGraph,
    affinity_graph,
    boundary_graph,
    merge_graphs,
)

GRAPHS, SEGMENTS = "region_graph", "agglomeration"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Graph:
    """The stage `region_graph`, as plain values.

    Attributes:
        evidence: path of the boundary map, or of affinities.
        offsets: of the affinities; none for a boundary map.
        run: the run directory.
    """

    evidence: Path
    offsets: tuple[Index, ...]
    run: Path

    def work(self, block: Block) -> None:
        """Writes region_graph/Z_Y_X.npz: the block's ids, and the pairs that it owns."""
        labels = opened(self.run / SUPERVOXELS)[block.outer].read()
        strengths, owned = opened(self.evidence)[block.outer].read(), block.inner_in_outer
        if self.offsets:
            graph = affinity_graph(labels, strengths, self.offsets, owned=owned)
        else:
            graph = boundary_graph(labels, strengths, owned=owned)
        arrays = {field.name: getattr(graph, field.name) for field in dataclasses.fields(graph)}
        arrays["nodes"] = np.unique(find_runs(labels[owned]).ids)
        save_arrays(self.run / GRAPHS, block, arrays)


@dataclasses.dataclass(frozen=True)
class Joining:
    """The stage `agglomeration`, as plain values.

    Attributes:
        run: the run directory.
        blocks: of the stage `region_graph`.
        threshold: boundary strength below which regions are joined.
        linkage: "mean" or "quantile".
        quantile: which one.
    """

    run: Path
    blocks: tuple[Block, ...]
    threshold: float
    linkage: Literal["mean", "quantile"]
    quantile: float

    def work(self, block: Block) -> None:
        """Writes agglomeration/0_0_0.npz: every supervoxel and its segment, 1, 2, ..."""
        graph, nodes = read_graph(self.run, self.blocks)
        tree = agglomerate(graph, linkage=self.linkage, quantile=self.quantile)
        _, segments = np.unique(cut(tree, nodes, self.threshold), return_inverse=True)
        arrays = {"nodes": nodes, "segments": segments.astype(np.uint64) + np.uint64(1)}
        save_arrays(self.run / SEGMENTS, block, arrays)


def read_graph(
    run: Path, blocks: tuple[Block, ...]
) -> tuple[RegionGraph, UInt64[np.ndarray, " nodes"]]:
    """The graph of the whole volume, and all supervoxels in order."""
    parts = [load_arrays(run / GRAPHS, block) for block in blocks]
    nodes = np.unique(np.concatenate([part.pop("nodes") for part in parts]))
    return merge_graphs(RegionGraph(**part) for part in parts), nodes


def graph_stage(run: Path, blocks: Grid, offsets: tuple[Index, ...], reads: Sequence[str]) -> Stage:
    """The stage `region_graph`, on blocks with a halo as far as pairs reach."""
    z, y, x = (max(abs(step[axis]) for step in ((1, 1, 1), *offsets)) for axis in range(3))
    grid = dataclasses.replace(blocks, halo=(z, y, x))
    evidence = run / (AFFINITIES if offsets else MEMBRANE)
    return Stage(
        "region_graph",
        stage_key("region_graph", VERSION, grid, {"offsets": offsets}, reads),
        grid.blocks,
        Graph(evidence, offsets, run).work,
        [run / GRAPHS],
        (run / GRAPHS).mkdir,
    )


def joining_stage(run: Path, blocks: Grid, how: Mapping[str, Any], reads: Sequence[str]) -> Stage:
    """The stage `agglomeration`, of the whole volume; `how` is threshold, linkage and quantile."""
    whole = whole_grid(blocks)
    return Stage(
        "agglomeration",
        stage_key("agglomeration", VERSION, whole, how, reads),
        whole.blocks,
        Joining(run, blocks.blocks, **how).work,
        [run / SEGMENTS],
        (run / SEGMENTS).mkdir,
    )
