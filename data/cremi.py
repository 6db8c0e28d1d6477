"""Files of the CREMI challenge, by their published HDF5 layout (cremi.org/data).

`volumes/raw` and `volumes/labels/{neuron_ids,clefts}` carry `resolution` (z, y, x) in nm. In
padded releases the image is larger than the labels, whose `offset` (z, y, x) in nm says where
they begin in it; the annotations carry the same offset, and their locations count from it.
"""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float64, Integer, UInt8, UInt64

from data.formats.hdf5 import opened
from data.mapped import map_voxels
from data.opening import open_volume
from data.volume import Volume

# The annotation tool keeps the three highest ids for itself: transparent (which is the clefts'
# background), invalid (not to be scored) and outside.
FIRST_RESERVED_ID = 0xFFFF_FFFF_FFFF_FFFD
INVALID_ID = 0xFFFF_FFFF_FFFF_FFFE
HDF5_PATHS = {
    "image": "volumes/raw",
    "neurites": "volumes/labels/neuron_ids",
    "cleft_ids": "volumes/labels/clefts",
}


@dataclasses.dataclass(frozen=True)
class Partners:
    """Synaptic partners, one row each; positions (z, y, x) in nm from the image's corner."""

    pre_zyx_nm: Float64[np.ndarray, "n 3"]
    post_zyx_nm: Float64[np.ndarray, "n 3"]


def open_layers(path: str | Path) -> dict[str, Volume]:
    """The layers of a CREMI file, cropped to the extent of the labels; reads no voxel.

    Returns:
        `image` uint8, and as far as the file has them `neurites` and `cleft_ids` (uint64,
        0 = background) and `clefts` (uint8, 1 = cleft). Offsets count from the image's corner.

    Raises:
        ValueError: no image, or labels that stick out of it or differ in extent.
    """
    with opened(str(path)) as file:
        if HDF5_PATHS["image"] not in file:
            raise ValueError(f"{path}: needs dataset {HDF5_PATHS['image']}, as CREMI files have")
        places = {layer: _place(file[name]) for layer, name in HDF5_PATHS.items() if name in file}
    stored = {
        layer: open_volume(f"{path}:{HDF5_PATHS[layer]}", voxel_size_nm=size, offset=offset)
        for layer, (size, offset) in places.items()
    }
    return _without_reserved_ids(_crop_image(stored, str(path)))


def read_partners(path: str | Path) -> Partners:
    """The annotated synaptic partners of a CREMI file; empty where it has none.

    Raises:
        ValueError: where a partner is not among the annotations.
    """
    with opened(str(path)) as file:
        if "annotations/presynaptic_site/partners" not in file:
            return Partners(np.zeros((0, 3)), np.zeros((0, 3)))
        annotations = file["annotations"]
        ids = np.asarray(annotations["ids"])
        offset_nm = np.asarray(annotations.attrs.get("offset", np.zeros(3)), np.float64)
        positions = np.asarray(annotations["locations"], np.float64) + offset_nm
        partners = np.asarray(annotations["presynaptic_site/partners"])
    rows = _rows_of(ids, partners, str(path))
    return Partners(positions[rows[:, 0]], positions[rows[:, 1]])


def _place(dataset: h5py.Dataset) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Voxel size (nm) and offset (voxels) of a dataset, from its attributes."""
    if "resolution" not in dataset.attrs:
        raise ValueError(f"{dataset.file.filename}:{dataset.name}: needs attribute resolution")
    size_nm = np.asarray(dataset.attrs["resolution"], np.float64)
    offset = np.asarray(dataset.attrs.get("offset", np.zeros(3)), np.float64) / size_nm
    if not np.allclose(offset, np.round(offset), atol=1e-3):
        raise ValueError(
            f"{dataset.file.filename}:{dataset.name}: got an offset of {tuple(offset)} voxels; "
            "needs whole voxels"
        )
    return tuple(size_nm.tolist()), tuple(np.round(offset).astype(int).tolist())


def _crop_image(stored: dict[str, Volume], path: str) -> dict[str, Volume]:
    """The layers with the image cut to where the labels are."""
    image = stored["image"]
    labels = [volume for layer, volume in stored.items() if layer != "image"]
    if not labels:
        return stored
    start = np.subtract(labels[0].offset, image.offset)
    stop = start + labels[0].shape
    if any((v.offset, v.shape) != (labels[0].offset, labels[0].shape) for v in labels):
        raise ValueError(f"{path}: neuron ids and clefts differ in offset or shape")
    if (start < 0).any() or (stop > image.shape).any():
        raise ValueError(
            f"{path}: got labels over voxels {start.tolist()} to {stop.tolist()}; needs them "
            f"inside the image of {image.shape} voxels"
        )
    crop = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return stored | {"image": image[crop]}


def _without_reserved_ids(stored: dict[str, Volume]) -> dict[str, Volume]:
    ids = {
        layer: map_voxels(volume, clear_reserved, np.uint64)
        for layer, volume in stored.items()
        if layer != "image"
    }
    if "cleft_ids" in stored:
        ids["clefts"] = map_voxels(stored["cleft_ids"], _is_object, np.uint8)
    return stored | ids


def clear_reserved(ids: UInt64[np.ndarray, "..."]) -> UInt64[np.ndarray, "..."]:
    """The ids with 0 for those that the annotation tool keeps for itself."""
    return np.where(ids < FIRST_RESERVED_ID, ids, np.uint64(0))


def _is_object(ids: UInt64[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    return (clear_reserved(ids) > 0).astype(np.uint8)


def _rows_of(
    ids: Integer[np.ndarray, " n"], wanted: Integer[np.ndarray, "m 2"], path: str
) -> Integer[np.ndarray, "m 2"]:
    """Rows of `ids` that hold the wanted ids."""
    if unknown := sorted(set(wanted.ravel().tolist()) - set(ids.tolist())):
        raise ValueError(f"{path}: got partner ids {unknown[:5]} that are not in annotations/ids")
    order = np.argsort(ids)
    return order[np.searchsorted(ids, wanted, sorter=order)]
