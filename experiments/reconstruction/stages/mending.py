"""Stage `merge_errors`: objects whose shape says that they are two are looked at again.

The slow pass of a multi-pass pipeline (Meirovitch et al., arXiv:1612.02120): a MergeNet
(`models.mergenet`) is moved along all objects; only those that it flags, or of which branches
cross, are taken apart again, at joins that agglomeration made, and their parts are looked at anew.
"""

import csv
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt32, UInt64

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.second_look import Tissue, divisions, look, segment_labels
from experiments.reconstruction.stages.adjoining import read_part
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.joining import SEGMENTS
from experiments.reconstruction.suspects import Reason, Suspect, suspects
from models.merge_weights import load_mergenet, merge_digest
from models.mergenet import MergeNet
from ops.downsampling import downsample
from ops.segmentation.agglomeration import Dendrogram
from ops.segmentation.graph_sums import contract, merge_graphs
from ops.segmentation.region_graph import RegionGraph
from ops.segmentation.region_statistics import merge_statistics
from ops.shape_windows import around, in_cubes, vote_factors

MENDED, TABLE = "mended", "merge_errors.csv"
SLAB_VOXELS = 1 << 25  # of supervoxels that are read at once
COLUMNS = (
    *("object", "z_nm", "y_nm", "x_nm", "probability"),
    *("reason", "action", "gain", "split_off"),
)
ROUNDS = 4  # in which parts of parts are looked at
VERSION = 5

Ids = UInt64[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Flag:
    """An object that looks wrong, and what was done about it.

    Attributes:
        suspect: the object, which keeps its id where a part is split off, and why it was named.
        place: coarse voxel (z, y, x): where it was divided, else that of the suspect.
        gain: log-odds by which the best division improves shape and boundary together; None where
            there is none near.
        split_off: the segment that is new; 0 where there is none.
    """

    suspect: Suspect
    place: tuple[int, int, int]
    gain: float | None
    split_off: int


@dataclasses.dataclass(frozen=True)
class Mending:
    """The stage, as plain values; see `configs.reconstruction.MergeErrors`.

    Attributes:
        run: the run directory.
        blocks: of the stage `region_graph`.
        weights: file of the MergeNet.

    Raises:
        ValueError: a probability that is none, or a weight or gain < 0.
    """

    run: Path
    blocks: tuple[Block, ...]
    weights: Path
    mend: bool
    probability: float
    boundary_weight: float
    least_gain: float

    def __post_init__(self):
        if not 0 <= self.probability <= 1 or not (
            self.boundary_weight >= 0 and self.least_gain >= 0
        ):
            raise ValueError(
                f"got merge_errors.probability={self.probability}, "
                f"boundary_weight={self.boundary_weight}, least_gain={self.least_gain}; needs a "
                "probability in [0, 1], and a weight and a gain >= 0"
            )

    def work(self, block: Block) -> None:
        """Writes mended/0_0_0.npz and merge_errors.csv.

        The arrays are those of `agglomeration`, the first heat map, and `looked_again`: the share
        of the objects' coarse voxels that the second look has seen.
        """
        joined, network = load_arrays(self.run / SEGMENTS, block), load_mergenet(self.weights)
        volume, size_nm = open_volume(str(self.run / SUPERVOXELS)), network.architecture.voxel_nm
        tissue = read_tissue(self.run, self.blocks, joined, volume, size_nm)
        least = round(network.architecture.least_voxels * size_nm**3 / voxel_nm3(volume))
        segments, flags = joined["segments"].copy(), list[Flag]()
        seen, changed = np.zeros(tissue.coarse.shape, bool), np.ones(len(segments), bool)
        heats = []
        for _ in range(ROUNDS):
            labels = segment_labels(tissue, segments, changed)
            heats.append(look(network, labels))
            found = suspects(labels, heats[-1], self.probability, size_nm)
            more = [self.mended(network, tissue, segments, one, least, seen) for one in found]
            flags += more if len(heats) == 1 else [flag for flag in more if _is_told_later(flag)]
            new = [flag for flag in more if flag.split_off]
            halves = [n for flag in new for n in (flag.suspect.segment, flag.split_off)]
            changed = np.isin(segments, halves)
            if not changed.any():
                break
        write_table(self.run / TABLE, flags, volume, size_nm)
        arrays = {"nodes": joined["nodes"], "segments": segments}
        share = np.count_nonzero(seen) / max(1, np.count_nonzero(tissue.coarse))
        arrays |= vars(heats[0]) | {"looked_again": np.array(share)}
        save_arrays(self.run / MENDED, block, arrays)

    def mended(
        self,
        network: MergeNet,
        tissue: Tissue,
        segments: Ids,
        suspect: Suspect,
        least: int,
        seen: Bool[np.ndarray, "z y x"],
    ) -> Flag:
        """Divides an object in `segments`, if that improves it, and tells of it.

        The object's voxels in the windows that were looked at are marked in `seen`.
        """
        own = segments == suspect.segment
        ways = []
        if self.mend and suspect.reason is not Reason.orphan:  # whose parts would be orphans too
            ways = divisions(network, tissue, own, least, self.boundary_weight)
        for way in ways:
            box = around(way.place, network.architecture.window)
            seen[box] |= np.append(False, own)[tissue.coarse[box]]
        if not ways or ways[0].gain <= self.least_gain:
            gain = ways[0].gain if ways else None
            return Flag(suspect, suspect.place, gain, 0)
        new = int(segments.max()) + 1
        segments[ways[0].right] = new
        return Flag(suspect, ways[0].place, ways[0].gain, new)


def _is_told_later(flag: Flag) -> bool:
    """Whether a later look tells of an error, as the ends of a part that was split off do not."""
    return flag.suspect.reason is not Reason.orphan


def read_tissue(
    run: Path, blocks: Sequence[Block], joined: Mapping, supervoxels: Volume, voxel_nm: float
) -> Tissue:
    """Supervoxels in cubes of so many nm, and the graph and joins of their regions.

    Of the graph only edges within a segment, which are few and all that a division needs.
    """
    nodes, regions = joined["nodes"], joined["regions"]
    statistics = merge_statistics(read_part(run, block)[1] for block in blocks)
    voxels = statistics.voxels[np.searchsorted(statistics.ids, nodes)]
    graph = merge_graphs(
        contract(_within(read_part(run, block)[0], nodes, joined["segments"]), nodes, regions)
        for block in blocks
    )
    tree = Dendrogram(joined["merges"], joined["scores"])
    return Tissue(coarse_numbers(supervoxels, nodes, voxel_nm), regions, voxels, graph, tree)


def _within(graph: RegionGraph, nodes: Ids, segments: Ids) -> RegionGraph:
    """The edges between supervoxels of one segment."""
    ends = segments[np.searchsorted(nodes, graph.edges)]
    kept = ends[:, 0] == ends[:, 1]
    return RegionGraph(*(column[kept] for column in vars(graph).values()))


def coarse_numbers(supervoxels: Volume, nodes: Ids, voxel_nm: float) -> UInt32[np.ndarray, "_ _ _"]:
    """The number, from 1, of the supervoxel at each cube, read slab by slab; 0 = none."""
    factors = vote_factors(supervoxels.voxel_size_nm, voxel_nm)
    plane = supervoxels.shape[1] * supervoxels.shape[2]
    depth = max(1, SLAB_VOXELS // (plane * factors[0])) * factors[0]
    slabs = [
        downsample(supervoxels[z : z + depth].read(), factors)
        for z in range(0, supervoxels.shape[0], depth)
    ]
    voted = [n * f for n, f in zip(supervoxels.voxel_size_nm, factors, strict=True)]
    coarse = in_cubes(np.concatenate(slabs), voted, voxel_nm)
    numbers = np.searchsorted(nodes, coarse) + 1
    return np.where(coarse > 0, numbers, 0).astype(np.uint32)


def voxel_nm3(volume: Volume) -> float:
    """Cubic nanometres of a voxel."""
    return math.prod(volume.voxel_size_nm)


def write_table(path: Path, flags: Sequence[Flag], volume: Volume, voxel_nm: float) -> None:
    """Writes merge_errors.csv: a queue to proofread, the likeliest error first."""
    corner = np.multiply(volume.offset, volume.voxel_size_nm)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for flag in sorted(flags, key=lambda flag: -flag.suspect.probability):
            at = (np.array(flag.place) + 0.5) * voxel_nm + corner
            place = [f"{edge:.0f}" for edge in at]
            gain = "" if flag.gain is None else f"{flag.gain:.3f}"
            action = "divided" if flag.split_off else "kept"
            rest = [flag.suspect.reason.value, action, gain, flag.split_off or ""]
            told = f"{flag.suspect.probability:.4f}"
            rows.writerow([flag.suspect.segment, *place, told, *rest])


def stage(
    run: Path, blocks: Grid, weights: Path, how: Mapping[str, Any], reads: Sequence[str]
) -> Stage:
    """The stage of a run, of the whole volume; `how` is `configs.reconstruction.MergeErrors`."""
    whole = whole_grid(blocks)
    told = {**how, "weights": merge_digest(weights)}
    return Stage(
        "merge_errors",
        stage_key("merge_errors", VERSION, whole, told, reads),
        whole.blocks,
        Mending(run, blocks.blocks, weights, **how).work,
        [run / MENDED, run / TABLE],
        (run / MENDED).mkdir,
    )
