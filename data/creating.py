"""Creates new volumes to write to, and says what may be written where."""

import os
import shutil
from collections.abc import Sequence

import numpy as np
import tensorstore as ts

from data.checks import are_labels, check_voxels
from data.formats import hdf5, ome, stores, tiff_stack
from data.own_files import check_nothing_else
from data.volume import Volume, check_offset, check_voxel_size

CHUNK = (16, 256, 256)
SUFFIXES = {
    ".zarr": "zarr3",
    ".n5": "n5",
    ".precomputed": "precomputed",
    ".tif": "tif",
    ".tiff": "tif",
}
FORMATS = ("zarr3", "zarr2", "n5", "precomputed", "tif", "hdf5")
ZARR = {"zarr3": "zarr3", "zarr2": "zarr"}  # TensorStore's names for the versions of zarr
MARKERS = ("zarr.json", ".zarray", ".zgroup", ".zattrs", "attributes.json", "info")


def format_of(path: str, format: str | None = None) -> str:
    """One of FORMATS: the format given, or else the one that the suffix means.

    Raises:
        ValueError: on an unknown format or suffix, or one that cannot be written at a URL.
    """
    suffix = os.path.splitext(path.rstrip("/"))[1].lower()
    found = format or ("hdf5" if hdf5.split(path) else SUFFIXES.get(suffix))
    if found not in FORMATS or (found == "hdf5" and not hdf5.split(path)):
        raise ValueError(
            f"{path}: got format {format or suffix!r}; needs a name that ends in .zarr, .n5, "
            f".precomputed, .tif or .h5:dataset, or format= one of {', '.join(FORMATS)}"
        )
    if stores.is_url(path) and (found in ("tif", "hdf5") or path.startswith("http")):
        raise ValueError(
            f"{path}: got a URL; {found} cannot be written there; needs a local path, or .zarr, "
            ".n5 or .precomputed at s3:// or gs://"
        )
    return found


def create_volume(
    path: str,
    *,
    shape: Sequence[int],
    dtype: np.typing.DTypeLike,
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int] = (0, 0, 0),
    chunk_shape: Sequence[int] | None = None,
    format: str | None = None,
    labels: bool | None = None,
    overwrite: bool = False,
) -> Volume:
    """A new volume to write to, with all voxels 0.

    Args:
        path: a local path or URL; TIFF and HDF5 are local only.
        shape: (z, y, x) or (z, y, x, channel); one channel makes (z, y, x).
        dtype: of a voxel; bool becomes uint8.
        voxel_size_nm: (z, y, x).
        offset: (z, y, x), in voxels.
        chunk_shape: like `shape`; by default (16, 256, 256), with all channels together.
        format: "zarr3", "zarr2", "n5", "precomputed", "tif" or "hdf5"; by default the suffix's.
        labels: whether voxels are ids, which precomputed notes; by default, if they are uint32 or
            uint64.
        overwrite: whether to delete a volume that is there.

    Raises:
        FileExistsError: if something is there and `overwrite` is false.
        ValueError: if the format cannot hold these voxels.
        OSError: if the place cannot be written, or is too small for an uncompressed TIFF.
    """
    path, format = str(path), format_of(str(path), format)
    shape = tuple(int(n) for n in shape)
    shape = shape[:3] if shape[3:] == (1,) else shape
    dtype = np.dtype("uint8") if np.dtype(dtype) == bool else np.dtype(dtype).newbyteorder("=")
    size, place = check_voxel_size(voxel_size_nm, path), check_offset(offset, path)
    check_voxels(dtype, path)
    chunk_shape = check_shapes(path, shape, chunk_shape, format)
    check_free(path, overwrite)
    remove(path)
    labels = are_labels(dtype) if labels is None else labels
    store = create_store(path, format, shape, dtype, chunk_shape, size, place, labels)
    return Volume(store, size, place, path)


def check_shapes(
    path: str, shape: tuple[int, ...], chunk_shape: Sequence[int] | None, format: str
) -> tuple[int, ...]:
    """The chunk shape, clipped to the volume's.

    Raises:
        ValueError: on shapes that make no volume, or that the format cannot hold.
    """
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise ValueError(f"{path}: got shape {shape}; needs (z, y, x[, channel]), each at least 1")
    if format == "tif" and (len(shape) == 4 or chunk_shape):
        raise ValueError(
            f"{path}: got shape {shape}, chunk_shape {chunk_shape}; TIFF holds (z, y, x) without "
            "chunks; write the channels as .zarr, .n5 or .h5:dataset"
        )
    chunks = tuple(chunk_shape or CHUNK + shape[3:])
    chunks = chunks + shape[3:] if len(chunks) == 3 else chunks
    if len(chunks) != len(shape) or min(chunks) < 1:
        raise ValueError(f"{path}: got chunk_shape {chunks}; needs sizes >= 1 like shape {shape}")
    return tuple(min(c, n) for c, n in zip(chunks, shape, strict=True))


def create_store(
    path: str,
    format: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    chunk_shape: tuple[int, ...],
    voxel_size_nm: tuple[float, float, float],
    offset: tuple[int, int, int],
    labels: bool,
) -> ts.TensorStore:
    """The new store of a volume whose path is free."""
    if format == "tif":
        return tiff_stack.create_stack(path, shape, dtype, voxel_size_nm, offset)
    if format == "hdf5":
        file, name = hdf5.split(path) or (path, "")
        return hdf5.create_dataset(file, name, shape, dtype, chunk_shape, voxel_size_nm, offset)
    if format == "n5":
        return stores.create_n5(path, shape, dtype, chunk_shape, voxel_size_nm, offset)
    if format == "precomputed":
        return stores.create_precomputed(
            path, shape, dtype, chunk_shape, voxel_size_nm, offset, labels
        )
    driver = ZARR[format]
    store = stores.create_zarr(f"{path}/0", driver, shape, dtype, chunk_shape)
    translation = tuple(o * s for o, s in zip(offset, voxel_size_nm, strict=True))
    ome.write_group(path, driver, [ome.Placed("0", voxel_size_nm, translation)], len(shape) == 4)
    return store


def exists(path: str) -> bool:
    """Whether a volume, or anything that writing there would harm, is at a path."""
    dataset = hdf5.split(path)
    if dataset:
        return hdf5.has_dataset(*dataset)
    if stores.is_url(path):
        folder = stores.kvstore(path)
        return any(folder.read(marker).result().state == "value" for marker in MARKERS)
    return os.path.lexists(path)


def check_free(path: str, overwrite: bool) -> None:
    """Raises unless a volume may be written to this path.

    Raises:
        FileExistsError: if something is there that may not, or is not safe to, be overwritten.
        OSError: if the folder around it is not there and cannot be made, or is not writable.
    """
    dataset = hdf5.split(path)
    if dataset:
        hdf5.check_room(*dataset)
    if exists(path) and not overwrite:
        raise FileExistsError(
            f"{path}: is there already; needs a free name; give another, or overwrite=true"
        )
    if os.path.isdir(path) or stores.is_url(path):
        check_nothing_else(path)
    if not stores.is_url(path):
        check_writable((dataset or (path, ""))[0])


def remove(path: str) -> None:
    """Deletes the volume at a path, if any: its dataset, file or folder."""
    dataset = hdf5.split(path)
    if dataset and exists(path):
        hdf5.remove_dataset(*dataset)
    elif stores.is_url(path):
        stores.delete_folder(path)
    elif os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def check_writable(path: str) -> None:
    """Makes the folder around a local path.

    Raises:
        OSError: if that cannot be, or nothing can be written there; the message says where.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise type(error)(f"{path}: cannot be written: {folder}: {reason}") from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: cannot be written: no permission to write in {folder}")
