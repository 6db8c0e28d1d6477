"""Stacks of sections: TIFF stacks, folders of TIFF or PNG sections, several TIFF files as one.

Sections are stacked along z and read by the rows asked for, never a whole stack at a time. PNG
files are opened by their own class: `PIL.Image.open` takes the sections of a large tissue for an
attack, and can be told otherwise only for the whole process.
"""

import functools
import glob
import os
import re
from collections.abc import Sequence

import numpy as np
import tensorstore as ts
import tifffile
from PIL.PngImagePlugin import PngImageFile

from data.checks import check_voxels
from data.formats.scale import Scale
from data.formats.stores import CONTEXT
from data.formats.tiff import Section, read_stack

SUFFIXES = (".tif", ".tiff", ".png")
READ_BYTES = 256 * 2**10  # at a time: a crop decodes little more than it needs
GREY = {"1": "bool", "L": "uint8", "P": "uint8", "I;16": "uint16", "I": "int32", "F": "float32"}


def expand(path: str) -> list[str]:
    """The files of sections that a path means, in order along z; empty if it means none.

    The path is a file, a folder, a pattern with * ? or [, or several of these between commas.

    Raises:
        FileNotFoundError: if one of several means no section.
    """
    if not os.path.exists(path) and "," in path:
        return [file for part in path.split(",") for file in _expand_part(part.strip())]
    if os.path.isdir(path):
        found = [entry.path for entry in os.scandir(path) if not entry.name.startswith(".")]
    else:
        found = [path] if os.path.exists(path) else glob.glob(path)
    files = [file for file in found if file.lower().endswith(SUFFIXES)]
    return sorted(files, key=natural_order)


def _expand_part(part: str) -> list[str]:
    files = expand(part)
    if not files:
        raise FileNotFoundError(
            f"{part}: there is no such file, or no TIFF or PNG; needs one for each part of the "
            "list between commas; mend its name, or leave it out"
        )
    return files


def natural_order(name: str) -> list[str | int]:
    """Sort key by which section_10 follows section_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def open_sections(files: Sequence[str]) -> tuple[ts.TensorStore, Scale]:
    """The sections of all files, stacked along z in this order, and the scale of the first file.

    Raises:
        ValueError: if the files are not one volume: sections of several sizes or types,
            colours, a truncated file; the message names the file.
    """
    sections: list[Section] = []
    scales: list[Scale] = []
    decoders: dict[int, tifffile.TiffPage] = {}
    for file in files:
        found, scale = read_png(file) if is_png(file) else read_stack(file, decoders)
        sections += found
        scales.append(scale)
        check_alike(sections[0], sections[-len(found) :])
    return stack(sections), scales[0]


def check_alike(first: Section, others: Sequence[Section]) -> None:
    """Raises ValueError unless all sections have the size and type of the first."""
    for number, section in enumerate(others):
        got, needed = (section.shape, section.dtype), (first.shape, first.dtype)
        if got != needed:
            raise ValueError(
                f"{section.path}: section {number} is {_size(*got)}; needs {_size(*needed)}, as "
                f"in {first.path}; crop or pad the sections to one size, or leave this one out"
            )


def _size(shape: Sequence[int], dtype: np.dtype) -> str:
    return f"{' x '.join(str(n) for n in shape)} (y x x) {dtype}"


def stack(sections: Sequence[Section]) -> ts.TensorStore:
    """A store (z, y, x) over sections of one size; 1-bit sections become uint8."""
    first = sections[0]
    dtype = np.dtype("uint8") if first.dtype == bool else first.dtype.newbyteorder("=")
    check_voxels(dtype, first.path)
    height, width = first.shape
    strips = READ_BYTES // (first.rows * width * dtype.itemsize)
    rows = min(height, first.rows * max(1, strips))

    def read(domain: ts.IndexDomain, out: np.ndarray, _: object) -> None:
        (z0, y0, x0), (z1, y1, x1) = domain.inclusive_min, domain.exclusive_max
        for z in range(z0, z1):
            out[z - z0] = sections[z].read(y0, y1)[:, x0:x1]

    return ts.virtual_chunked(
        read,
        dtype=ts.dtype(dtype),
        shape=[len(sections), height, width],
        chunk_layout=ts.ChunkLayout(read_chunk_shape=[1, rows, width]),
        context=CONTEXT,
    )


def is_png(file: str) -> bool:
    """Whether a file name ends in .png."""
    return file.lower().endswith(".png")


def read_png(path: str) -> tuple[list[Section], Scale]:
    """The one section of a PNG file; PNG says nothing of voxel sizes.

    Raises:
        ValueError: on a truncated file or one with colours; the message names the file.
    """
    try:
        with PngImageFile(path) as image, open(path, "rb") as file:
            mode, (width, height) = image.mode, image.size
            palette = [*image.palette.palette] if image.palette else []
            file.seek(-min(4096, os.path.getsize(path)), os.SEEK_END)
            whole = b"IEND" in file.read()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: is not a PNG file ({error}); export it again") from None
    if not whole:
        raise ValueError(f"{path}: truncated: its last chunk is missing; copy or export it again")
    if mode not in GREY:
        raise ValueError(
            f"{path}: got a section with colours (mode {mode}); needs one grey value per voxel; "
            "convert it to greyscale (or, for labels, to ids) first"
        )
    if palette != [grey for grey in range(len(palette) // 3) for _ in "rgb"]:
        raise ValueError(
            f"{path}: got a section with a palette, whose voxels are places in it; needs one grey "
            "value or id per voxel; save it as 8- or 16-bit greyscale (in ImageJ: Image > Type > "
            "8-bit)"
        )
    read = functools.partial(_png_rows, path)
    return [Section(path, (height, width), np.dtype(GREY[mode]), height, read)], Scale()


def _png_rows(path: str, first: int, stop: int) -> np.ndarray:
    try:
        with PngImageFile(path) as image:
            return np.asarray(image)[first:stop]
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: cannot be decoded ({error}); export it again") from None
