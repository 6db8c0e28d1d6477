"""Removing specks: a few voxels of a neurite that sampling cut off from the rest of it.

Where a neurite thins out to a wedge, single voxels beyond its tip may still fall into it. They
go to the neighbour around them. A speck is smaller than any cross-section of a neurite, so a
piece that merely touches the tile's rim may be trimmed but nothing can be cut in two.
"""

import numpy as np
from jaxtyping import Bool, Int, UInt32
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.synthetic.lattice import NEIGHBOURHOOD


def remove_specks(labels: UInt32[np.ndarray, "z y x"], largest: int) -> None:
    """Relabels, in place, 26-connected pieces of at most `largest` voxels.

    Only voxels outside every 2x2x2 block of one label are looked at: all others have company.
    """
    thin = np.argwhere(~_in_blocks(labels))
    if not len(thin):
        return
    around = thin[:, None] + NEIGHBOURHOOD
    inside = ((around >= 0) & (around < labels.shape)).all(-1)
    around = np.clip(around, 0, np.array(labels.shape) - 1)
    found = labels[tuple(np.moveaxis(around, -1, 0))]
    own = labels[tuple(thin.T)]
    alike = inside & (found == own[:, None])
    number = np.full(labels.shape, -1)
    number[tuple(thin.T)] = np.arange(len(thin))
    neighbour = number[tuple(np.moveaxis(around, -1, 0))]
    piece = _pieces(neighbour, alike)
    held = np.zeros(piece.max() + 1, bool)
    np.logical_or.at(held, piece, (alike & (neighbour < 0)).any(1))
    speck = (~held & (np.bincount(piece) <= largest))[piece]
    labels[tuple(thin[speck].T)] = _replacement(found[speck], inside[speck], own[speck])


def _in_blocks(labels) -> Bool[np.ndarray, "z y x"]:
    """Voxels of some block of one label, two voxels long along every axis that has two."""
    whole = np.ones(tuple(n - (n > 1) for n in labels.shape), bool)
    corners = np.stack(np.meshgrid(*((0, 1) if n > 1 else (0,) for n in labels.shape)), -1)
    windows = [
        tuple(slice(o, o + n) for o, n in zip(corner, whole.shape, strict=True))
        for corner in corners.reshape(-1, 3).tolist()
    ]
    for window in windows:
        whole &= labels[window] == labels[windows[0]]
    blocks = np.zeros(labels.shape, bool)
    for window in windows:
        blocks[window] |= whole
    return blocks


def _pieces(neighbour, alike) -> Int[np.ndarray, " n"]:
    row, column = np.nonzero(alike & (neighbour >= 0))
    links = coo_array(
        (np.ones(len(row), bool), (row, neighbour[row, column])), shape=(len(alike), len(alike))
    )
    return connected_components(links, directed=False)[1]


def _replacement(found, inside, own) -> UInt32[np.ndarray, " n"]:
    """The commonest other label around each voxel; its own where there is none."""
    result = own.copy()
    for row in range(len(own)):  # specks are a handful of voxels
        others = found[row][inside[row] & (found[row] != own[row])]
        if len(others):
            values, counts = np.unique(others, return_counts=True)
            result[row] = values[counts.argmax()]
    return result
