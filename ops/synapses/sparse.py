"""Sets of voxels as lists: what is done with the few voxels of clefts, and not with all others.

Voxels are rows (z, y, x), sorted by z, then y, then x, each once.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64
from scipy import sparse
from scipy.sparse.csgraph import connected_components

Voxels = Int64[np.ndarray, "n 3"]

# Half of the neighbours; the others are their opposites.
STEPS_4 = ((0, 0, 1), (0, 1, 0))  # within a section
STEPS_18 = (
    *STEPS_4,
    (0, 1, -1),
    (0, 1, 1),
    (1, 0, 0),
    (1, 0, -1),
    (1, 0, 1),
    (1, -1, 0),
    (1, 1, 0),
)


def voxels_of(mask: Bool[np.ndarray, "z y x"]) -> Voxels:
    """The voxels that are True."""
    return np.stack(np.unravel_index(np.flatnonzero(mask), mask.shape), axis=1).astype(np.int64)


def components(voxels: Voxels, steps: Sequence[tuple[int, int, int]]) -> Int64[np.ndarray, " n"]:
    """The connected component of each voxel: 0, 1, ... in the order of their first voxels.

    What `scipy.ndimage.label` does for arrays, in time that grows with the voxels of the set.

    Args:
        voxels: sorted, each once.
        steps: to half of a voxel's neighbours, no farther than one voxel along y and x.
    """
    if not len(voxels):
        return np.zeros(0, np.int64)
    strides = _strides(voxels)
    places = (voxels - voxels.min(axis=0)) @ strides
    pairs = [_neighbours(places, int(np.dot(strides, step))) for step in steps]
    first, second = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    ones, shape = np.ones(len(first), bool), (len(places), len(places))
    graph = sparse.coo_array((ones, (first, second)), shape=shape)
    _, numbers = connected_components(graph, directed=False)
    return in_order_met(numbers.astype(np.int64))


def in_order_met(numbers: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Other numbers for the same groups: 0, 1, ... in the order in which they are met."""
    _, first, group = np.unique(numbers, return_index=True, return_inverse=True)
    renamed = np.empty(len(first), np.int64)
    renamed[np.argsort(first)] = np.arange(len(first))
    return renamed[group.reshape(-1)]


def first_voxels(voxels: Voxels, numbers: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "_ 3"]:
    """The first voxel of each object 0, 1, ..., all of which have one."""
    _, first = np.unique(numbers, return_index=True)
    return voxels[first]


def rows_of(
    voxels: Voxels, wanted: Int64[np.ndarray, "_ 3"], shape: Sequence[int]
) -> Int64[np.ndarray, " _"]:
    """Where the wanted voxels are in a set, which has all of them; both within a shape."""
    places, sought = (
        np.ravel_multi_index(tuple(rows.T), tuple(shape)) for rows in (voxels, wanted)
    )
    return np.searchsorted(places, sought).astype(np.int64)


def _strides(voxels: Voxels) -> Int64[np.ndarray, " 3"]:
    """Of a frame with a free row and column more, so that no step leads into another row."""
    _, height, width = (np.ptp(voxels, axis=0) + 3).tolist()
    return np.array([height * width, width, 1], np.int64)


def _neighbours(places, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the places that are a step apart."""
    wanted = places + step
    found = np.searchsorted(places, wanted).clip(max=len(places) - 1)
    first = np.flatnonzero(places[found] == wanted)
    return first, found[first]
