"""pinky40: large 3-D shapes from mouse visual cortex, labels without an image."""

from pathlib import Path

from data.datasets.entry import Entry, SourceFile, Stack
from data.opening import open_volume
from data.volume import Volume

VOXEL_SIZE_NM = (40.0, 32.0, 32.0)
FILE = SourceFile(
    "pinky40_labels/pinky40_labels_512.h5",
    11776414,
    "d8f4790498f3620334147cc52067453852379e57b47c212675b85e8bb1b1a58a",
)


def _open_layers(root: Path) -> dict[str, Volume]:
    path = f"{root / FILE.path}:volumes/labels/segmentation"
    return {"neurites": open_volume(path, voxel_size_nm=VOXEL_SIZE_NM)}


ENTRY = Entry(
    name="pinky40",
    title="Mouse visual cortex (MICrONS), labels only",
    size="512 x 512 x 512",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={"neurites": "uint16, 2523 automatic segments, not proofread; 0 = background"},
    label_convention=(
        "A dense automatic segmentation at reduced resolution, with its errors left in: shapes "
        "for skeletons, contacts and simulated merge errors, not truth for scoring. Ids were "
        "renumbered; `original_ids` in the file gives the published ones."
    ),
    files=(FILE,),
    origin="github.com/seung-lab/kimimaro, test data (crackle-compressed).",
    preparation="axes turned from (x, y, z) to (z, y, x), ids renumbered to 0..2523, in HDF5.",
    terms="the repository is GPL-3.0; terms of the data themselves are not stated.",
    citations=(
        "MICrONS pinky40, as distributed with Kimimaro: Silversmith et al., Kimimaro: skeletonize "
        "densely labeled 3D image segmentations (2021), github.com/seung-lab/kimimaro",
    ),
    stacks=(
        Stack(
            "512 cube",
            _open_layers,
            {"train": (slice(0, 384),), "validation": (slice(384, 512),)},
        ),
    ),
)
