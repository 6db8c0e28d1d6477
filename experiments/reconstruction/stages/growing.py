"""Stage `skeletons`: the segments as trees, in SWC files and for neuroglancer, and their table."""

import csv
import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.formats.precomputed_skeletons import write_skeletons
from data.opening import open_volume
from data.skeletons import Skeleton, write_swc
from data.volume import Volume
from experiments.reconstruction.durable import load_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.stages.labelling import SEGMENTATION, read_sizes
from experiments.reconstruction.stages.tracing import PARTS, unpacked
from ops.downsampling import coarse_factors
from ops.skeletons.fragments import join_fragments

SWC, PRECOMPUTED, TABLE = "skeletons", "skeletons.precomputed", "neurites.csv"
COLUMNS = ("id", "voxels", "volume_um3", "length_um", "nodes", "ends")
VERSION = 2


@dataclasses.dataclass(frozen=True)
class Growing:
    """The stage, as plain values.

    Attributes:
        run: the run directory.
        parts: blocks of the stage `skeleton_parts`.
        sizes: the blocks of the stage `segmentation`.
        coarse_nm: voxels were joined to about this size.
        least_length_nm: of a skeleton that is kept.
    """

    run: Path
    parts: tuple[Block, ...]
    sizes: Grid
    coarse_nm: float
    least_length_nm: float

    def work(self, block: Block) -> None:
        """Writes skeletons/ID.swc, skeletons.precomputed and neurites.csv."""
        segmentation = open_volume(str(self.run / SEGMENTATION))
        factors = coarse_factors(segmentation.voxel_size_nm, self.coarse_nm)
        size = np.multiply(segmentation.voxel_size_nm, factors)
        corner = np.multiply(segmentation.offset, segmentation.voxel_size_nm)
        maps = [unpacked(load_arrays(self.run / PARTS, part)) for part in self.parts]
        trees = {
            number: Skeleton((nodes + 0.5) * size + corner, parents, radii)
            for number, (nodes, parents, radii) in join_fragments(maps, size.tolist()).items()
        }
        long = {n: t for n, t in trees.items() if t.length_nm() >= self.least_length_nm}
        self.write(long, segmentation)

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


def stage(
    run: Path,
    blocks: Grid,
    parts: Sequence[Block],
    coarse_nm: float,
    least_length_nm: float,
    reads: Sequence[str],
) -> Stage:
    """The stage of a run, of the whole volume."""
    whole, how = whole_grid(blocks), {"coarse_nm": coarse_nm, "least_length_nm": least_length_nm}
    return Stage(
        "skeletons",
        stage_key("skeletons", VERSION, whole, how, reads),
        whole.blocks,
        Growing(run, tuple(parts), blocks, **how).work,
        [run / SWC, run / PRECOMPUTED, run / TABLE],
    )


def _measure(skeletons: dict[int, Skeleton], number: int) -> list[str]:
    """Length, nodes and ends of a skeleton; empty where there is none."""
    if number not in skeletons:
        return ["", "", ""]
    tree = skeletons[number]
    rooted = tree.parents[tree.parents >= 0]
    degree = np.bincount(rooted, minlength=len(tree.parents)) + (tree.parents >= 0)
    length_um = tree.length_nm() / 1000
    return [f"{length_um:.4g}", str(len(tree.parents)), str(int((degree <= 1).sum()))]
