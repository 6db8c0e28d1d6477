"""CREMI: adult Drosophila brain, serial-section TEM, neurites, clefts and synaptic partners."""

import functools
from pathlib import Path

from data.cremi import open_layers
from data.datasets.entry import Entry, SourceFile, Stack
from data.volume import Volume

# No checksum is published with the files, so their presence is all that can be checked.
SAMPLES = {letter: SourceFile(f"cremi/sample_{letter}_20160501.hdf") for letter in "ABC"}


def _open_sample(file: SourceFile, root: Path) -> dict[str, Volume]:
    return open_layers(root / file.path)


ENTRY = Entry(
    name="cremi",
    title="Adult Drosophila brain, ssTEM (CREMI A, B, C)",
    size="3 x 125 x 1250 x 1250",
    voxel_size_nm=(40.0, 4.0, 4.0),
    layers={
        "image": "uint8",
        "neurites": "uint64 ids",
        "clefts": "uint8, 1 = cleft",
        "cleft_ids": "uint64 ids",
    },
    label_convention=(
        "In the files, cleft background is 0xffffffffffffffff and voxels not to be scored are "
        "0xfffffffffffffffe; both are given as 0. Partners come from data.cremi.read_partners, "
        "in nm. Padded releases, where the image is larger than the labels, are cropped to the "
        "labels by data.cremi.open_layers."
    ),
    files=tuple(SAMPLES.values()),
    origin=(
        "cremi.org/data, any of the cropped training volumes sample_A_20160501.hdf, "
        "sample_B_20160501.hdf and sample_C_20160501.hdf; those that are there are loaded."
    ),
    preparation="the published HDF5 files, unchanged, in a folder named cremi.",
    terms="no licence text known; released for the CREMI challenge, which asks for citation.",
    citations=(
        "Funke, Saalfeld, Bock, Turaga, Perlman, CREMI: MICCAI challenge on circuit "
        "reconstruction from electron microscopy images (2016), cremi.org",
        "Zheng et al., A complete electron microscopy volume of the brain of adult Drosophila "
        "melanogaster, Cell 174(3): 730-743 (2018), doi:10.1016/j.cell.2018.06.019",
    ),
    stacks=tuple(
        Stack(
            f"sample {letter}",
            functools.partial(_open_sample, file),
            {"train": (slice(0, 100),), "validation": (slice(100, 125),)},
            file,
        )
        for letter, file in SAMPLES.items()
    ),
)
