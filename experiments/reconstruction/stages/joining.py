"""Stages `region_graph` and `agglomeration`: which supervoxels are one segment.

Every block counts the pairs of voxels that it owns; the sum of all blocks is the graph of the whole
volume, which is agglomerated at once. So segments are global, and the order of blocks is nothing.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt64

from data.volume import Volume
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.grid import Block, Grid, Index
from experiments.reconstruction.opened import opened
from experiments.reconstruction.stages.cutting import SUPERVOXELS
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
        arrays["nodes"] = np.unique(labels[owned])
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


def grid_for(volume: Volume, block_shape: Index, offsets: tuple[Index, ...]) -> Grid:
    """The blocks of `region_graph`, with a halo as far as pairs reach."""
    z, y, x = volume.shape[:3]
    reach = [max(abs(step[axis]) for step in ((1, 1, 1), *offsets)) for axis in range(3)]
    return Grid((z, y, x), block_shape, (reach[0], reach[1], reach[2]))
