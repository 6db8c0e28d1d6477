"""Stage `supervoxels`: the boundary map cut into pieces of cells, block by block.

Pieces end at the faces of blocks; what joins them across is the next stages' work, as everywhere
else. The ids of a block are its number times 2 ** 32, plus 1, 2, ...
"""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.creating import create_volume
from data.volume import Volume
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.stages.prediction import CHUNK, MEMBRANE
from ops.runs import find_runs
from ops.segmentation.supervoxels import SupervoxelSettings, supervoxels

SUPERVOXELS = "supervoxels.zarr"
ID_BITS = 32  # of the ids within a block
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Cutting:
    """The stage, as plain values.

    Attributes:
        boundary: path of the map (z, y, x), uint8, 255 = boundary.
        run: the run directory.
        counts: of blocks along z, y, x.
        settings: how to cut.
    """

    boundary: Path
    run: Path
    counts: Index
    settings: SupervoxelSettings

    def work(self, block: Block) -> None:
        """Writes the block's part of supervoxels.zarr."""
        boundary = opened(self.boundary)
        cut = supervoxels(boundary[block.outer].read(), boundary.voxel_size_nm, self.settings)
        runs = find_runs(cut[block.inner_in_outer])
        _, ids = np.unique(runs.ids, return_inverse=True)
        number = np.ravel_multi_index(block.index, self.counts)
        first = np.uint64((int(number) << ID_BITS) + 1)
        opened(self.run / SUPERVOXELS)[block.inner].write(
            runs.painted(ids.astype(np.uint64) + first)
        )


def halo_for(settings: SupervoxelSettings, voxel_size_nm: tuple[float, float, float]) -> Index:
    """As far as seeds depend on their surroundings."""
    reach_nm = settings.deepest_nm + 4 * settings.smoothing_nm
    z, y, x = (int(np.ceil(reach_nm / size)) for size in voxel_size_nm)
    return (0 if settings.in_plane else z), y, x


def stage(
    run: Path, image: Volume, blocks: Grid, settings: SupervoxelSettings, reads: Sequence[str]
) -> Stage:
    """The stage of a run, on blocks with a halo; `reads` are the keys of the stages before it."""
    halo = halo_for(settings, image.voxel_size_nm)
    grid = dataclasses.replace(blocks, halo=halo)
    return Stage(
        "supervoxels",
        stage_key("supervoxels", VERSION, grid, dataclasses.asdict(settings), reads),
        grid.blocks,
        Cutting(run / MEMBRANE, run, blocks.counts, settings).work,
        [run / SUPERVOXELS],
        functools.partial(make_output, run, image, SUPERVOXELS),
    )


def make_output(run: Path, like: Volume, name: str) -> None:
    """An empty volume of ids."""
    create_volume(
        str(run / name),
        shape=like.shape[:3],
        dtype=np.uint64,
        voxel_size_nm=like.voxel_size_nm,
        offset=like.offset,
        chunk_shape=CHUNK,
    )
