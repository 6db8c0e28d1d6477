"""Stages `synapses` and `clefts`: all synapses in one table, and their voxels in one volume."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from data.volume import Volume
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import loaded, opened
from experiments.reconstruction.stages.cutting import make_output
from experiments.reconstruction.stages.pairing import FOUND
from experiments.reconstruction.wiring import write_wiring
from ops.synapses.table import Synapses, columns, joined

TABLE, CLEFTS = "synapses", "clefts.zarr"
VERSION = 1
COLUMNS = tuple(field.name for field in dataclasses.fields(Synapses))


@dataclasses.dataclass(frozen=True)
class Listing:
    """The stage `synapses`, as plain values.

    Attributes:
        run: the run directory.
        blocks: of the stage `synapse_search`.
        corner_nm: of voxel 0 of the volume.
    """

    run: Path
    blocks: tuple[Block, ...]
    corner_nm: tuple[float, float, float]

    def work(self, block: Block) -> None:
        """Writes synapses/0_0_0.npz, and all files that `experiments.reconstruction.wiring` does.

        The table, and for each synapse, in the order of ids: the number of the block that found
        it, its voxels' rows there, and its box.
        """
        parts = [load_arrays(self.run / FOUND, each) for each in self.blocks]
        table, where = number(parts)
        moved = {
            name: getattr(table, name) + np.array(self.corner_nm)
            for name in ("place_nm", "pre_nm", "post_nm")
        }
        table = dataclasses.replace(table, **moved)
        save_arrays(self.run / TABLE, block, {**columns(table), **where})
        write_wiring(self.run, table)


def number(parts: Sequence[dict[str, np.ndarray]]) -> tuple[Synapses, dict[str, np.ndarray]]:
    """The synapses of all blocks, numbered 1, 2, ... by their first voxels, and where they are."""
    sizes = [part["sizes"] for part in parts]
    ends = [np.cumsum(some) for some in sizes]
    begins = [end - some for end, some in zip(ends, sizes, strict=True)]
    voxels = [part["voxels"] for part in parts]
    bounds = list(zip(voxels, begins, strict=True))
    where = {
        "source": np.repeat(np.arange(len(parts)), [len(some) for some in sizes]),
        "begins": np.concatenate(begins),
        "ends": np.concatenate(ends),
        "firsts": np.concatenate([rows[begin] for rows, begin in bounds]),
        "starts": np.concatenate([_reduced(np.minimum, rows, begin) for rows, begin in bounds]),
        "lasts": np.concatenate([_reduced(np.maximum, rows, begin) for rows, begin in bounds]),
    }
    order = np.lexsort(where.pop("firsts").T[::-1])
    ids = np.empty(len(order), np.uint64)
    ids[order] = np.arange(1, len(order) + 1, dtype=np.uint64)
    before = np.cumsum([0, *(len(some) for some in sizes)])
    tables = [
        _renumbered(part, ids[first:last])
        for part, first, last in zip(parts, before[:-1], before[1:], strict=True)
    ]
    table = joined(tables)
    table = table.where(np.argsort(table.id, kind="stable"))
    return table, {name: rows[order] for name, rows in where.items()}


def _renumbered(part: dict[str, np.ndarray], ids) -> Synapses:
    rows = Synapses(**{name: part[name] for name in COLUMNS})
    return dataclasses.replace(rows, id=ids[rows.id.astype(np.int64) - 1])


def _reduced(how: np.ufunc, voxels, begins) -> Int64[np.ndarray, "_ 3"]:
    return how.reduceat(voxels, begins) if len(begins) else voxels


@dataclasses.dataclass(frozen=True)
class Painting:
    """The stage `clefts`, as plain values.

    Attributes:
        run: the run directory.
        table: the one block of the stage `synapses`.
        blocks: of the stage `synapse_search`.
    """

    run: Path
    table: Block
    blocks: tuple[Block, ...]

    def work(self, block: Block) -> None:
        """Writes the block's part of clefts.zarr."""
        where = loaded(self.run / TABLE, self.table)
        touching = (where["starts"] < block.stop) & (where["lasts"] >= block.start)
        labels = np.zeros(np.subtract(block.stop, block.start), np.uint64)
        here = np.flatnonzero(touching.all(axis=1))
        for source in np.unique(where["source"][here]).tolist():
            voxels = load_arrays(self.run / FOUND, self.blocks[source])["voxels"]
            for row in here[where["source"][here] == source].tolist():
                places = voxels[where["begins"][row] : where["ends"][row]] - block.start
                places = places[((places >= 0) & (places < labels.shape)).all(axis=1)]
                labels[tuple(places.T)] = row + 1
        opened(self.run / CLEFTS)[block.inner].write(labels)


def table_stage(
    run: Path, image: Volume, blocks: Grid, outputs: Sequence[Path], reads: Sequence[str]
) -> Stage:
    """The stage `synapses`, of the whole volume; `outputs` are the files of the wiring."""
    whole = whole_grid(blocks)
    z, y, x = np.multiply(image.offset, image.voxel_size_nm).tolist()
    return Stage(
        "synapses",
        stage_key("synapses", VERSION, whole, {"corner_nm": (z, y, x)}, reads),
        whole.blocks,
        Listing(run, blocks.blocks, (z, y, x)).work,
        [run / TABLE, *outputs],
        (run / TABLE).mkdir,
    )


def painting_stage(run: Path, image: Volume, blocks: Grid, reads: Sequence[str]) -> Stage:
    """The stage `clefts`."""
    table = whole_grid(blocks).blocks[0]
    return Stage(
        "clefts",
        stage_key("clefts", VERSION, blocks, {}, reads),
        blocks.blocks,
        Painting(run, table, blocks.blocks).work,
        [run / CLEFTS],
        functools.partial(make_output, run, image, CLEFTS),
    )


def read_synapses(run: Path, blocks: Grid) -> Synapses:
    """The table of a run."""
    arrays = load_arrays(run / TABLE, whole_grid(blocks).blocks[0])
    return Synapses(**{name: arrays[name] for name in COLUMNS})
