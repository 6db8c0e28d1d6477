"""How much of what a phantom holds."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64, Int64

from data.synthetic import Phantom
from data.volume import Volume
from experiments.report.census import count_ids, volume_fractions

MASKS = ("membrane", "mitochondria", "vesicles", "cleft_ids")


def measure(
    phantom: Phantom, volumes: Mapping[str, Volume], voxels: Int64[np.ndarray, " ids"]
) -> dict:
    """Counts, densities and volume fractions; `voxels` is how many each neurite id has."""
    shape, voxel_size_nm = phantom.parameters.shape, phantom.parameters.voxel_size_nm
    volume_um3 = float(np.prod(shape) * np.prod(voxel_size_nm)) * 1e-9
    table = phantom.neurite_table()
    fractions = volume_fractions({name: volumes[name] for name in MASKS})
    synapses = len(phantom.synapse_table())
    return {
        "shape": list(shape),
        "voxel_size_nm": list(voxel_size_nm),
        "volume_um3": volume_um3,
        "neurites": int(np.count_nonzero(voxels[1:])),
        "neurites_by_kind": {str(kind): _of_kind(table, kind) for kind in np.unique(table["kind"])},
        "path_um_per_um3": float(table["length_nm"].sum()) / 1000 / volume_um3,
        "synapses": synapses,
        "synapses_per_um3": synapses / volume_um3,
        "vesicles": len(phantom.vesicles.centre),
        "vesicles_per_synapse": len(phantom.vesicles.centre) / max(synapses, 1),
        "volume_fractions": fractions | {"extracellular": float(voxels[0]) / float(np.prod(shape))},
    }


def count_voxels(phantom: Phantom, volumes: Mapping[str, Volume]) -> Int64[np.ndarray, " ids"]:
    """Voxels of every neurite id; those of 0 are extracellular."""
    return count_ids(volumes["neurites"], len(phantom.neurite_table()))


def volumes_by_kind(
    phantom: Phantom, voxels: Int64[np.ndarray, " ids"]
) -> dict[str, Float64[np.ndarray, " neurites"]]:
    """The volumes of the neurites of each kind, in µm³."""
    table = phantom.neurite_table()
    volume_um3 = voxels[table["id"]] * np.prod(phantom.parameters.voxel_size_nm) * 1e-9
    return {str(kind): volume_um3[table["kind"] == kind] for kind in np.unique(table["kind"])}


def _of_kind(table: np.ndarray, kind: str) -> int:
    return int(np.count_nonzero(table["kind"] == kind))
