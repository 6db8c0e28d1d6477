"""HDF5 datasets as volumes, named `file.h5:dataset`, with CREMI's attributes for the scale.

CREMI keeps `resolution` and `offset`, (z, y, x) in nm, as attributes of the dataset. The file is
opened for each piece and closed again, so no handle outlives a read or write.
"""

import contextlib
import itertools
import os
import re
from collections.abc import Generator, Sequence

import h5py
import numpy as np
import tensorstore as ts

from data.blocks import block_shape
from data.checks import check_voxels
from data.formats.scale import Scale, arrange, name_axes, scale_of
from data.formats.stores import CONTEXT

READ_BYTES = 2**20  # at a time: opening the file costs as much as decoding a tenth of that


def split(path: str) -> tuple[str, str] | None:
    """File and dataset of "file.h5:dataset"; None if the path is not of this form."""
    match = re.fullmatch(r"(.+\.(?:h5|hdf5|hdf)(?:\.partial)?):/*(.+?)/*", path, re.IGNORECASE)
    return (match[1], match[2]) if match else None


def is_bare(path: str) -> bool:
    """Whether a path is an HDF5 file without the name of a dataset."""
    return path.lower().endswith((".h5", ".hdf5", ".hdf"))


@contextlib.contextmanager
def opened(file: str, mode: str = "r") -> Generator[h5py.File]:
    """The open file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or no HDF5 file; the message names it.
    """
    if mode == "r" and not os.path.isfile(file):
        raise FileNotFoundError(f"{file}: there is no such file")
    try:
        handle = h5py.File(file, mode)
    except OSError as error:
        if error.errno:
            raise
        raise ValueError(
            f"{file}: cannot be opened as HDF5 ({error}); if it is truncated, copy it again"
        ) from None
    with handle:
        yield handle


def datasets(file: str) -> list[str]:
    """A line for each dataset of a file: its name, shape and dtype."""
    lines: list[str] = []

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            lines.append(f"{file}:{name}  {item.shape} {item.dtype}")

    with opened(file) as handle:
        handle.visititems(visit)
    return lines


def open_dataset(file: str, name: str, axes: str | None = None) -> tuple[ts.TensorStore, Scale]:
    """The dataset as a store (z, y, x[, channel]), read piece by piece, and its scale.

    Raises:
        ValueError: if there is no such dataset (the message lists those there are), or nobody
            says which axes it has.
    """
    with opened(file) as handle:
        dataset = handle.get(name)
        if not isinstance(dataset, h5py.Dataset):
            found = "\n  ".join(datasets(file)) or "none"
            raise ValueError(f"{file}: got dataset {name!r}; needs one of\n  {found}")
        if dataset.ndim not in (3, 4):
            raise ValueError(
                f"{file}:{name}: got shape {dataset.shape}; needs (z, y, x[, channel])"
            )
        dtype = np.dtype("uint8") if dataset.dtype == bool else dataset.dtype.newbyteorder("=")
        check_voxels(dtype, f"{file}:{name}")
        stated = dataset.attrs.get("axes")
        names = name_axes(dataset.shape, axes, stated, f"{file}:{name}")
        scale = _scale(dataset)
        chunks = dataset.chunks or (1,) * dataset.ndim
        piece = block_shape(dataset.shape, chunks, chunks, dtype.itemsize, READ_BYTES)
        store = _store(file, name, dataset.shape, dtype, piece)
    return arrange(store, names, f"{file}:{name}"), scale


def _scale(dataset: h5py.Dataset) -> Scale:
    resolution, offset = (dataset.attrs.get(key) for key in ("resolution", "offset"))
    if resolution is None or np.size(resolution) != 3:
        return Scale()
    units = [str(dataset.attrs.get("unit", "nm"))] * 3
    return scale_of(resolution.tolist(), None if offset is None else offset.tolist(), units)


def create_dataset(
    file: str,
    name: str,
    shape: Sequence[int],
    dtype: np.dtype,
    chunk_shape: Sequence[int],
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int],
) -> ts.TensorStore:
    """A new dataset in a new or existing file, compressed with gzip."""
    size = np.array(voxel_size_nm)
    chunks = tuple(chunk_shape)
    with opened(file, "a") as handle:
        dataset = handle.create_dataset(
            name, tuple(shape), dtype, chunks=chunks, compression="gzip", compression_opts=1
        )
        dataset.attrs.update(
            {
                "resolution": size,
                "offset": offset * size,
                "unit": "nm",
                "axes": "zyxc"[: len(shape)],
            }
        )
    return _store(file, name, shape, dtype, chunks)


def has_dataset(file: str, name: str) -> bool:
    """Whether a file is there, and this dataset in it."""
    if not os.path.isfile(file):
        return False
    with opened(file) as handle:
        return isinstance(handle.get(name), h5py.Dataset)


def check_room(file: str, name: str) -> None:
    """Checks that a dataset of this name can be made, or replaced, without harm to others.

    Raises:
        FileExistsError: if a group, or a folder instead of the file, would go with it.
    """
    if os.path.isdir(file):
        raise FileExistsError(f"{file}: is a folder; needs an HDF5 file; give another name")
    if not os.path.isfile(file):
        return
    with opened(file) as handle:
        *groups, last = itertools.accumulate(name.split("/"), "{}/{}".format)
        for group in groups:
            if isinstance(handle.get(group), h5py.Dataset):
                raise FileExistsError(
                    f"{file}:{name}: got {group}, which is a dataset; needs a group there, or a "
                    "free name; give another name"
                )
        if last in handle and not isinstance(handle.get(last), h5py.Dataset):
            raise FileExistsError(
                f"{file}:{name}: is a group of datasets; needs a dataset or a free name; it is "
                "not overwritten; give another name"
            )


def remove_dataset(file: str, name: str) -> None:
    """Unlinks a dataset; the file keeps its size, and reuses no space."""
    with opened(file, "a") as handle:
        del handle[name]


def _store(
    file: str,
    name: str,
    shape: Sequence[int],
    dtype: np.dtype,
    piece: Sequence[int],
) -> ts.TensorStore:
    def read(domain: ts.IndexDomain, out: np.ndarray, _: object) -> None:
        try:
            with opened(file) as handle:
                out[...] = handle[name][domain.index_exp]
        except OSError as error:
            raise ValueError(f"{file}:{name}: cannot be read ({error})") from None

    def write(domain: ts.IndexDomain, voxels: np.ndarray, _: object) -> None:
        with opened(file, "r+") as handle:
            handle[name][domain.index_exp] = voxels

    return ts.virtual_chunked(
        read,
        write,
        dtype=ts.dtype(dtype),
        shape=list(shape),
        chunk_layout=ts.ChunkLayout(chunk_shape=piece),
        context=CONTEXT,
    )
