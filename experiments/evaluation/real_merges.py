"""Which objects of an automatic segmentation are merge errors in truth, and where."""

import numpy as np
from jaxtyping import Int64, UInt32

from data.merging.contacts import contact_voxels
from data.merging.shapes import Shapes
from ops.shape_windows import inner

Contacts = dict[int, Int64[np.ndarray, "_ 3"]]


def true_merges(found: Shapes, neurites: Shapes, least_voxels: int) -> Contacts:
    """The objects that hold a substantial part of two neurites or more.

    A part is substantial that has `least_voxels` coarse voxels, of which at least one has all six
    neighbours in it: so a film of a neighbour along the surface, as wherever two segmentations
    draw a boundary a little apart, is none.

    Args:
        found: the automatic segmentation.
        neurites: the truth, on the same grid.
        least_voxels: of a part.

    Returns:
        Of each merged object, by its number in `found`, the voxels at which its neurites meet.
    """
    parts, ids, owners = _parts(found.labels, neurites.labels)
    voxels = np.bincount(parts.ravel(), minlength=len(ids))
    thick = np.bincount(parts[inner(parts)], minlength=len(ids)) > 0
    kept = (voxels >= least_voxels) & thick & (owners != 0)
    kept[0] = False
    contacts = {}
    for owner in np.unique(owners[kept]).tolist():
        these = np.flatnonzero(kept & (owners == owner)).astype(np.uint32)
        if len(these) >= 2:
            contacts[owner] = contact_voxels(parts, these)
    return {owner: voxels for owner, voxels in contacts.items() if len(voxels)}


def _parts(
    found: UInt32[np.ndarray, "z y x"], neurites: UInt32[np.ndarray, "z y x"]
) -> tuple[UInt32[np.ndarray, "z y x"], np.ndarray, np.ndarray]:
    """Objects cut at the borders of neurites: numbers, what they stand for, whose part each is."""
    both = found.astype(np.uint64) << np.uint64(32) | neurites.astype(np.uint64)
    both[(found == 0) | (neurites == 0)] = 0
    ids, parts = np.unique(both, return_inverse=True)
    first = int(ids[0] != 0)
    ids = np.concatenate([np.zeros(first, np.uint64), ids])
    numbers = (parts.reshape(found.shape) + first).astype(np.uint32)
    return numbers, ids, (ids >> np.uint64(32)).astype(np.int64)
