"""MNIST: handwritten digits, for merge errors that are easy to see (two digits in one object)."""

import gzip
import math
import struct
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from data.datasets.entry import Entry, SourceFile
from data.datasets.root import find_root
from data.datasets.verification import require_files

IMAGES = SourceFile(
    "mnist/train-images-idx3-ubyte.gz",
    9630610,
    "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
)
LABELS = SourceFile(
    "mnist/train-labels-idx1-ubyte.gz",
    28878,
    "fe03b8bd7915f70bf5aa08be480aa413fbd85afcaa58b35d230d335f284fd88e",
)
SPLITS = {"train": slice(0, 50000), "validation": slice(50000, 60000), "all": slice(0, 60000)}
UNSIGNED_BYTE = 0x08


def read_mnist(
    root: str | Path | None = None, split: str = "train"
) -> tuple[UInt8[np.ndarray, "n 28 28"], UInt8[np.ndarray, " n"]]:
    """Images (n, y, x), 0 = paper and 255 = ink, and their digits 0-9.

    Args:
        root: the data root; without it, the environment variable NEUROPIL_DATA.
        split: "train" (the first 50000), "validation" (the last 10000) or "all".

    Raises:
        ValueError: an unknown split, or a file of the wrong size.
        FileNotFoundError: a missing file; says from where to get it.
    """
    if split not in SPLITS:
        raise ValueError(f"mnist: got split {split!r}; needs one of {', '.join(SPLITS)}")
    folder = find_root(root)
    require_files(ENTRY, folder)
    images, labels = (read_idx(folder / file.path) for file in ENTRY.files)
    return images[SPLITS[split]], labels[SPLITS[split]]


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """The array in a gzip-compressed idx file of unsigned bytes.

    The header is two zero bytes, the type, the number of axes, and the big-endian sizes.

    Raises:
        ValueError: another header, or a length that does not match it.
    """
    with gzip.open(path) as stream:
        content = stream.read()
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise ValueError(f"{path}: got header {content[:4].hex()}; needs 000008.. (idx of bytes)")
    start = 4 + 4 * content[3]
    sizes = content[4:start]
    shape = struct.unpack(f">{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4])
    if len(sizes) != start - 4 or len(content) - start != math.prod(shape):
        raise ValueError(f"{path}: got {len(content)} bytes; needs {start} and those of {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


ENTRY = Entry(
    name="mnist",
    title="Handwritten digits",
    size="60000 x 28 x 28",
    voxel_size_nm=None,
    layers={"image": "uint8, 0 = paper, 255 = ink", "digit": "uint8, 0-9, one per image"},
    label_convention="One digit per image; 0 is the digit nought, not background.",
    files=(IMAGES, LABELS),
    origin=(
        "github.com/rasbt/mnist-pngs; first published by LeCun, Cortes and Burges as the MNIST "
        "database."
    ),
    preparation="training set in its original idx format, gzip-compressed.",
    terms="generally given as CC BY-SA 3.0 (not confirmed in this copy); cite.",
    citations=(
        "LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, "
        "Proc. IEEE 86(11): 2278-2324 (1998), doi:10.1109/5.726791",
    ),
    item_splits={"train": "images 0-49999", "validation": "images 50000-59999"},
    read_with="data.datasets.mnist.read_mnist",
)
