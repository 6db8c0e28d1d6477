"""Two very small FIB-SEM blocks of the Drosophila medulla, for quick trials."""

import functools
from pathlib import Path

from data.datasets.entry import Entry, SourceFile, Stack
from data.opening import open_volume
from data.volume import Volume

# The source calls the blocks isotropic without a figure; FIB-SEM of this tissue is at 10 nm.
VOXEL_SIZE_NM = (10.0, 10.0, 10.0)
TRAIN = SourceFile(
    "fib_medulla_tiny/train.h5",
    2748147,
    "e7a3a0202f8fd6c96ddfa50cf777bf12fbcada060f72b4b88fafb89ade8556f4",
)
TEST = SourceFile(
    "fib_medulla_tiny/test.h5",
    2794595,
    "a22f51ace04980619aac8c23967de70baedd29524b59baef4a0d36415fa8e11e",
)
HDF5_PATHS = {
    "image": "volumes/raw",
    "neurites": "volumes/labels/neuron_ids",
    "supervoxels": "volumes/labels/supervoxels",
    "boundary_probability": "volumes/boundary_probability",
}


def _open_layers(file: SourceFile, root: Path) -> dict[str, Volume]:
    return {
        layer: open_volume(f"{root / file.path}:{path}", voxel_size_nm=VOXEL_SIZE_NM)
        for layer, path in HDF5_PATHS.items()
    }


ENTRY = Entry(
    name="fib_tiny",
    title="Drosophila medulla, FIB-SEM, two tiny blocks",
    size="2 x 50 x 100 x 200",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={
        "image": "uint8",
        "neurites": "uint32, 87 and 132 bodies; 0 = boundary (7-9 %)",
        "supervoxels": "uint32, automatic over-segmentation, not truth",
        "boundary_probability": "float32 in [0, 1], automatic, not truth",
    },
    label_convention=(
        "One id per body; 0 is the boundary between bodies. Ids of the two blocks are unrelated. "
        "The voxel size is not stated by the source and is taken as 10 nm."
    ),
    files=(TRAIN, TEST),
    origin="github.com/janelia-flyem/gala, example data.",
    preparation="each block put into one HDF5 file with lossless gzip.",
    terms="BSD 3-clause style (HHMI), as the repository.",
    citations=(
        "Nunez-Iglesias et al., Graph-based active learning of agglomeration (GALA), "
        "Front. Neuroinform. 8:34 (2014), doi:10.3389/fninf.2014.00034",
    ),
    stacks=(
        Stack("train.h5", functools.partial(_open_layers, TRAIN), {"train": ()}),
        Stack("test.h5", functools.partial(_open_layers, TEST), {"validation": ()}),
    ),
)
