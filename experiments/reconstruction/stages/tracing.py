"""Stage `skeleton_parts`: pieces of the skeletons of all segments, part by part of the volume.

Parts are traced at about 30 nm, and are so large that most neurites are cut seldom; each reads one
plane of coarse voxels of the parts behind it, in which their fragments meet.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.durable import save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.run_record import usable_threads
from ops.downsampling import coarse_factors, downsample
from ops.skeletons.fragments import Face, Fragment, trace_fragments

PARTS = "skeleton_parts"
PART = (128, 256, 256)  # coarse voxels: several of them in 0.4 GB of image, for as many workers
SLAB_VOXELS = 1 << 26  # of the segmentation that are read at once
VERSION = 2


@dataclasses.dataclass(frozen=True)
class Tracing:
    """The stage `skeleton_parts`, as plain values; see `configs.reconstruction.Skeletons`.

    Attributes:
        run: the run directory.
        grid: of the parts.
        factors: voxels (z, y, x) in a coarse one.
    """

    run: Path
    grid: Grid
    factors: Index
    scale: float
    constant_nm: float
    least_length_nm: float

    def work(self, block: Block) -> None:
        """Writes skeleton_parts/Z_Y_X.npz."""
        segmentation = open_volume(str(self.run / SEGMENTATION))
        z, y, x = (n * f for n, f in zip(segmentation.voxel_size_nm, self.factors, strict=True))
        behind = zip(block.stop, self.factors, segmentation.shape[:3], strict=True)
        deep, high, wide = (min(stop + factor, size) for stop, factor, size in behind)
        fragments = trace_fragments(
            read_coarse(segmentation, self.factors, block.start, (deep, high, wide)),
            (z, y, x),
            scale=self.scale,
            constant_nm=self.constant_nm,
            least_length_nm=self.least_length_nm,
            shared=shared_faces(self.grid, block),
            origin=[s // f for s, f in zip(block.start, self.factors, strict=True)],
            threads=usable_threads() if len(self.grid.blocks) == 1 else 1,
        )
        save_arrays(self.run / PARTS, block, packed(fragments))


def stage(
    run: Path, image: Volume, blocks: Grid, how: Mapping[str, Any], reads: Sequence[str]
) -> Stage:
    """The stage of a run; `how` is `configs.reconstruction.Skeletons`."""
    settings = {name: value for name, value in how.items() if name != "coarse_nm"}
    factors = coarse_factors(image.voxel_size_nm, how["coarse_nm"])
    a, b, c = (n * f for n, f in zip(PART, factors, strict=True))
    grid = Grid(blocks.shape, (a, b, c))
    return Stage(
        PARTS,
        stage_key(PARTS, VERSION, grid, how, reads),
        grid.blocks,
        Tracing(run, grid, factors, **settings).work,
        [run / PARTS],
        (run / PARTS).mkdir,
    )


def read_coarse(
    segmentation: Volume, factors: Index, start: Index, stop: Index
) -> UInt[np.ndarray, "z y x"]:
    """A box of the segmentation at a reduced resolution, read a slab at a time."""
    (first, *_), (last, *_) = start, stop
    y, x = (slice(a, b) for a, b in zip(start[1:], stop[1:], strict=True))
    rows = (y.stop - y.start) * (x.stop - x.start)
    step = max(1, SLAB_VOXELS // rows // factors[0]) * factors[0]
    slabs = [
        downsample(segmentation[z : min(z + step, last), y, x].read(), factors)
        for z in range(first, last, step)
    ]
    return np.concatenate(slabs)


def shared_faces(grid: Grid, block: Block) -> list[Face]:
    """The faces of a block behind which there is another."""
    low = [(axis, "low") for axis in range(3) if block.start[axis] > 0]
    return low + [(axis, "high") for axis in range(3) if block.stop[axis] < grid.shape[axis]]


def packed(fragments: Mapping[int, Fragment]) -> dict[str, np.ndarray]:
    """Fragments as a few arrays, one after the other."""
    nothing = (np.zeros((0, 3), np.int64), np.zeros((0, 2), np.uint64), np.zeros(0, np.float32))
    nodes, edges, radii = zip(nothing, *fragments.values(), strict=True)
    return {
        "ids": np.array(list(fragments), np.uint64),
        "node_counts": np.array([len(n) for n in nodes[1:]], np.int64),
        "edge_counts": np.array([len(e) for e in edges[1:]], np.int64),
        "nodes": np.concatenate(nodes),
        "edges": np.concatenate(edges),
        "radii": np.concatenate(radii),
    }


def unpacked(arrays: Mapping[str, np.ndarray]) -> dict[int, Fragment]:
    """What `packed` was given."""
    nodes_end, edges_end = (np.cumsum(arrays[f"{kind}_counts"]) for kind in ("node", "edge"))
    nodes = np.split(arrays["nodes"], nodes_end)[:-1]
    edges = np.split(arrays["edges"], edges_end)[:-1]
    radii = np.split(arrays["radii"], nodes_end)[:-1]
    return dict(zip(arrays["ids"].tolist(), zip(nodes, edges, radii, strict=True), strict=True))
