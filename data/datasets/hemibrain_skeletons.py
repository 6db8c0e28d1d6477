"""Five Drosophila olfactory projection neurons of the hemibrain: skeletons and synapses.

The files count in voxels of 8 nm along (x, y, z); what is read here is in nm along (z, y, x).
"""

import csv
import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from data.datasets.entry import Entry, SourceFile
from data.datasets.root import find_root
from data.datasets.verification import require_files
from data.skeletons import Skeleton, read_swc

VOXEL_NM = 8.0
FOLDER = "hemibrain_skeletons"
NEURONS = (1734350788, 1734350908, 722817260, 754534424, 754538881)


@dataclasses.dataclass(frozen=True)
class SynapseTable:
    """The synaptic sites of a neuron.

    Attributes:
        nodes: number in the SWC file (row + 1) of the nearest skeleton node.
        presynaptic: True where the neuron gives, False where it receives.
        positions_nm: (z, y, x), nm.
        confidences: of the automatic detection, in [0, 1].
        regions: name of the brain region, empty where none is given.
    """

    nodes: Int64[np.ndarray, " n"]
    presynaptic: Bool[np.ndarray, " n"]
    positions_nm: Float64[np.ndarray, "n 3"]
    confidences: Float64[np.ndarray, " n"]
    regions: tuple[str, ...]


def read_neuron(neuron: int, root: str | Path | None = None) -> tuple[Skeleton, SynapseTable]:
    """Skeleton and synapses of one of `NEURONS`.

    Raises:
        ValueError: an unknown neuron, or a file of the wrong size.
        FileNotFoundError: a missing file; says from where to get it.
    """
    if neuron not in NEURONS:
        raise ValueError(f"hemibrain_skeletons: got neuron {neuron}; needs one of {NEURONS}")
    folder = find_root(root)
    require_files(ENTRY, folder)
    skeleton = read_swc(folder / FOLDER / f"{neuron}.swc", VOXEL_NM)
    return skeleton, read_synapse_table(folder / FOLDER / f"{neuron}_synapses.csv")


def read_synapse_table(path: str | Path, unit_nm: float = VOXEL_NM) -> SynapseTable:
    """A synapse table with columns node_id, type (pre/post), x, y, z, roi and confidence.

    Args:
        path: of the CSV file.
        unit_nm: nm in one unit of the file's coordinates.

    Raises:
        KeyError: where a column is missing.
    """
    with Path(path).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    positions = [[float(row[axis]) for axis in "zyx"] for row in rows]
    return SynapseTable(
        nodes=np.array([int(row["node_id"]) for row in rows], np.int64),
        presynaptic=np.array([row["type"] == "pre" for row in rows], bool),
        positions_nm=np.array(positions, np.float64).reshape(-1, 3) * unit_nm,
        confidences=np.array([float(row["confidence"]) for row in rows], np.float64),
        regions=tuple(row["roi"] for row in rows),
    )


CHECKSUMS = (
    (
        "1734350788.swc",
        186309,
        "6615db78957e22d24864f82aa76bdfad83da26358c7b8893e902e5604be600a6",
    ),
    (
        "1734350788_synapses.csv",
        124574,
        "657587a1cd3cf8170a8b5ef545cf9079059cdaf8ff43ab427cc287021514aa84",
    ),
    (
        "1734350908.swc",
        202611,
        "c770ad9cabb3e69b478eea67b607e60a5d238ce7736a2c8632b8315e6bfeded4",
    ),
    (
        "1734350908_synapses.csv",
        140166,
        "8c2549697d3d2e9f8a81c81b1e1354de5abeecc941a63e5523bd333d8e73ff72",
    ),
    (
        "722817260.swc",
        180566,
        "9148036d2dcfa9e326f06965af22ae5635012614bb0cc8dbb874005159eea646",
    ),
    (
        "722817260_synapses.csv",
        144503,
        "88156899be0f0c5f39e39aa8e4606e822d795798c47409a8de7438f5153466ac",
    ),
    (
        "754534424.swc",
        196149,
        "4a76f16e96acc2b4e47bccc6d10d0fa34c769ea7b4bca25c760a69469ace5ab4",
    ),
    (
        "754534424_synapses.csv",
        139110,
        "2cb2029b97af6397b897896b28e88e2738f8b004361d5c7b3c28ef17037a4cb3",
    ),
    (
        "754538881.swc",
        203784,
        "3a7755b9573a46f3369084d8608e3f6ed1a357ac46130229c65cdbd7e9f9882f",
    ),
    (
        "754538881_synapses.csv",
        135951,
        "d6e952682cc1e7b05cd994c09ea3b8003ea325e7090525e888294dd862f19672",
    ),
    (
        "meta.json",
        492,
        "f3f6f7eaee96195fe9c3cf5e771e2eb90ac0880a7338290d072470237d456744",
    ),
)

ENTRY = Entry(
    name="hemibrain_skeletons",
    title="Drosophila hemibrain, five DA1 projection neurons",
    size="5 skeletons, 5 synapse tables",
    voxel_size_nm=None,
    layers={
        "skeleton": "SWC tree, positions given in nm (z, y, x)",
        "synapses": "table of pre- and postsynaptic sites, positions given in nm (z, y, x)",
    },
    label_convention=(
        "The files count in 8 nm voxels along (x, y, z). Synapses are automatic detections with "
        "a confidence; `node_id` is the nearest skeleton node."
    ),
    files=tuple(SourceFile(f"{FOLDER}/{name}", size, sha) for name, size, sha in CHECKSUMS),
    origin="github.com/navis-org/navis, example data; first published with the Janelia hemibrain.",
    preparation="copied unchanged.",
    terms=(
        "the repository is GPL-3.0; the hemibrain release is generally given as CC BY 4.0 (not "
        "confirmed in this copy)."
    ),
    citations=(
        "Scheffer et al., A connectome and analysis of the adult Drosophila central brain, eLife "
        "9: e57443 (2020), doi:10.7554/eLife.57443",
    ),
    item_splits={"all": "five neurons"},
    read_with="data.datasets.hemibrain_skeletons.read_neuron",
)
