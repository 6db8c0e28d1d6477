"""ISBI 2012: larval Drosophila nerve cord, serial-section TEM, membranes."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from data.datasets.entry import Entry, SourceFile, Stack
from data.mapped import map_voxels
from data.opening import open_volume
from data.volume import Volume

VOXEL_SIZE_NM = (50.0, 4.0, 4.0)
IMAGE = SourceFile(
    "isbi2012_em/train-volume.tif",
    4227234,
    "5d2deca9dbac86cc512b47c3ec45b88f80ffa8417670427b3ba0ab4ec9258577",
)
LABELS = SourceFile(
    "isbi2012_em/train-labels.tif",
    197279,
    "36385ee0374792c433a65e0afdb8940ea661627e3d292181208f787885413589",
)
TEST_IMAGE = SourceFile(
    "isbi2012_em/test-volume.tif",
    6614502,
    "332fa330a360628a7d67dc4c03007214eae60db1dcd07028aaad7ccc285a5f8a",
)


def _is_zero(voxels: UInt8[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    return (voxels == 0).astype(np.uint8)


def _open_file(root: Path, file: SourceFile) -> Volume:
    return open_volume(str(root / file.path), voxel_size_nm=VOXEL_SIZE_NM)


def _open_labelled(root: Path) -> dict[str, Volume]:
    return {
        "image": _open_file(root, IMAGE),
        "membrane": map_voxels(_open_file(root, LABELS), _is_zero, np.uint8),
    }


def _open_test(root: Path) -> dict[str, Volume]:
    return {"image": _open_file(root, TEST_IMAGE)}


ENTRY = Entry(
    name="isbi2012",
    title="Drosophila larva nerve cord, ssTEM (ISBI 2012)",
    size="20 x 512 x 512; test 30 x 512 x 512",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={
        "image": "uint8",
        "membrane": "uint8, 1 = membrane (not in split test)",
    },
    label_convention=(
        "The file holds 0 = membrane and 255 = cell interior; the layer `membrane` is turned "
        "round to 1 = membrane (about 22 % of the voxels). Labels were drawn section by section. "
        "Sections 9 and 10, and 10 and 11, differ strongly although they are neighbours."
    ),
    files=(IMAGE, LABELS, TEST_IMAGE),
    origin=(
        "github.com/zhixuhao/unet and github.com/zlyd-CV/ISBI2012-UNet (identical copies); first "
        "published for the ISBI 2012 EM segmentation challenge."
    ),
    preparation=(
        "sections 0-19 of the 30 labelled ones, and all 30 test sections, as TIFFs with lossless "
        "deflate."
    ),
    terms=(
        "NON-COMMERCIAL. The challenge allows use for making or testing non-commercial image "
        "segmentation software, with citation."
    ),
    non_commercial=True,
    citations=(
        "Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for "
        "connectomics, Front. Neuroanat. 9:142 (2015), doi:10.3389/fnana.2015.00142",
        "Cardona et al., An integrated micro- and macroarchitectural analysis of the Drosophila "
        "brain by computer-assisted serial section electron microscopy, PLoS Biol. 8(10): "
        "e1000502 (2010), doi:10.1371/journal.pbio.1000502",
    ),
    stacks=(
        Stack(
            "labelled sections",
            _open_labelled,
            {"train": (slice(0, 15),), "validation": (slice(15, 20),)},
        ),
        Stack("30 unlabelled sections", _open_test, {"test": ()}),
    ),
)
