"""TIFF stacks: what their pages hold, and the rows of one page on demand.

Pages are found once, at opening; later reads go straight to the bytes of the rows asked for, from
any thread.
"""

import functools
import json
import os
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tifffile

from data.formats.scale import Scale, scale_of

JPEG = (6, 7, 34892, 33007)  # these compressions share tables between the segments of a page


class Section(NamedTuple):
    """One section of a stack: `read(first, stop)` gives these rows, (y, x), from any thread.

    `rows` is how many rows are decoded together: a multiple of it is cheapest to read.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    rows: int
    read: Callable[[int, int], np.ndarray]


def read_stack(path: str, decoders: dict[int, tifffile.TiffPage]) -> tuple[list[Section], Scale]:
    """The sections (pages) of a TIFF file, in order, and the scale in its metadata.

    Args:
        path: the file.
        decoders: pages that can decode others like them, by their hash; shared between the files
            of a stack, so that thousands of files do not keep thousands of decoders.

    Raises:
        ValueError: if the file is truncated, has colours, sections of several sizes or a
            compression that cannot be read here; the message names the file.
    """
    try:
        with tifffile.TiffFile(path) as tif:
            _check_complete(tif, path)
            _check_axes(tif.series[0], path)
            sections = _contiguous(tif, path) or _paged(tif, path, decoders)
            return sections, read_scale(tif)
    except (tifffile.TiffFileError, struct.error, IndexError) as error:
        raise ValueError(f"{path}: is not a whole TIFF file ({error}); copy it again") from None


def _check_complete(tif: tifffile.TiffFile, path: str) -> None:
    """The last page must say that it is the last: tifffile stops silently at a broken link."""
    layout, last, file = tif.tiff, tif.pages[len(tif.pages) - 1], tif.filehandle
    file.seek(last.offset)
    (tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    file.seek(last.offset + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
    if following:
        raise _truncated(path, len(tif.pages), following, file.size)


def _check_axes(series: tifffile.TiffPageSeries, path: str) -> None:
    stacked = [n for n, axis in zip(series.shape, series.axes, strict=True) if axis not in "YXS"]
    if sum(n > 1 for n in stacked) > 1:
        raise ValueError(
            f"{path}: got axes {series.axes} of sizes {series.shape}; needs one stack of sections "
            "(z, y, x); export one channel and one time point"
        )


def _truncated(path: str, section: int, needed: int, size: int) -> ValueError:
    return ValueError(
        f"{path}: truncated: section {section} needs bytes up to {needed}, the file has {size}; "
        "copy or export it again"
    )


def _contiguous(tif: tifffile.TiffFile, path: str) -> list[Section]:
    """Sections that lie raw, one after the other; empty if the file is not like that."""
    series, page = tif.series[0], tif.pages.first
    count = max(len(tif.pages), (tif.imagej_metadata or {}).get("images", 1))
    if len(tif.series) > 1 or series.dataoffset is None or len(page.shape) != 2:
        return []
    if page.dtype is None or page.bitspersample != page.dtype.itemsize * 8:
        return []
    dtype = page.dtype.newbyteorder(tif.byteorder)
    end = series.dataoffset + count * page.nbytes
    if series.size != count * page.size or end > tif.filehandle.size:
        raise _truncated(path, count - 1, end, tif.filehandle.size)
    starts = [series.dataoffset + i * page.nbytes for i in range(count)]
    rows = [functools.partial(_raw_rows, path, start, page.shape, dtype) for start in starts]
    return [Section(path, page.shape, page.dtype, 1, read) for read in rows]


def _raw_rows(
    path: str, start: int, shape: tuple[int, int], dtype: np.dtype, first: int, stop: int
) -> np.ndarray:
    pitch = shape[1] * dtype.itemsize
    with open(path, "rb", buffering=0) as file:
        data = os.pread(file.fileno(), (stop - first) * pitch, start + first * pitch)
    if len(data) < (stop - first) * pitch:
        raise ValueError(f"{path}: ends before row {stop} of a section; copy or export it again")
    return np.frombuffer(data, dtype).reshape(stop - first, shape[1])


def _paged(
    tif: tifffile.TiffFile, path: str, decoders: dict[int, tifffile.TiffPage]
) -> list[Section]:
    sections = []
    for number, page in enumerate(tif.pages):
        own = page.keyframe or tif.pages.first
        keyframe = decoders.setdefault(own.hash, own)
        _check_page(keyframe, path, number)
        segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        end = max((offset + count for offset, count in segments), default=0)
        if end > tif.filehandle.size or not segments:
            raise _truncated(path, number, end, tif.filehandle.size)
        rows = keyframe.tilelength if keyframe.is_tiled else keyframe.rowsperstrip
        rows = min(rows, keyframe.imagelength)
        tables = {"jpegtables": page.jpegtables} if keyframe.compression in JPEG else {}
        read = functools.partial(_decoded_rows, path, number, keyframe, segments, rows, tables)
        sections.append(Section(path, keyframe.shape, np.dtype(keyframe.dtype), rows, read))
    return sections


def _check_page(page: tifffile.TiffPage, path: str, number: int) -> None:
    if len(page.shape) != 2:
        raise ValueError(
            f"{path}: section {number} has colours: shape {page.shape}, axes {page.axes}; needs "
            "one grey value per voxel; convert it to greyscale (or, for labels, to ids) first"
        )
    if page.dtype is None:
        raise ValueError(
            f"{path}: section {number} has voxels of {page.bitspersample} bits; needs whole bytes"
        )
    if page.compression not in tifffile.TIFF.DECOMPRESSORS:
        compression = tifffile.COMPRESSION(page.compression).name
        raise ValueError(
            f"{path}: section {number} is compressed with {compression}, which needs one more "
            "package: pip install imagecodecs, or pip install '.[codecs]'"
        )
    _ = page.decode  # built once, here, and not in several threads at a time


def _decoded_rows(
    path: str,
    number: int,
    page: tifffile.TiffPage,
    segments: Sequence[tuple[int, int]],
    rows: int,
    tables: dict,
    first: int,
    stop: int,
) -> np.ndarray:
    """Rows first to stop of a page, from the strips or tiles that touch them."""
    height, width = page.shape
    out = np.zeros((stop - first, width), page.dtype)
    across = len(segments) // -(-height // rows)
    with open(path, "rb", buffering=0) as file:
        for index in range(first // rows * across, -(-stop // rows) * across):
            offset, count = segments[index]
            if count == 0:  # left out, as background is in sparse files
                continue
            try:
                data = os.pread(file.fileno(), count, offset)
                block, (_, _, y, x, _), shape = page.decode(data, index, **tables)
            except (ValueError, RuntimeError, zlib.error) as error:
                raise ValueError(
                    f"{path}: section {number} cannot be decoded ({error}); the file is damaged, "
                    "copy or export it again"
                ) from None
            if block is None:
                continue
            top, bottom = max(first, y), min(stop, y + shape[1])
            piece = block[0, top - y : bottom - y, : width - x, 0]
            if piece.shape == out.shape:
                return piece
            out[top - first : bottom - first, x : x + shape[2]] = piece
    return out


def read_scale(tif: tifffile.TiffFile) -> Scale:
    """Scale from our own keys, from OME-XML or from ImageJ's; empty where none has it."""
    shaped = tif.shaped_metadata or ({},)
    imagej = tif.imagej_metadata or {}
    own = {**imagej, **shaped[0]}
    if "voxel_size_nm" in own:
        offset = _numbers(own.get("offset", (0, 0, 0)))
        return Scale(tuple(_numbers(own["voxel_size_nm"])), tuple(int(o) for o in offset))
    if tif.ome_metadata:
        return _ome_scale(tif.ome_metadata)
    tags = [tif.pages.first.tags.get(name) for name in ("YResolution", "XResolution")]
    if "spacing" in imagej and "unit" in imagej and all(tag and tag.value[0] for tag in tags):
        sizes = [imagej["spacing"], *(tag.value[1] / tag.value[0] for tag in tags if tag)]
        return scale_of(sizes, None, [imagej["unit"]] * 3)
    return Scale()


def _numbers(value: str | Sequence[int | float]) -> Sequence[int | float]:
    return json.loads(value) if isinstance(value, str) else value


def _ome_scale(xml: str) -> Scale:
    pixels = next(
        (e for e in ElementTree.fromstring(xml).iter() if "PhysicalSizeX" in e.attrib), None
    )
    if pixels is None or "PhysicalSizeZ" not in pixels.attrib:
        return Scale()
    sizes = [float(pixels.attrib[f"PhysicalSize{axis}"]) for axis in "ZYX"]
    units = [pixels.attrib.get(f"PhysicalSize{axis}Unit", "um") for axis in "ZYX"]
    return scale_of(sizes, None, units)
