"""Where different objects touch: the places at which a program merges them."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64, UInt32

BLOCK = 96  # voxels along each edge; sites of a pair are chosen in each block that shows it
SITES = 12  # of a pair in a block, at most
VOXELS_PER_SITE = 12  # of contact, so that large contacts have several
PATCH = 6.0  # voxels around a voxel of contact, whose middle is a site


@dataclasses.dataclass(frozen=True)
class Contacts:
    """Sites of contact.

    Attributes:
        places: voxels (z, y, x) in the middle of a patch of contact, each of one of both objects.
        pairs: the two ids, the lesser first.
        areas: faces between the two objects, in the whole volume.
    """

    places: Int64[np.ndarray, "n 3"]
    pairs: UInt32[np.ndarray, "n 2"]
    areas: Int64[np.ndarray, " n"]


def find_contacts(labels: UInt32[np.ndarray, "z y x"], rng: np.random.Generator) -> Contacts:
    """Sites at which objects touch, faces of voxels being shared, found block by block.

    Args:
        labels: ids, 0 = background.
        rng: chooses sites along large contacts.
    """
    places, pairs, counted = [], [], []
    for start, block in _blocks(labels):
        touching = _touching(block, BLOCK)
        counted.append(touching)
        for pair, voxels in _by_pair(*touching):
            found = _sites(voxels, rng) + start
            places.append(found)
            pairs.append(np.repeat(pair[None], len(found), axis=0))
    if not places:
        none = np.zeros((0, 3), np.int64)
        return Contacts(none, np.zeros((0, 2), np.uint32), none[:, 0])
    both = np.concatenate(pairs)
    unique, counts = np.unique(np.concatenate([p for p, _ in counted]), axis=0, return_counts=True)
    areas = counts[np.searchsorted(_key(unique), _key(both))]
    return Contacts(np.concatenate(places), both, areas.astype(np.int64))


def contact_voxels(
    labels: UInt32[np.ndarray, "z y x"], ids: UInt32[np.ndarray, " k"]
) -> Int64[np.ndarray, "n 3"]:
    """The voxels at the lower side of each face between any two of some objects."""
    kept = np.where(np.isin(labels, ids), labels, 0).astype(np.uint32)
    return np.unique(_touching(kept, max(kept.shape))[1], axis=0)


def _blocks(
    labels: UInt32[np.ndarray, "z y x"],
) -> Iterator[tuple[Int64[np.ndarray, " 3"], np.ndarray]]:
    """First voxels and voxels of blocks that share a plane with the next, so no face is lost."""
    for start in itertools.product(*(range(0, n, BLOCK) for n in labels.shape)):
        yield np.array(start), labels[tuple(slice(s, s + BLOCK + 1) for s in start)]


def _touching(
    block: UInt32[np.ndarray, "z y x"], end: int
) -> tuple[UInt32[np.ndarray, "n 2"], Int64[np.ndarray, "n 3"]]:
    """Both ids of each face between two objects, and the voxel on its lower side, before `end`."""
    pairs, voxels = [], []
    for axis in range(3):
        n = block.shape[axis]
        low, high = (np.take(block, range(s, n - 1 + s), axis=axis) for s in (0, 1))
        found = np.nonzero((low != high) & (low != 0) & (high != 0))
        kept = np.all([place < end for place in found], axis=0)  # others are of the next block
        found = tuple(place[kept] for place in found)
        pairs.append(np.sort(np.stack([low[found], high[found]], axis=1), axis=1))
        voxels.append(np.stack(found, axis=1).astype(np.int64))
    return np.concatenate(pairs), np.concatenate(voxels)


def _by_pair(pairs: np.ndarray, voxels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    order = np.argsort(_key(pairs), kind="stable")
    pairs, voxels = pairs[order], voxels[order]
    starts = np.flatnonzero(np.r_[True, np.any(np.diff(pairs, axis=0), axis=1)][: len(pairs)])
    for first, last in itertools.pairwise([*starts.tolist(), len(pairs)]):
        yield pairs[first], voxels[first:last]


def _sites(voxels: Int64[np.ndarray, "n 3"], rng: np.random.Generator) -> Int64[np.ndarray, "k 3"]:
    """The middles of patches around random voxels of a contact, each a voxel of it."""
    count = min(SITES, 1 + len(voxels) // VOXELS_PER_SITE)
    chosen = voxels[rng.choice(len(voxels), count, replace=False)]
    near = np.linalg.norm(voxels[None] - chosen[:, None], axis=-1) <= PATCH
    middles = (near @ voxels) / near.sum(axis=1, keepdims=True)
    away = np.linalg.norm(voxels[None] - middles[:, None], axis=-1)
    return voxels[away.argmin(axis=1)]


def _key(pairs: UInt32[np.ndarray, "n 2"]) -> np.ndarray:
    """One number for each pair, in the order of pairs."""
    return pairs[:, 0].astype(np.uint64) << np.uint64(32) | pairs[:, 1].astype(np.uint64)
