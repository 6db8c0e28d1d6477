"""One conversion from start to end: plan, copy, pyramid, publish."""

import contextlib
import dataclasses
import errno
import math
import os
import re
import resource
import sys
import time

import numpy as np
from tqdm import tqdm

from data.blocks import blocks
from data.checks import LABELS, VOXELS, are_labels
from data.conversion import partial
from data.conversion.copying import BLOCK_BYTES, copy_blocks
from data.creating import ZARR, check_free, check_shapes, create_volume, format_of
from data.formats import hdf5, sections, stores, tiff_stack
from data.opening import open_volume
from data.pyramid import write_pyramid
from data.volume import Volume, check_offset, check_voxel_size


@dataclasses.dataclass
class Options:
    """What may follow SRC and DST on the command line of `data.convert`; see its HELP."""

    voxel_size_nm: list[float] | None = None
    offset: list[int] | None = None
    format: str | None = None
    chunk_shape: list[int] | None = None
    dtype: str | None = None
    axes: str | None = None
    labels: bool | None = None
    pyramid: bool = False
    overwrite: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """What a conversion did.

    Attributes:
        destination: path of the volume written.
        shape: (z, y, x[, channel]).
        dtype: of a voxel, by name.
        levels: of the pyramid; 1 without.
        labels: whether voxels were taken for ids.
        resumed: bytes of voxels that an earlier, interrupted run had written.
        written: bytes of voxels that this run wrote, level 0 only.
        seconds: of this run.
        peak_memory: of this process, in bytes.
    """

    destination: str
    shape: tuple[int, ...]
    dtype: str
    levels: int
    labels: bool
    resumed: int
    written: int
    seconds: float
    peak_memory: int

    def __str__(self) -> str:
        size, speed = self.written / 1e6, self.written / 1e6 / self.seconds
        resumed = f" (resumed after {self.resumed / 1e6:.1f} MB)" if self.resumed else ""
        reduction = "the commonest id (labels=true)" if self.labels else "means (labels=false)"
        levels = f", {self.levels} levels by {reduction}" if self.levels > 1 else ""
        return (
            f"wrote {self.destination}: {' x '.join(str(n) for n in self.shape)} {self.dtype}"
            f"{levels}; {size:.1f} MB in {self.seconds:.1f} s, {speed:.1f} MB/s{resumed}; "
            f"peak memory {self.peak_memory / 1e6:.0f} MB"
        )


def convert(source: str, destination: str, options: Options, progress: bool = False) -> Report:
    """Copies a volume to another format or place, every voxel exactly.

    Args:
        source: path of what to read.
        destination: path of what to write.
        options: how.
        progress: whether to draw a progress bar on stderr.

    Raises:
        ValueError: if the source is damaged, or does not fit the format or dtype.
        FileExistsError: if the destination exists and may not be overwritten.
        OSError: if it cannot be written, or the disk is full. After any error there is no
            partial output, and an existing destination is as it was.
    """
    start = time.monotonic()
    volume = open_volume(source, options.voxel_size_nm, options.offset, options.axes)
    destination = partial.resolved(destination)
    job = describe(source, destination, volume, options)
    with partial.locked(destination):
        finished = partial.read_finished(destination, job)
        if not (finished and stores.is_url(destination)):
            check_free(destination, options.overwrite)
        try:
            target = resume(destination, job) if finished else begin(destination, job)
            resumed = copy(volume, target, destination, job, finished, progress)
            levels = coarsen(destination, job) if options.pyramid else 1
            partial.publish(destination)
        except Exception as error:
            partial.discard(destination)
            if is_disk_full(error):
                message = (
                    f"disk full, what was written is removed; needs up to {job['bytes']} bytes"
                )
                raise OSError(errno.ENOSPC, message, destination) from error
            raise
    seconds = time.monotonic() - start
    written = job["bytes"] - resumed
    shape = tuple(job["shape"])
    return Report(
        destination,
        shape,
        job["dtype"],
        levels,
        job["labels"],
        resumed,
        written,
        seconds,
        peak_memory(),
    )


def describe(source: str, destination: str, volume: Volume, options: Options) -> dict:
    """All that the output depends on, as JSON: a run goes on where one with the same job stopped.

    Raises:
        ValueError: on options that make no sense together; nothing is written yet.
    """
    format = format_of(destination, options.format)
    if options.pyramid and format not in ZARR:
        raise ValueError(f"{destination}: got pyramid=true; needs a .zarr, not {format}")
    if stores.is_url(destination) and destination.rstrip("/") == source.rstrip("/"):
        raise ValueError(f"{destination}: got one URL as SRC and DST; needs another DST")
    dtype = dtype_of(volume, options)
    labels = are_labels(dtype) if options.labels is None else options.labels
    if labels and dtype.name not in LABELS:
        raise ValueError(
            f"{destination}: got labels=true with dtype {dtype}; needs one of {', '.join(LABELS)}; "
            "give dtype=uint64, or labels=false"
        )
    check_shapes(destination, volume.shape, options.chunk_shape, format)
    return {
        "source": [stamp(file) for file in files_of(source)],
        "dataset": source,
        "axes": options.axes,
        "source_dtype": volume.dtype.name,
        "shape": [*volume.shape],
        "dtype": dtype.name,
        "labels": labels,
        "bytes": math.prod(volume.shape) * dtype.itemsize,
        "voxel_size_nm": [*volume.voxel_size_nm],
        "offset": [*volume.offset],
        "format": format,
        "chunk_shape": options.chunk_shape and [*options.chunk_shape],
        "block_bytes": block_bytes(volume),
    }


def dtype_of(volume: Volume, options: Options) -> np.dtype:
    """The dtype to write.

    Raises:
        ValueError: if there is no such dtype, or a voxel cannot have it.
    """
    try:
        dtype = np.dtype(options.dtype or volume.dtype).newbyteorder("=")
    except TypeError:
        dtype = None
    if dtype is None or dtype.name not in VOXELS:
        raise ValueError(f"got dtype={options.dtype}; needs one of {', '.join(VOXELS)}")
    return dtype


def files_of(source: str) -> list[str]:
    """The files and folders that hold the source's voxels; none that we can look at, of a URL."""
    if stores.is_url(source):
        return []
    if hdf5.split(source):
        return [partial.file_of(source)]
    return sections.expand(source) or [partial.file_of(source)]


def block_bytes(volume: Volume) -> int:
    """Bytes of a block: few, which bounds memory, but more where the source's pieces are large.

    Those are sections compressed in one strip, decoded again for every block that they touch.
    """
    piece = math.prod(volume.chunk_shape) * volume.dtype.itemsize
    return BLOCK_BYTES if piece <= BLOCK_BYTES // 2 else 4 * BLOCK_BYTES


def stamp(path: str) -> list:
    """A path, and how many files it means, their total size and their latest time of change.

    A run goes on only where these are what they were, so that it never mixes old voxels with new
    ones. Of a source at a URL nothing is noted: it must not change while it is converted.
    """
    inside = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    states = [os.stat(file) for file in ([path] if os.path.isfile(path) else inside)]
    latest = max((state.st_mtime_ns for state in states), default=0)
    return [os.path.abspath(path), len(states), sum(state.st_size for state in states), latest]


def begin(destination: str, job: dict) -> Volume:
    """A new partial output; nothing of it is finished."""
    partial.prepare(destination)
    path = partial.partial_path(destination)
    try:
        return create_volume(
            path,
            shape=job["shape"],
            dtype=job["dtype"],
            voxel_size_nm=job["voxel_size_nm"],
            offset=job["offset"],
            chunk_shape=job["chunk_shape"],
            format=job["format"],
            labels=job["labels"],
        )
    except ValueError as error:  # for instance a dtype that the format does not have
        raise ValueError(str(error).replace(path, destination)) from None


def resume(destination: str, job: dict) -> Volume:
    """The partial output that an earlier run of this job has left, for writing."""
    path = partial.partial_path(destination)
    if job["format"] != "tif":
        return open_volume(path)
    store = tiff_stack.reopen_stack(path, job["shape"], np.dtype(job["dtype"]))
    size, offset = check_voxel_size(job["voxel_size_nm"], path), check_offset(job["offset"], path)
    return Volume(store, size, offset, path)


def copy(
    volume: Volume, target: Volume, destination: str, job: dict, finished: int, progress: bool
) -> int:
    """Copies the blocks that are not finished; returns the bytes of those that were."""
    itemsize = max(volume.dtype.itemsize, target.dtype.itemsize)
    chunks = volume.chunk_shape, target.chunk_shape
    todo = blocks(volume.shape, *chunks, itemsize, job["block_bytes"])
    sizes = [math.prod(s.stop - s.start for s in block) * target.dtype.itemsize for block in todo]
    resumed = sum(sizes[:finished])
    bar = tqdm(total=job["bytes"], initial=resumed, unit="B", unit_scale=True, disable=not progress)

    def written(number: int) -> None:
        if job["format"] != "hdf5":  # a killed writer can leave an HDF5 file that does not open
            partial.write_finished(destination, job, finished + number + 1)
        bar.update(sizes[finished + number])

    with bar:
        copy_blocks(volume, target, todo[finished:], written)
    return resumed


def coarsen(destination: str, job: dict) -> int:
    """Adds the coarser levels to the partial output; returns how many levels there are."""
    return write_pyramid(partial.partial_path(destination), labels=job["labels"])


def is_disk_full(error: Exception) -> bool:
    """Whether an error, of Python or in TensorStore's words, says that the disk is full."""
    return getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)


def peak_memory() -> int:
    """The most memory that this process has held, in bytes.

    On Linux the kernel's own count, as getrusage begins with what the process that started this
    one was holding.
    """
    with contextlib.suppress(FileNotFoundError), open("/proc/self/status") as status:
        counted = re.search(r"VmHWM:\s+(\d+) kB", status.read())
        if counted:
            return int(counted[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
