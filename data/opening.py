"""Opens the volume at a path, whatever its format.

A path is local or a URL (s3://, gs://, http://, memory://) and means, by what lies there: a zarr
array or OME-Zarr group (version 2 or 3), an N5 dataset, a neuroglancer precomputed volume, a TIFF
stack, a folder of TIFF or PNG sections, several TIFF files (a pattern, or a list with commas), or
`file.h5:dataset`.
"""

import os
from collections.abc import Sequence

import tensorstore as ts

from data.checks import check_voxels
from data.creating import create_volume
from data.formats import hdf5, ome, sections, stores
from data.formats.scale import Scale
from data.volume import Volume, check_offset, check_voxel_size

__all__ = ["create_volume", "open_volume"]


def open_volume(
    path: str,
    voxel_size_nm: Sequence[int | float] | None = None,
    offset: Sequence[int] | None = None,
    axes: str | None = None,
) -> Volume:
    """The volume at a path, without reading its voxels; boolean voxels become uint8.

    Args:
        path: see the head of this module; `a.zarr/1` is level 1 of an OME-Zarr group.
        voxel_size_nm: (z, y, x); by default what the file says.
        offset: (z, y, x) in voxels; by default what the file says, else 0.
        axes: a letter for each axis of a zarr, N5 or HDF5 array in its stored order, as in
            "czyx"; by default what the file says, and for three axes (z, y, x).

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if what is there is no volume, is damaged, or has no voxel size or no axis
            names and none are given; the message names the file and says what to do.
    """
    path = str(path)
    store, scale = find(path, axes)
    if store.dtype == ts.bool:
        store = ts.cast(store, ts.uint8)
    check_voxels(store.dtype.numpy_dtype, path)
    size = scale.voxel_size_nm if voxel_size_nm is None else voxel_size_nm
    if size is None:
        raise ValueError(
            f"{path}: got no voxel size, the file does not say it in nanometres; needs it: "
            "give voxel_size_nm=[z,y,x], as in voxel_size_nm=[30,6,6]"
        )
    place = scale.offset or (0, 0, 0) if offset is None else offset
    return Volume(store, check_voxel_size(size, path), check_offset(place, path), path)


def find(path: str, axes: str | None = None) -> tuple[ts.TensorStore, Scale]:
    """The voxels at a path, (z, y, x[, channel]), and the scale that the file states."""
    dataset = hdf5.split(path)
    if dataset:
        return hdf5.open_dataset(*dataset, axes)
    if stores.is_url(path) or os.path.isdir(path):
        found = find_chunked(path, axes)
        if found:
            return found
    files = [] if stores.is_url(path) else sections.expand(path)
    if files and axes:
        raise ValueError(f"{path}: got axes={axes}; needs none, sections are stacked along z")
    if files:
        return sections.open_sections(files)
    raise nothing_at(path)


def find_chunked(path: str, axes: str | None = None) -> tuple[ts.TensorStore, Scale] | None:
    """The zarr, N5 or precomputed volume in a folder; None if it is neither."""
    for key, driver in (("zarr.json", "zarr3"), (".zarray", "zarr")):
        metadata = stores.read_json(path, key)
        if metadata and metadata.get("node_type", "array") == "array":
            return open_level(path, driver, axes)
    levels = ome.read_levels(path)
    if levels:
        return find_chunked(f"{path.rstrip('/')}/{levels[0].path}", axes)
    attributes = stores.read_json(path, "attributes.json") or {}
    if "dimensions" in attributes:
        return stores.open_n5(path, attributes, axes)
    if stores.read_json(path, "info"):
        return stores.open_precomputed(path)
    inner = f"{path.rstrip('/')}/s0"
    attributes = stores.read_json(inner, "attributes.json") or {}
    return stores.open_n5(inner, attributes, axes) if "dimensions" in attributes else None


def open_level(path: str, driver: str, axes: str | None) -> tuple[ts.TensorStore, Scale]:
    """A zarr array; its axes and scale stand in the OME metadata of the group around it, if any."""
    group, _, key = path.rstrip("/").rpartition("/")
    levels = [level for level in ome.read_levels(group) if level.path == key] if group else []
    names, scale = (levels[0].axes, levels[0].scale) if levels else (None, Scale())
    return stores.open_zarr(path, driver, axes, names), scale


def nothing_at(path: str) -> Exception:
    """The error for a path at which no volume was found."""
    if hdf5.is_bare(path) and os.path.isfile(path):
        found = "\n  ".join(hdf5.datasets(path)) or "no dataset"
        return ValueError(f"{path}: got an HDF5 file; name its dataset, one of\n  {found}")
    if stores.is_url(path):
        return FileNotFoundError(f"{path}: no zarr, N5 or precomputed volume lies there")
    if not os.path.exists(path):
        return FileNotFoundError(f"{path}: there is no such file or folder")
    listed = sorted(os.listdir(path))[:8] if os.path.isdir(path) else "a file of unknown type"
    return ValueError(
        f"{path}: got {listed}; needs a zarr, N5 or precomputed volume, TIFF or PNG sections, "
        "or file.h5:dataset; for an array within a group, give the path of the array"
    )
