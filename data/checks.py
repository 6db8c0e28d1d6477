"""What voxels may be: checks at the edge, each with the advice that mends its failure."""

import numpy as np
from jaxtyping import Shaped

from data.volume import Volume

LABELS = ("uint8", "uint16", "uint32", "uint64")
IMAGES = ("uint8", "uint16", "float32", "float64")
VOXELS = (*LABELS, "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def check_voxels(dtype: np.dtype, name: str) -> None:
    """Raises ValueError unless voxels are integers or real numbers."""
    if dtype.name not in VOXELS:
        raise ValueError(
            f"{name}: got voxels of dtype {dtype}; needs one of {', '.join(VOXELS)}; "
            "store its real part, magnitude or ids as a volume of its own"
        )


def are_labels(dtype: np.dtype) -> bool:
    """Whether voxels are taken for ids where nobody says: few images have 32 bits per voxel."""
    return dtype.name in ("uint32", "uint64")


def check_label_volume(volume: Volume) -> Volume:
    """The volume itself, if its voxels are unsigned integers, as labels have to be."""
    if volume.dtype.name not in LABELS:
        raise ValueError(
            f"{volume.name}: got labels of dtype {volume.dtype}; needs unsigned integers, "
            "0 = background; if the values are whole numbers, run "
            f"python -m data.convert {volume.name} labels.zarr dtype=uint64"
        )
    return volume


def check_image_volume(volume: Volume) -> Volume:
    """The volume itself, if its voxels can be grey values."""
    if volume.dtype.name not in IMAGES or len(volume.shape) != 3:
        raise ValueError(
            f"{volume.name}: got an image of dtype {volume.dtype} with axes {volume.axes}; needs "
            f"axes (z, y, x) of {', '.join(IMAGES)}; python -m data.convert ... dtype=uint8 "
            "changes the dtype where every value fits"
        )
    return volume


def cast_exactly(
    block: Shaped[np.ndarray, "z y x *channel"],
    dtype: np.dtype,
    start: tuple[int, ...],
    name: str,
) -> Shaped[np.ndarray, "z y x *channel"]:
    """The block in another dtype, if that holds each of its values exactly.

    Args:
        block: voxels.
        dtype: the dtype to give them.
        start: index of the block's first voxel in its volume, for the message.
        name: of the volume, for the message.

    Raises:
        ValueError: at the first value that does not fit; the message says where it is.
    """
    if block.dtype == dtype:
        return block
    with np.errstate(invalid="ignore", over="ignore"):
        cast = block.astype(dtype)
        kept = (cast == block) & (cast.astype(block.dtype) == block)
    if not kept.all():
        where = np.unravel_index(np.argmin(kept), kept.shape)
        place = tuple(int(w) + s for w, s in zip(where, start, strict=True))
        raise ValueError(
            f"{name}: got the value {block[where]} of dtype {block.dtype} at voxel {place}; "
            f"needs values that {dtype} holds exactly; give another dtype, or scale and round "
            "the volume first"
        )
    return cast
