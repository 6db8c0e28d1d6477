"""Stage `skeletons`: the segments as trees, in SWC files and for neuroglancer, and their table."""

import csv
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt64

from data.formats.precomputed_skeletons import write_skeletons
from data.opening import open_volume
from data.skeletons import Skeleton, write_swc
from data.volume import Volume
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.stages.labelling import SEGMENTATION, read_sizes
from experiments.run_record import usable_threads
from ops.downsampling import coarse_factors, downsample
from ops.skeletons.teasar import skeletonise

SWC, PRECOMPUTED, TABLE = "skeletons", "skeletons.precomputed", "neurites.csv"
COLUMNS = ("id", "voxels", "volume_um3", "length_um", "nodes", "ends")
SLAB_VOXELS = 1 << 26  # of the segmentation that are read at once
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Tracing:
    """The stage, as plain values; see `configs.reconstruction.Skeletons`.

    Attributes:
        run: the run directory.
        sizes: the blocks of the stage `segmentation`.
    """

    run: Path
    sizes: Grid
    coarse_nm: float
    scale: float
    constant_nm: float
    least_length_nm: float

    def work(self, block: Block) -> None:
        """Writes skeletons/ID.swc, skeletons.precomputed and neurites.csv."""
        segmentation = open_volume(str(self.run / SEGMENTATION))
        factors = coarse_factors(segmentation.voxel_size_nm, self.coarse_nm)
        z, y, x = (n * f for n, f in zip(segmentation.voxel_size_nm, factors, strict=True))
        skeletons = skeletonise(
            read_coarse(segmentation, factors),
            (z, y, x),
            scale=self.scale,
            constant_nm=self.constant_nm,
            least_length_nm=self.least_length_nm,
            threads=usable_threads(),  # there is one block, and so one worker
        )
        corner = np.multiply(segmentation.offset, segmentation.voxel_size_nm)
        moved = {
            number: dataclasses.replace(tree, positions_nm=tree.positions_nm + corner)
            for number, tree in skeletons.items()
        }
        self.write(moved, segmentation)

    def write(self, skeletons: dict[int, Skeleton], segmentation: Volume) -> None:
        """Writes all files anew."""
        folder = self.run / SWC
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, skeleton in skeletons.items():
            write_swc(skeleton, folder / f"{number}.swc")
        shutil.rmtree(self.run / PRECOMPUTED, ignore_errors=True)
        write_skeletons(str(self.run / PRECOMPUTED), skeletons)
        ids, voxels = read_sizes(self.run, self.sizes)
        unit_um3 = float(np.prod(segmentation.voxel_size_nm)) / 1e9
        with (self.run / TABLE).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for number, count in zip(ids.tolist(), voxels.tolist(), strict=True):
                rows.writerow(
                    [number, count, f"{count * unit_um3:.6g}", *_measure(skeletons, number)]
                )


def stage(run: Path, blocks: Grid, how: Mapping[str, Any], reads: Sequence[str]) -> Stage:
    """The stage of a run, of the whole volume."""
    whole = whole_grid(blocks)
    return Stage(
        "skeletons",
        stage_key("skeletons", VERSION, whole, how, reads),
        whole.blocks,
        Tracing(run, blocks, **how).work,
        [run / SWC, run / PRECOMPUTED, run / TABLE],
    )


def read_coarse(segmentation: Volume, factors: tuple[int, int, int]) -> UInt64[np.ndarray, "z y x"]:
    """The segmentation at a reduced resolution, read slab by slab."""
    depth, height, width = segmentation.shape[:3]
    step = max(1, SLAB_VOXELS // (height * width) // factors[0]) * factors[0]
    slabs = [
        downsample(segmentation[start : start + step].read(), factors)
        for start in range(0, depth, step)
    ]
    return np.concatenate(slabs)


def _measure(skeletons: dict[int, Skeleton], number: int) -> list[str]:
    """Length, nodes and ends of a skeleton; empty where there is none."""
    if number not in skeletons:
        return ["", "", ""]
    tree = skeletons[number]
    rooted = tree.parents[tree.parents >= 0]
    degree = np.bincount(rooted, minlength=len(tree.parents)) + (tree.parents >= 0)
    length_um = tree.length_nm() / 1000
    return [f"{length_um:.4g}", str(len(tree.parents)), str(int((degree <= 1).sum()))]
