"""Stage `segmentation`: every voxel gets the id of its segment."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt64

from data.volume import Volume
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import loaded, opened
from experiments.reconstruction.stages.cutting import SUPERVOXELS, make_output
from ops.runs import find_runs

SEGMENTATION, SIZES = "segmentation.zarr", "segment_sizes"
VERSION = 1
Ids = UInt64[np.ndarray, " ids"]


@dataclasses.dataclass(frozen=True)
class Labelling:
    """The stage, as plain values.

    Attributes:
        run: the run directory.
        joined: folder of supervoxels and their segments: `agglomeration` or `mended`.
        segments: the one block there.
    """

    run: Path
    joined: str
    segments: Block

    def work(self, block: Block) -> None:
        """Writes the block's part of segmentation.zarr, and segment_sizes/Z_Y_X.npz."""
        joined = loaded(self.run / self.joined, self.segments)
        nodes, segments = joined["nodes"], joined["segments"]
        runs = find_runs(opened(self.run / SUPERVOXELS)[block.inner].read())
        found = segments[np.searchsorted(nodes, runs.ids)]
        opened(self.run / SEGMENTATION)[block.inner].write(runs.painted(found))
        ids, voxels = runs.counted(found)
        save_arrays(self.run / SIZES, block, {"ids": ids, "voxels": voxels})


def stage(run: Path, image: Volume, blocks: Grid, joined: str, reads: Sequence[str]) -> Stage:
    """The stage of a run; `joined` is the folder that tells the segments."""
    segments = whole_grid(blocks).blocks[0]
    return Stage(
        "segmentation",
        stage_key("segmentation", VERSION, blocks, {}, reads),
        blocks.blocks,
        Labelling(run, joined, segments).work,
        [run / SEGMENTATION, run / SIZES],
        functools.partial(make_outputs, run, image),
    )


def make_outputs(run: Path, image: Volume) -> None:
    """The empty segmentation, and the folder of its sizes."""
    make_output(run, image, SEGMENTATION)
    (run / SIZES).mkdir()


def read_sizes(run: Path, grid: Grid) -> tuple[Ids, np.ndarray]:
    """All segments in order, and the voxels of each."""
    parts = [load_arrays(run / SIZES, block) for block in grid.blocks]
    ids, of = np.unique(np.concatenate([part["ids"] for part in parts]), return_inverse=True)
    voxels = np.bincount(of, np.concatenate([part["voxels"] for part in parts]))
    return ids, voxels.astype(np.int64)
