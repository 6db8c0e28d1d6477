"""Removing specks: a few voxels of a neurite that sampling cut off from the rest of it.

Where a neurite thins out to a wedge, single voxels beyond its tip may still fall into it. They
go to the neighbour around them. What touches the tile's rim may go on beyond it, so only pieces
smaller than any cross-section of a neurite are taken there: nothing can be cut in two.
"""

import numpy as np
from jaxtyping import Bool, Int, UInt32
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.synthetic.lattice import NEIGHBOURHOOD

INSIDE = 20
BEYOND = np.uint32(2**32 - 1)


def remove_specks(labels: UInt32[np.ndarray, "z y x"], largest: int) -> None:
    """Relabels, in place, 26-connected pieces of a few voxels: `largest` at the tile's rim.

    Inside, where a piece is known to be cut off, 20 times as many. Only voxels outside every
    2x2x2 block of one label are looked at: all others have company.
    """
    padded = np.pad(labels, 1, constant_values=BEYOND)
    flat = padded.ravel()
    thin = np.flatnonzero(np.pad(~_in_blocks(labels), 1))
    if not len(thin):
        return
    around = thin[:, None] + NEIGHBOURHOOD @ (np.array(padded.strides) // padded.itemsize)
    found, own = flat[around], flat[thin]
    inside = found != BEYOND
    alike = found == own[:, None]
    number = np.full(flat.shape, -1, np.int32)
    number[thin] = np.arange(len(thin))
    neighbour = number[around]
    piece = _pieces(neighbour, alike)
    held = np.zeros(piece.max() + 1, bool)
    held[piece[(alike & (neighbour < 0)).any(1)]] = True
    at_rim = np.zeros(piece.max() + 1, bool)
    at_rim[piece[~inside.all(1)]] = True
    most = np.where(at_rim, largest, INSIDE * largest)
    # Gaps between neurites may be as thin and small as they like.
    speck = (~held & (np.bincount(piece) <= most))[piece] & (own > 0)
    steady = inside & ~np.append(speck, False)[neighbour]
    flat[thin[speck]] = _replacement(found[speck], steady[speck], own[speck])
    labels[...] = padded[1:-1, 1:-1, 1:-1]


def _in_blocks(labels) -> Bool[np.ndarray, "z y x"]:
    """Voxels of some block of one label, two voxels long along every axis that has two."""
    axes = [axis for axis in range(3) if labels.shape[axis] > 1]
    whole = np.ones(labels.shape, bool)
    corner = labels
    for axis in axes:  # whole: of the block that starts at the voxel
        low, high = _halves(axis)
        whole = whole[low] & whole[high] & (corner[low] == corner[high])
        corner = corner[low]
    for axis in axes:
        low, high = _halves(axis)
        wider = np.zeros([n + (i == axis) for i, n in enumerate(whole.shape)], bool)
        wider[low] = whole
        wider[high] |= whole
        whole = wider
    return whole


def _halves(axis) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All but the last and all but the first along an axis."""
    every = slice(None)
    cuts = [[every, every, every], [every, every, every]]
    cuts[0][axis], cuts[1][axis] = slice(None, -1), slice(1, None)
    return tuple(cuts[0]), tuple(cuts[1])


def _pieces(neighbour, alike) -> Int[np.ndarray, " n"]:
    row, column = np.nonzero(alike & (neighbour >= 0))
    links = coo_array(
        (np.ones(len(row), bool), (row, neighbour[row, column])), shape=(len(alike), len(alike))
    )
    return connected_components(links, directed=False)[1]


def _replacement(found, steady, own) -> UInt32[np.ndarray, " n"]:
    """The commonest label among the neighbours that stay as they are; its own without any."""
    result = own.copy()
    for row in range(len(own)):  # specks are a handful of voxels
        others = found[row][steady[row] & (found[row] != own[row])]
        if len(others):
            values, counts = np.unique(others, return_counts=True)
            result[row] = values[counts.argmax()]
    return result
