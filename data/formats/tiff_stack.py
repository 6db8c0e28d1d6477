"""TIFF output: one contiguous, uncompressed stack, which ImageJ and others open with its scale."""

import errno
import os
from collections.abc import Sequence

import numpy as np
import tensorstore as ts
import tifffile

from data.formats.stores import CONTEXT

BIGTIFF_BYTES = 2**32 - 2**25  # 32-bit offsets end at 4 GiB, page headers included
WRITE_BYTES = 4 * 2**20


def create_stack(
    path: str,
    shape: Sequence[int],
    dtype: np.dtype,
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int],
) -> ts.TensorStore:
    """A new TIFF stack (z, y, x); its space on disk is taken at once.

    Raises:
        OSError: if the disk has too little space; no file is left.
    """
    nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    place = tifffile.imwrite(
        path,
        shape=tuple(shape),
        dtype=dtype,
        bigtiff=nbytes > BIGTIFF_BYTES,
        photometric="minisblack",
        metadata=None,
        description=_description(shape[0], voxel_size_nm, offset),
        resolution=(1 / voxel_size_nm[2], 1 / voxel_size_nm[1]),
        resolutionunit=1,
        software=False,
        returnoffset=True,
    )
    start = place[0] if place else 0
    _reserve(path, start, nbytes)
    return open_stack(path, start, shape, dtype)


def _description(sections: int, voxel_size_nm: Sequence[int | float], offset: Sequence[int]) -> str:
    """ImageJ's keys for the scale, and ours, which keep it exactly."""
    return (
        f"ImageJ=1.11a\nimages={sections}\nslices={sections}\nunit=nm\n"
        f"spacing={voxel_size_nm[0]}\nvoxel_size_nm={[*voxel_size_nm]}\noffset={[*offset]}\n"
    )


def _reserve(path: str, start: int, nbytes: int) -> None:
    """Takes the space at once: a disk too full is found before the work, not after hours."""
    try:
        with open(path, "r+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), start, nbytes)
    except OSError as error:
        os.remove(path)
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(errno.ENOSPC, f"no space for {nbytes / 1e9:.2f} GB", path) from None


def reopen_stack(path: str, shape: Sequence[int], dtype: np.dtype) -> ts.TensorStore:
    """The stack that `create_stack` made earlier, for reading and writing."""
    with tifffile.TiffFile(path) as tif:
        return open_stack(path, tif.pages.first.dataoffsets[0], shape, dtype)


def open_stack(path: str, start: int, shape: Sequence[int], dtype: np.dtype) -> ts.TensorStore:
    """The raw voxels from byte `start` of a file on, for reading and writing."""
    pitch = shape[2] * dtype.itemsize
    rows = max(1, min(shape[1], WRITE_BYTES // pitch))

    def place(domain: ts.IndexDomain) -> int:
        z, y, _ = domain.inclusive_min
        return start + (z * shape[1] + y) * pitch

    def read(domain: ts.IndexDomain, out: np.ndarray, _: object) -> None:
        with open(path, "rb", buffering=0) as file:
            data = os.pread(file.fileno(), out.nbytes, place(domain))
        out[...] = np.frombuffer(data, dtype).reshape(domain.shape)

    def write(domain: ts.IndexDomain, voxels: np.ndarray, _: object) -> None:
        with open(path, "r+b", buffering=0) as file:
            _write_all(file.fileno(), voxels, place(domain))

    return ts.virtual_chunked(
        read,
        write,
        dtype=ts.dtype(dtype),
        shape=list(shape),
        chunk_layout=ts.ChunkLayout(chunk_shape=[1, rows, shape[2]]),
        context=CONTEXT,
    )


def _write_all(file: int, voxels: np.ndarray, start: int) -> None:
    data = voxels.tobytes()
    while data:  # a disk that fills up writes a part first, and fails at the next call
        written = os.pwrite(file, data, start)
        data, start = data[written:], start + written
