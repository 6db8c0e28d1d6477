"""SNEMI3D (AC4): mouse cortex, serial-section SEM, dense 3-D neurites."""

from pathlib import Path

from data.datasets.entry import Entry, SourceFile, Stack
from data.opening import open_volume
from data.volume import Volume

VOXEL_SIZE_NM = (30.0, 6.0, 6.0)
IMAGES = (
    SourceFile(
        "snemi3d_ac4/train-input_z000-049.tif",
        39991839,
        "7898f89990d3b3f0a6e0574d68199cab3762fc6b413dc4acc1a8d8899cef0a60",
    ),
    SourceFile(
        "snemi3d_ac4/train-input_z050-099.tif",
        39034413,
        "4c738d803f27f108c6de9bd53a6319e9fd899174edbe99019d5ce40e9b2394c6",
    ),
)
LABELS = SourceFile(
    "snemi3d_ac4/train-labels.tif",
    4146629,
    "335f81443cd9e0f2816f03c8c50f8368fb2e90d08ea41cd801ba655e8a96ad8b",
)


def _open_layers(root: Path) -> dict[str, Volume]:
    image = ",".join(str(root / file.path) for file in IMAGES)
    return {
        "image": open_volume(image, voxel_size_nm=VOXEL_SIZE_NM),
        "neurites": open_volume(str(root / LABELS.path), voxel_size_nm=VOXEL_SIZE_NM),
    }


ENTRY = Entry(
    name="snemi3d",
    title="Mouse somatosensory cortex (AC4), ssSEM",
    size="100 x 1024 x 1024",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={
        "image": "uint8",
        "neurites": "uint16, 400 ids; 0 = membrane or extracellular space",
    },
    label_convention=(
        "One id per neurite, consistent through all sections. About 15 % of the voxels carry 0, "
        "which is membrane and extracellular space alike. Synapses and vesicles are visible but "
        "not labelled. Contrast varies from section to section."
    ),
    files=(*IMAGES, LABELS),
    origin=(
        "github.com/Rhoana/icon_archived (one TIFF per section); first published for the ISBI "
        "2013 challenge SNEMI3D."
    ),
    preparation=(
        "sections stacked in order into TIFFs with lossless deflate, the image in two files of "
        "50 sections."
    ),
    terms=(
        "no licence text found. The challenge asks for the citation; its source data "
        "(kasthuri11) is listed as open access. Treat as research use with citation."
    ),
    citations=(
        "Kasthuri et al., Saturated reconstruction of a volume of neocortex, Cell 162(3): "
        "648-661 (2015), doi:10.1016/j.cell.2015.06.054",
    ),
    stacks=(
        Stack(
            "AC4",
            _open_layers,
            {"train": (slice(0, 80),), "validation": (slice(80, 100),)},
        ),
    ),
)
