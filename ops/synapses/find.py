"""From maps of clefts, membranes and vesicles, and a segmentation, to synapses."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped, UInt32

from ops.metrics.positions import check_voxel_size
from ops.synapses.candidates import Objects, candidates, pieces
from ops.synapses.partners import Maps, judge
from ops.synapses.rules import Rules
from ops.synapses.sparse import Voxels
from ops.synapses.table import Synapses, joined


def find_synapses(
    cleft: Shaped[np.ndarray, "..."],
    segmentation: Shaped[np.ndarray, "..."],
    membrane: Shaped[np.ndarray, "..."] | None = None,
    vesicle: Shaped[np.ndarray, "..."] | None = None,
    *,
    voxel_size_nm: Sequence[int | float],
    rules: Rules,
) -> tuple[UInt32[np.ndarray, "z y x"], Synapses]:
    """The synapses of a volume in memory.

    Args:
        cleft: probability (z, y, x), uint8 (255 = 1) or float32 in [0, 1].
        segmentation: unsigned ids, 0 = background.
        membrane: probability; without it clefts may lie anywhere.
        vesicle: probability; without it no cleft is rejected for want of vesicles, and no
            direction is known: `pre` is then the larger one at the cleft, of confidence NaN.
        voxel_size_nm: edge lengths (z, y, x).
        rules: the constants.

    Returns:
        Labels of the synapses' voxels, 1, 2, ... in the order of their first voxels, and their
        table.

    Raises:
        ValueError: maps of different shapes, or of another dtype; a voxel size out of range.
    """
    check_maps(cleft, segmentation, membrane, vesicle)
    size_nm = check_voxel_size(voxel_size_nm)
    start, shape = np.zeros(3, np.int64), np.array(cleft.shape, np.int64)
    found = candidates(pieces(cleft, rules), membrane, size_nm, rules)
    accepted, table = search(found, Maps(segmentation, vesicle, size_nm, start, shape), rules)
    labels = np.zeros(cleft.shape, np.uint32)
    for number, voxels in enumerate(accepted, 1):
        labels[tuple(voxels.T)] = number
    return labels, table


def search(found: Objects, maps: Maps, rules: Rules) -> tuple[list[Voxels], Synapses]:
    """The candidates that are synapses: the voxels of each, in `maps`, and their table.

    A synapse depends on its own voxels and on what lies within `rules.reach_nm` of them.
    """
    accepted: list[Voxels] = []
    tables: list[Synapses] = []
    for voxels in found.split():
        rows = judge(voxels, maps, rules)
        if rows is not None:
            accepted.append(voxels)
            number = np.full(len(rows), len(accepted), np.uint64)
            tables.append(dataclasses.replace(rows, id=number))
    return accepted, joined(tables)


def check_maps(
    cleft: np.ndarray,
    segmentation: np.ndarray,
    membrane: np.ndarray | None,
    vesicle: np.ndarray | None,
) -> None:
    """Raises ValueError unless all maps fit together."""
    maps = {"cleft": cleft, "membrane": membrane, "vesicle": vesicle}
    for name, voxels in maps.items():
        if voxels is not None and voxels.dtype not in (np.uint8, np.float32):
            raise ValueError(
                f"{name}: got {voxels.dtype}; needs probabilities, uint8 (255 = 1) or float32"
            )
    if segmentation.dtype.kind != "u":
        raise ValueError(f"segmentation: got {segmentation.dtype}; needs unsigned ids")
    for name, voxels in (maps | {"segmentation": segmentation}).items():
        if voxels is not None and (voxels.shape != cleft.shape or voxels.ndim != 3):
            raise ValueError(
                f"{name}: got shape {voxels.shape} beside clefts of {cleft.shape}; needs maps of "
                "one volume, (z, y, x)"
            )
