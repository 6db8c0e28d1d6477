"""Coarser levels of an OME-Zarr volume, for viewers and for a quick look.

Each level halves the axes along which voxels are less than twice as long as along the finest, so a
stack of thick sections is first reduced within its sections, until voxels are near cubes. Images
are averaged; labels take the commonest id of the voxels that become one (the first of them on a
draw), so no new ids appear.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped

from data.blocks import blocks
from data.checks import are_labels
from data.conversion.copying import BLOCK_BYTES
from data.creating import CHUNK, ZARR
from data.formats import ome, stores
from data.opening import open_volume
from data.volume import Volume

SMALLEST = 128


def write_pyramid(path: str, levels: int | None = None, labels: bool | None = None) -> int:
    """Adds levels "1", "2", ... to an OME-Zarr group that has level "0"; replaces any there are.

    Memory is bounded by a block, not by the volume.

    Args:
        path: of the group, as written by `create_volume`.
        levels: how many there shall be, level "0" included; by default, until a level is no
            larger than 128 voxels along every axis that is still halved.
        labels: whether voxels are ids; by default, if they are uint32 or uint64.

    Returns:
        The number of levels.

    Raises:
        ValueError: if there is no OME-Zarr group.
    """
    found = ome.read_levels(path)
    if not found:
        raise ValueError(f"{path}: got no OME-Zarr group; needs one, as convert writes to a .zarr")
    driver = ZARR["zarr3" if stores.read_json(path, "zarr.json") else "zarr2"]
    volume = open_volume(path)
    labels = are_labels(volume.dtype) if labels is None else labels
    placed = [_placed("0", volume.voxel_size_nm, volume)]
    source = volume
    for number in range(1, levels or 99):
        factors = halved(source.shape, source.voxel_size_nm)
        if max(factors) == 1 or (levels is None and _small(source.shape, factors)):
            break
        source = _write_level(f"{path}/{number}", driver, source, factors, labels)
        placed.append(_placed(str(number), source.voxel_size_nm, volume))
    ome.write_group(path, driver, placed, len(volume.shape) == 4)
    return len(placed)


def halved(shape: Sequence[int], voxel_size_nm: Sequence[int | float]) -> tuple[int, ...]:
    """Factors (z, y, x), 2 or 1, by which the next level is coarser."""
    sizes = [s for s, n in zip(voxel_size_nm, shape, strict=False) if n > 1]
    finest = min(sizes, default=0.0)
    pairs = zip(voxel_size_nm, shape, strict=False)
    return tuple(2 if size < 2 * finest and n > 1 else 1 for size, n in pairs)


def _small(shape: Sequence[int], factors: Sequence[int]) -> bool:
    return all(n <= SMALLEST for n, f in zip(shape, factors, strict=False) if f > 1)


def _placed(key: str, voxel_size_nm: Sequence[int | float], finest: Volume) -> ome.Placed:
    """A level's scale; the centre of its first voxel lies between those of the voxels in it."""
    pairs = zip(finest.offset, finest.voxel_size_nm, voxel_size_nm, strict=True)
    return ome.Placed(key, tuple(voxel_size_nm), tuple(o * f + (s - f) / 2 for o, f, s in pairs))


def _write_level(
    path: str, driver: str, source: Volume, factors: tuple[int, ...], labels: bool
) -> Volume:
    shape = tuple(-(-n // f) for n, f in zip(source.shape, factors, strict=False))
    shape += source.shape[3:]
    chunks = tuple(min(c, n) for c, n in zip(CHUNK + source.shape[3:], shape, strict=True))
    stores.delete_folder(path)
    store = stores.create_zarr(path, driver, shape, source.dtype, chunks)
    size = tuple(s * f for s, f in zip(source.voxel_size_nm, factors, strict=True))
    level = Volume(store, (size[0], size[1], size[2]), name=path)
    reduce = commonest if labels else mean
    itemsize = source.dtype.itemsize * int(np.prod(factors))
    for block in blocks(shape, chunks, chunks, itemsize, BLOCK_BYTES // 2):
        fine = tuple(
            slice(b.start * f, min(b.stop * f, n))
            for b, f, n in zip(block, (*factors, 1), source.shape, strict=False)
        )
        level[block].write(reduce(source[fine].read(), factors))
    return level


def mean(
    voxels: Shaped[np.ndarray, "z y x *channel"], factors: Sequence[int]
) -> Shaped[np.ndarray, "_ _ _ *channel"]:
    """The mean of each box of `factors` voxels, rounded for integers; same dtype."""
    boxes = _boxes(voxels, factors)
    total = np.zeros(boxes[0].shape, np.float32 if voxels.dtype.itemsize <= 2 else np.float64)
    for box in boxes:
        total += box
    total /= len(boxes)
    return (total if voxels.dtype.kind == "f" else np.rint(total)).astype(voxels.dtype)


def commonest(
    voxels: Shaped[np.ndarray, "z y x *channel"], factors: Sequence[int]
) -> Shaped[np.ndarray, "_ _ _ *channel"]:
    """The commonest value of each box of `factors` voxels, the first of them on a draw."""
    boxes = _boxes(voxels, factors)
    best, votes = boxes[0].copy(), _votes(boxes[0], boxes)
    for box in boxes[1:]:
        count = _votes(box, boxes)
        np.copyto(best, box, where=count > votes)
        np.maximum(votes, count, out=votes)
    return best


def _votes(box: np.ndarray, boxes: Sequence[np.ndarray]) -> np.ndarray:
    votes = np.zeros(box.shape, np.uint8)
    for other in boxes:
        votes += box == other
    return votes


def _boxes(voxels: np.ndarray, factors: Sequence[int]) -> list[np.ndarray]:
    """For each place in a box, the voxels there; a box that sticks out repeats the last voxels."""
    pads = [(0, -n % f) for n, f in zip(voxels.shape, factors, strict=False)]
    pads += [(0, 0)] * (voxels.ndim - 3)
    whole = np.pad(voxels, pads, mode="edge") if any(p for _, p in pads) else voxels
    fz, fy, fx = factors
    starts = itertools.product(range(fz), range(fy), range(fx))
    return [whole[z::fz, y::fy, x::fx] for z, y, x in starts]
