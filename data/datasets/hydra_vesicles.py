"""Large secretory vesicles in Hydra neurons, serial-section EM: image patches with masks.

The patches are no volumes, so `read_patches` gives them. `load` opens the label volume of cell
7-13, which has no image.
"""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from data.datasets.entry import Entry, SourceFile, Stack
from data.datasets.root import find_root
from data.datasets.verification import require_files
from data.mapped import map_voxels
from data.opening import open_volume
from data.volume import Volume

VOXEL_SIZE_NM = (30.0, 8.0, 8.0)
CELL_7_13 = SourceFile(
    "hydra_vesicles/patches_cell_7-13.h5",
    636650,
    "054a7ecf549010d043313b5b8490ce682572e5a5d7be57baff0eaaef4e661aeb",
)
CELL_11_5 = SourceFile(
    "hydra_vesicles/patches_cell_11-5.h5",
    1177469,
    "8c3dec71d47c8080a5ce490f6a9da1c9d234afd3fd8fe14d23e2df8ef1ad88c8",
)
LABEL_VOLUME = SourceFile(
    "hydra_vesicles/labels_cell_7-13.h5",
    289556,
    "a7d6516cb771d40158f2f23a7b12160dd055cc70ef310460ef5dcfccc2a394fa",
)
# Section of a patch's centre from which on it is for validation. At 55, 86 of 116 patches (74 %)
# train, and no voxel and no vesicle is in patches of both sides: no centre lies in section 55,
# and where patches of sections 53-54 and 56-57 share sections, they are apart within them.
FIRST_VALIDATION_CENTRE = 55


@dataclasses.dataclass(frozen=True)
class Patches:
    """Image patches (n, z, y, x) of 5 x 31 x 31 voxels.

    Attributes:
        images: contrast-enhanced by the authors.
        vesicles: 1 = vesicle.
        vesicle_ids: ids, unique within cell 7-13, 0 = none; all 0 for cell 11-5.
        neuron_masks: 1 where the vesicle labels are complete, so that a 0 in `vesicles` means
            no vesicle; all 0 for cell 11-5.
        negatives_reliable: whether the patch has such a mask (cell 7-13).
    """

    images: UInt8[np.ndarray, "n 5 31 31"]
    vesicles: UInt8[np.ndarray, "n 5 31 31"]
    vesicle_ids: UInt16[np.ndarray, "n 5 31 31"]
    neuron_masks: UInt8[np.ndarray, "n 5 31 31"]
    negatives_reliable: Bool[np.ndarray, " n"]


def read_patches(root: str | Path | None = None, split: str = "train") -> Patches:
    """The patches of a split: those of cell 7-13 in file order, then those of cell 11-5.

    Args:
        root: the data root; without it, the environment variable NEUROPIL_DATA.
        split: "train" (326 patches), "validation" (30) or "all".

    Raises:
        ValueError: an unknown split, or a file of the wrong size.
        FileNotFoundError: a missing file; says from where to get it.
    """
    if split not in (*ENTRY.item_splits, "all"):
        raise ValueError(f"hydra_vesicles: got split {split!r}; needs train, validation or all")
    folder = find_root(root)
    require_files(ENTRY, folder)
    complete = _read_cell_7_13(folder, split)
    if split == "validation":
        return complete
    return _concatenate(complete, _read_cell_11_5(folder))


def _read_cell_7_13(root: Path, split: str) -> Patches:
    with h5py.File(root / CELL_7_13.path) as file:
        late = np.asarray(file["centre"])[:, 0] >= FIRST_VALIDATION_CENTRE
        chosen = {"train": ~late, "validation": late}.get(split, np.ones_like(late))
        return Patches(
            images=np.asarray(file["image"])[chosen],
            vesicles=np.asarray(file["mask"])[chosen],
            vesicle_ids=np.asarray(file["vesicle_ids"])[chosen],
            neuron_masks=np.asarray(file["neuron_mask"])[chosen],
            negatives_reliable=np.ones(chosen.sum(), bool),
        )


def _read_cell_11_5(root: Path) -> Patches:
    with h5py.File(root / CELL_11_5.path) as file:
        images, vesicles = np.asarray(file["image"]), np.asarray(file["mask"])
    return Patches(
        images=images,
        vesicles=vesicles,
        vesicle_ids=np.zeros(images.shape, np.uint16),
        neuron_masks=np.zeros_like(images),
        negatives_reliable=np.zeros(len(images), bool),
    )


def _concatenate(first: Patches, second: Patches) -> Patches:
    names = [field.name for field in dataclasses.fields(Patches)]
    return Patches(**{n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in names})


def _is_labelled(voxels: np.ndarray) -> np.ndarray:
    return (voxels > 0).astype(np.uint8)


def _open_label_volume(root: Path) -> dict[str, Volume]:
    path = root / LABEL_VOLUME.path
    ids = open_volume(f"{path}:vesicle_instances", voxel_size_nm=VOXEL_SIZE_NM)
    neurons = open_volume(f"{path}:neuron_mask", voxel_size_nm=VOXEL_SIZE_NM)
    return {
        "vesicles": map_voxels(ids, _is_labelled, np.uint8),
        "vesicle_ids": ids,
        "neuron_mask": map_voxels(neurons, _is_labelled, np.uint8),
    }


ENTRY = Entry(
    name="hydra_vesicles",
    title="Large vesicles in Hydra neurons, ssEM patches",
    size="356 x 5 x 31 x 31; labels 80 x 460 x 1000",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={
        "image": "uint8, contrast-enhanced by the authors; patches only",
        "vesicles": "uint8, 1 = vesicle",
        "vesicle_ids": "uint16, 332 proofread vesicles in the volume, 127 in the patches",
        "neuron_mask": "uint8, 1 = inside an annotated neuron: vesicle labels are complete there",
    },
    label_convention=(
        "Cell 7-13 (116 patches): score only where the neuron mask or the vesicle mask is 1. Cell "
        "11-5 (240 patches): only the vesicle for which a patch was cut is marked (none in 49 "
        "patches), others may be visible, so a 0 is not reliable. The label volume of cell 7-13 "
        "has no image: it has split `all` only."
    ),
    files=(CELL_7_13, CELL_11_5, LABEL_VOLUME),
    origin="github.com/akgohain/vesicleEM (VesiclePy).",
    preparation=(
        "patches stacked into HDF5; for cell 7-13 the masks are windows of the proofread label "
        "volume, and instances its 26-connected components."
    ),
    terms="MIT, as the repository.",
    citations=(
        "Adhinarta, Fan, Gohain, Lin, Nurkin, Ren, Roth, Zhang et al., VesiclePy, PLoS Comput. "
        "Biol., doi:10.1371/journal.pcbi.1013499",
    ),
    stacks=(Stack("labels of cell 7-13", _open_label_volume, {}),),
    item_splits={
        "train": (
            f"patches of cell 7-13 with centre z < {FIRST_VALIDATION_CENTRE} (86), then all of "
            "cell 11-5 (240)"
        ),
        "validation": f"patches of cell 7-13 with centre z >= {FIRST_VALIDATION_CENTRE} (30)",
    },
    read_with="data.datasets.hydra_vesicles.read_patches",
)
