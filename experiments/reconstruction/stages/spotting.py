"""Stages `cleft_pieces` and `cleft_objects`: connected voxels of clefts, in the whole volume.

Every block finds its own pieces and keeps the voxels at its faces; pieces whose voxels touch
there are one object. Objects are listed, not drawn: by a first voxel, at which they are found
again, and by a box.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.stages.prediction import CLEFT
from ops.metrics.positions import check_voxel_size
from ops.synapses.candidates import boxes, pieces
from ops.synapses.rules import Rules
from ops.synapses.sparse import STEPS_18, components, first_voxels

PIECES, OBJECTS = "cleft_pieces", "cleft_objects"
VERSION = 1
Triples = Int64[np.ndarray, "n 3"]


@dataclasses.dataclass(frozen=True)
class Spotting:
    """The stage `cleft_pieces`, as plain values.

    Attributes:
        run: the run directory.
        rules: what may be cleft.
    """

    run: Path
    rules: Rules

    def work(self, block: Block) -> None:
        """Writes cleft_pieces/Z_Y_X.npz."""
        probability = opened(self.run / CLEFT)[block.inner].read()
        found = pieces(probability, self.rules)
        starts, stops = boxes(found)
        outer = ((found.voxels == 0) | (found.voxels == np.array(probability.shape) - 1)).any(
            axis=1
        )
        arrays = {
            "firsts": first_voxels(found.voxels, found.numbers) + block.start,
            "starts": starts + block.start,
            "stops": stops + block.start,
            "sizes": np.bincount(found.numbers, minlength=found.count),
            "outer": found.voxels[outer] + block.start,
            "outer_piece": found.numbers[outer],
        }
        save_arrays(self.run / PIECES, block, arrays)


@dataclasses.dataclass(frozen=True)
class Uniting:
    """The stage `cleft_objects`, as plain values.

    Attributes:
        run: the run directory.
        blocks: of the stage `cleft_pieces`.
        rules: what is too small or too long to be a cleft.
    """

    run: Path
    blocks: tuple[Block, ...]
    rules: Rules

    def work(self, block: Block) -> None:
        """Writes cleft_objects/0_0_0.npz: first voxel and box of every object."""
        parts = [load_arrays(self.run / PIECES, each) for each in self.blocks]
        objects = unite(parts)
        size_nm = check_voxel_size(opened(self.run / CLEFT).voxel_size_nm)
        short = ((objects["stops"] - objects["starts"]) * size_nm <= self.rules.longest_nm).all(1)
        large = objects.pop("sizes") * size_nm.prod() >= self.rules.least_nm3
        kept = {name: rows[short & large] for name, rows in objects.items()}
        save_arrays(self.run / OBJECTS, block, kept)


def unite(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The objects of a volume from the pieces of its blocks, sorted by their first voxels."""
    begins = np.cumsum([0, *(len(part["firsts"]) for part in parts)])
    pieces_of = [
        part["outer_piece"] + begin for part, begin in zip(parts, begins[:-1], strict=True)
    ]
    rows = {
        name: np.concatenate([part[name] for part in parts])
        for name in ("firsts", "starts", "stops", "sizes")
    }
    group = _joined(np.concatenate([p["outer"] for p in parts]), np.concatenate(pieces_of), begins)
    order = np.lexsort((*rows["firsts"].T[::-1], group))
    bounds = np.flatnonzero(np.diff(group[order], prepend=-1))
    if not len(bounds):
        return rows
    rows = {name: row[order] for name, row in rows.items()}
    found = {
        "firsts": rows["firsts"][bounds],
        "starts": np.minimum.reduceat(rows["starts"], bounds),
        "stops": np.maximum.reduceat(rows["stops"], bounds),
        "sizes": np.add.reduceat(rows["sizes"], bounds),
    }
    order = np.lexsort(found["firsts"].T[::-1])
    return {name: row[order] for name, row in found.items()}


def _joined(outer: Triples, piece: Int64[np.ndarray, " n"], begins) -> Int64[np.ndarray, " pieces"]:
    """A number for each piece, the same for those that touch."""
    order = np.lexsort(outer.T[::-1])
    touching = components(outer[order], STEPS_18)
    count = int(begins[-1])
    nodes = count + int(touching.max(initial=-1)) + 1
    links = (np.ones(len(piece), bool), (piece[order], count + touching))
    _, group = connected_components(sparse.coo_array(links, shape=(nodes, nodes)), directed=False)
    return group[:count].astype(np.int64)


def pieces_stage(run: Path, blocks: Grid, rules: Rules, reads: Sequence[str]) -> Stage:
    """The stage `cleft_pieces`, on blocks without halos."""
    told = {"cleft_probability": rules.cleft_probability}
    return Stage(
        "cleft_pieces",
        stage_key("cleft_pieces", VERSION, blocks, told, reads),
        blocks.blocks,
        Spotting(run, rules).work,
        [run / PIECES],
        (run / PIECES).mkdir,
    )


def objects_stage(run: Path, blocks: Grid, rules: Rules, reads: Sequence[str]) -> Stage:
    """The stage `cleft_objects`, of the whole volume."""
    whole = whole_grid(blocks)
    told = {"longest_nm": rules.longest_nm, "least_nm3": rules.least_nm3}
    return Stage(
        "cleft_objects",
        stage_key("cleft_objects", VERSION, whole, told, reads),
        whole.blocks,
        Uniting(run, blocks.blocks, rules).work,
        [run / OBJECTS],
        (run / OBJECTS).mkdir,
    )


def owned(objects: dict[str, np.ndarray], block: Block) -> dict[str, np.ndarray]:
    """The objects whose first voxel lies in a block."""
    firsts = objects["firsts"]
    inside = ((firsts >= block.start) & (firsts < block.stop)).all(axis=1)
    return {name: rows[inside] for name, rows in objects.items()}
