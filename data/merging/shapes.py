"""A volume's objects at the coarse resolution at which merge errors are looked for."""

import dataclasses
import logging
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64, UInt32, UInt64

from data.volume import Volume
from ops.downsampling import downsample
from ops.shape_windows import in_cubes, vote_factors

log = logging.getLogger(__name__)
BLOCK_VOXELS = 1 << 25  # of the volume, read at once


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Objects as coarse labels, in memory: 4 bytes for each coarse voxel.

    Attributes:
        labels: ids from 1, 0 = background, in cubes of `voxel_nm`.
        sizes: coarse voxels of each id, that of 0 first.
        ids: what each is called in the volume, 0 first.
        voxel_nm: edge of a voxel.
        isotropic: whether the volume's own voxels are cubes, about, so that axes may be swapped.
        name: of the volume.
    """

    labels: UInt32[np.ndarray, "z y x"]
    sizes: Int64[np.ndarray, " n"]
    ids: UInt64[np.ndarray, " n"]
    voxel_nm: float
    isotropic: bool
    name: str


def read_shapes(volume: Volume, voxel_nm: float) -> Shapes:
    """The objects of a label volume, read slab by slab.

    Raises:
        ValueError: a volume that is none of labels, a voxel that is no length, or fewer than two
            objects that are as thick as a voxel.
    """
    if volume.dtype.kind != "u" or len(volume.shape) != 3:
        raise ValueError(
            f"{volume.name}: got {volume.dtype} with axes {volume.axes}; needs labels: unsigned "
            "ids with axes (z, y, x), 0 = background"
        )
    slabs, before = [], set()
    factors = vote_factors(volume.voxel_size_nm, voxel_nm)
    for slab in _slabs(volume, factors[0]):
        voxels = slab.read()
        before.update(np.unique(voxels).tolist())
        slabs.append(downsample(voxels, factors))
    voted = [n * f for n, f in zip(volume.voxel_size_nm, factors, strict=True)]
    coarse = in_cubes(np.concatenate(slabs), voted, voxel_nm)
    present, labels = np.unique(coarse, return_inverse=True)
    labels = (labels.reshape(coarse.shape) + int(present[0] != 0)).astype(np.uint32)
    ids = np.concatenate([[0], present[present != 0]]).astype(np.uint64)
    found, seen = len(ids) - 1, len(before - {0})
    if found < seen:
        log.info(
            "%s: %d of %d objects are thinner than a voxel of %g nm and left out",
            *(volume.name, seen - found, seen, voxel_nm),
        )
    if found < 2:
        raise ValueError(
            f"{volume.name}: got {found} objects in voxels of {voxel_nm:g} nm; needs at least two, "
            "which can be merged: take a larger part, or smaller voxels"
        )
    size = volume.voxel_size_nm
    sizes = np.bincount(labels.ravel(), minlength=len(ids))
    return Shapes(labels, sizes, ids, float(voxel_nm), max(size) < 1.5 * min(size), volume.name)


def _slabs(volume: Volume, factor: int) -> Iterator[Volume]:
    """Slabs of whole coarse planes, so that their coarse labels join to those of the volume."""
    plane = max(1, volume.shape[1] * volume.shape[2])
    depth = max(1, BLOCK_VOXELS // (plane * factor)) * factor
    for start in range(0, volume.shape[0], depth):
        yield volume[start : start + depth]
