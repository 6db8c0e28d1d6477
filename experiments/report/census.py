"""What there is in a volume, counted block by block."""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Int64

from data.volume import Volume

BLOCK = (16, 512, 512)


def volume_fractions(masks: Mapping[str, Volume]) -> dict[str, float]:
    """The share of voxels that each layer marks."""
    return {
        name: sum(np.count_nonzero(block.read()) for block in blocks(volume))
        / float(np.prod(volume.shape))
        for name, volume in masks.items()
    }


def count_ids(volume: Volume, greatest: int) -> Int64[np.ndarray, " ids"]:
    """Voxels of each id, from 0 to the greatest there can be."""
    counts = np.zeros(greatest + 1, np.int64)
    for block in blocks(volume):
        counts += np.bincount(block.read().ravel(), minlength=greatest + 1)
    return counts


def blocks(volume: Volume) -> Iterator[Volume]:
    """The volume in pieces that fit into memory."""
    steps = zip(volume.shape[:3], BLOCK, strict=True)
    for corner in itertools.product(*(range(0, size, step) for size, step in steps)):
        yield volume[tuple(slice(c, c + step) for c, step in zip(corner, BLOCK, strict=True))]
