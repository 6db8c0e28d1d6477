"""Stage `synapse_search`: which clefts are synapses, and of whom.

A cleft is judged where its first voxel lies, in a box that holds all of it and of its
surroundings; so what is found does not depend on the blocks.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from data.volume import Volume, check_same_grid
from experiments.reconstruction.durable import save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Slices, whole_grid
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import loaded, opened
from experiments.reconstruction.source import Origin
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.prediction import CLEFT, MEMBRANE, VESICLES
from experiments.reconstruction.stages.spotting import OBJECTS, owned
from ops.metrics.positions import check_voxel_size
from ops.synapses.candidates import Objects, candidates, holding, pieces
from ops.synapses.find import check_maps, search
from ops.synapses.partners import Maps
from ops.synapses.rules import Rules
from ops.synapses.sparse import Voxels
from ops.synapses.table import Synapses, columns, no_synapses

FOUND = "synapse_search"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Where the maps are, as plain values.

    Attributes:
        run: the run directory.
        truth: of the neurites in place of the segmentation; None for the segmentation.
        membrane, vesicle: whether their rules hold.
    """

    run: Path
    truth: Origin | None
    membrane: bool
    vesicle: bool

    def volumes(self) -> dict[str, Volume]:
        """The maps.

        Raises:
            FileNotFoundError: a map that is not there.
            ValueError: maps of different shapes or voxel sizes.
        """
        names = {"cleft": CLEFT}
        names |= {"membrane": MEMBRANE} if self.membrane else {}
        names |= {"vesicle": VESICLES} if self.vesicle else {}
        names |= {} if self.truth else {"segmentation": SEGMENTATION}
        for name, volume in names.items():
            if not (self.run / volume / "zarr.json").exists():
                raise FileNotFoundError(
                    f"{self.run / volume}: is not there; needs a map of the {name}: leave "
                    f"synapses.evidence without it, or run the stage that writes it"
                )
        found = {name: opened(self.run / volume) for name, volume in names.items()}
        if self.truth:
            found["segmentation"] = self.truth.layers()["neurites"]
        for volume in found.values():
            check_same_grid(found["cleft"], volume)
        return found


@dataclasses.dataclass(frozen=True)
class Pairing:
    """The stage, as plain values.

    Attributes:
        evidence: where the maps are.
        objects: the one block of the stage `cleft_objects`.
        rules: what makes a synapse.
    """

    evidence: Evidence
    objects: Block
    rules: Rules

    def work(self, block: Block) -> None:
        """Writes synapse_search/Z_Y_X.npz: rows, and the voxels (z, y, x) of each synapse."""
        run = self.evidence.run
        mine = owned(loaded(run / OBJECTS, self.objects), block)
        voxels, table = np.zeros((0, 3), np.int64), no_synapses()
        sizes = np.zeros(0, np.int64)
        if len(mine["firsts"]):
            accepted, table = self.look(mine)
            sizes = np.array([len(rows) for rows in accepted], np.int64)
            voxels = np.concatenate([voxels, *accepted])
        arrays = {**columns(table), "voxels": voxels, "sizes": sizes}
        save_arrays(run / FOUND, block, arrays)

    def look(self, mine: dict[str, np.ndarray]) -> tuple[list[Voxels], Synapses]:
        """The synapses among some objects, and their voxels in the volume."""
        volumes = self.evidence.volumes()
        size_nm = check_voxel_size(volumes["cleft"].voxel_size_nm)
        shape = np.array(volumes["cleft"].shape[:3], np.int64)
        box = _around(mine, size_nm, shape, self.rules)
        start = np.array([part.start for part in box], np.int64)
        maps = {name: volume[box].read() for name, volume in volumes.items()}
        membrane, vesicle = maps.get("membrane"), maps.get("vesicle")
        check_maps(maps["cleft"], maps["segmentation"], membrane, vesicle)
        found = pieces(maps["cleft"], self.rules)
        found = holding(found, mine["firsts"] - start, maps["cleft"].shape)
        left: Objects = candidates(found, membrane, size_nm, self.rules)
        around = Maps(maps["segmentation"], vesicle, size_nm, start, shape)
        accepted, table = search(left, around, self.rules)
        return [voxels + start for voxels in accepted], table


def _around(
    objects: dict[str, np.ndarray], size_nm, shape: Int64[np.ndarray, " 3"], rules: Rules
) -> Slices:
    """The box of some objects and of all that the rules look at."""
    margin = np.ceil(rules.reach_nm / size_nm).astype(np.int64)
    first = np.maximum(objects["starts"].min(axis=0) - margin, 0)
    stop = np.minimum(objects["stops"].max(axis=0) + margin, shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
    return z, y, x


def stage(
    blocks: Grid, evidence: Evidence, rules: Rules, reads: Sequence[str], truth: object
) -> Stage:
    """The stage of a run; `truth` is what tells the true neurites, if they are looked at."""
    told = {
        **dataclasses.asdict(rules),
        "membrane": evidence.membrane,
        "vesicle": evidence.vesicle,
    }
    objects = whole_grid(blocks).blocks[0]

    def prepare() -> None:
        evidence.volumes()
        (evidence.run / FOUND).mkdir()

    return Stage(
        FOUND,
        stage_key(FOUND, VERSION, blocks, told, reads, truth),
        blocks.blocks,
        Pairing(evidence, objects, rules).work,
        [evidence.run / FOUND],
        prepare,
    )
