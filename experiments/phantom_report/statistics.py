"""How much of what a phantom holds."""

from collections.abc import Mapping

import numpy as np

from data.synthetic import Phantom
from data.volume import Volume
from experiments.report.census import count_ids, volume_fractions

MASKS = ("membrane", "mitochondria", "vesicles", "cleft_ids")


def measure(phantom: Phantom, volumes: Mapping[str, Volume]) -> dict:
    """Counts, densities and volume fractions; volumes of neurites in µm³."""
    shape, voxel_size_nm = phantom.parameters.shape, phantom.parameters.voxel_size_nm
    voxel_um3 = float(np.prod(voxel_size_nm)) * 1e-9
    volume_um3 = float(np.prod(shape)) * voxel_um3
    table = phantom.neurite_table()
    voxels = count_ids(volumes["neurites"], int(table["id"].max()))
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
        "neurite_volumes_um3": {
            str(kind): (voxels[table["id"][table["kind"] == kind]] * voxel_um3).tolist()
            for kind in np.unique(table["kind"])
        },
    }


def _of_kind(table: np.ndarray, kind: str) -> int:
    return int(np.count_nonzero(table["kind"] == kind))
