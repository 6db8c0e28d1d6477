"""Stage `region_graph`: which supervoxels adjoin, and how strong the boundary between them is.

Every block counts the pairs of voxels that it owns; the sum of all blocks is the graph of the whole
volume, whatever their order.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt64

from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.prediction import AFFINITIES, MEMBRANE
from ops.segmentation.graph_sums import merge_graphs
from ops.segmentation.region_graph import RegionGraph, affinity_graph, boundary_graph
from ops.segmentation.region_statistics import (
    RegionStatistics,
    merge_statistics,
    region_statistics,
)

GRAPHS = "region_graph"
VERSION = 3


@dataclasses.dataclass(frozen=True)
class Adjoining:
    """The stage, as plain values.

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
        graph = adjoining_graph(self.run, block, self.offsets, labels, boundary)
        owned = block.inner_in_outer
        regions = region_statistics(labels[owned], boundary[owned])
        save_arrays(self.run / GRAPHS, block, vars(graph) | vars(regions))


def adjoining_graph(
    run: Path,
    block: Block,
    offsets: tuple[Index, ...],
    labels: UInt64[np.ndarray, "z y x"],
    boundary: UInt8[np.ndarray, "z y x"],
) -> RegionGraph:
    """The pairs that a block owns, by affinities at these offsets, or by the boundary map."""
    owned = block.inner_in_outer
    if not offsets:
        return boundary_graph(labels, boundary, owned=owned)
    affinities = opened(run / AFFINITIES)[block.outer].read()
    return affinity_graph(labels, affinities, offsets, owned=owned)


def halo_of(offsets: tuple[Index, ...]) -> Index:
    """As far as pairs reach."""
    z, y, x = (max(abs(step[axis]) for step in ((1, 1, 1), *offsets)) for axis in range(3))
    return z, y, x


def read_part(run: Path, block: Block) -> tuple[RegionGraph, RegionStatistics]:
    """What the stage has written of a block."""
    arrays = load_arrays(run / GRAPHS, block)
    return RegionGraph(**_fields(RegionGraph, arrays)), RegionStatistics(
        **_fields(RegionStatistics, arrays)
    )


def read_graph(run: Path, blocks: Sequence[Block]) -> tuple[RegionGraph, RegionStatistics]:
    """The graph of the whole volume, and the statistics of all supervoxels."""
    graphs, regions = zip(*(read_part(run, block) for block in blocks), strict=True)
    return merge_graphs(graphs), merge_statistics(regions)


def _fields(kind, arrays):
    return {field.name: arrays[field.name] for field in dataclasses.fields(kind)}


def stage(run: Path, blocks: Grid, offsets: tuple[Index, ...], reads: Sequence[str]) -> Stage:
    """The stage of a run, on blocks with a halo as far as pairs reach."""
    grid = dataclasses.replace(blocks, halo=halo_of(offsets))
    return Stage(
        "region_graph",
        stage_key("region_graph", VERSION, grid, {"offsets": offsets}, reads),
        grid.blocks,
        Adjoining(offsets, run).work,
        [run / GRAPHS],
        (run / GRAPHS).mkdir,
    )
