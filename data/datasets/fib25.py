"""FIB-25 training sample 2: Drosophila medulla, FIB-SEM, dense 3-D neurites."""

from pathlib import Path

from data.datasets.entry import Entry, SourceFile, Stack
from data.opening import open_volume
from data.volume import Volume

VOXEL_SIZE_NM = (10.0, 10.0, 10.0)
FILE = SourceFile(
    "fib25_medulla/fib25_train.h5",
    12523813,
    "0b4fe76f42fe981da932f093da2dcfdda1f0616fd6c3eb83357ff09e54d70628",
)
HDF5_PATHS = {
    "image": "volumes/raw",
    "neurites": "volumes/labels/neuron_ids_components",
    "neuron_ids": "volumes/labels/neuron_ids",
    "supervoxels": "volumes/labels/supervoxels",
    "ffn_segmentation": "volumes/labels/ffn_segmentation",
}


def _open_layers(root: Path) -> dict[str, Volume]:
    return {
        layer: open_volume(f"{root / FILE.path}:{path}", voxel_size_nm=VOXEL_SIZE_NM)
        for layer, path in HDF5_PATHS.items()
    }


ENTRY = Entry(
    name="fib25",
    title="Drosophila medulla, FIB-SEM (FIB-25)",
    size="170 x 250 x 250",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={
        "image": "uint8",
        "neurites": "uint32, ids that are each one connected piece inside the crop",
        "neuron_ids": "uint32, published bodies, some in several pieces; 0 = unlabelled",
        "supervoxels": "uint32, automatic over-segmentation, not truth",
        "ffn_segmentation": "uint8, automatic flood-filling result, not truth; 0 = unassigned",
    },
    label_convention=(
        "Bodies touch without a membrane gap, so membranes must be derived from changes of id; "
        "0 marks only 16 voxels in a million. Ids reach 135719 and are not consecutive. "
        "`neurites` splits each body into its connected pieces: use it for measures taken inside "
        "the crop. `supervoxels` and `ffn_segmentation` hold real split and merge errors."
    ),
    files=(FILE,),
    origin=(
        "github.com/janelia-flyem/neuroproof_examples, training_sample2 (image, bodies, "
        "supervoxels), and github.com/google/ffn (flood-filling result)."
    ),
    preparation=(
        "sections 0-169 of 250 in one HDF5 file; supervoxels and their table combined into "
        "bodies; 26-connected components of the bodies added."
    ),
    terms=(
        "image, bodies and supervoxels CC BY 3.0 (LICENSE.txt of the repository); flood-filling "
        "result Apache-2.0."
    ),
    citations=(
        "Takemura et al., Synaptic circuits and their variations within different columns in the "
        "visual system of Drosophila, PNAS 112(44): 13711-13716 (2015), "
        "doi:10.1073/pnas.1509820112",
        "Parag et al., PLoS ONE 10(5): e0125825 (2015), doi:10.1371/journal.pone.0125825",
        "Januszewski et al., High-precision automated reconstruction of neurons with "
        "flood-filling networks, Nature Methods 15: 605-610 (2018), "
        "doi:10.1038/s41592-018-0049-4",
    ),
    stacks=(
        Stack(
            "training sample 2",
            _open_layers,
            {"train": (slice(0, 136),), "validation": (slice(136, 170),)},
        ),
    ),
)
