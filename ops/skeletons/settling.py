"""From coarse voxels back into the object at full resolution."""

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt


def settle(
    nodes: Int64[np.ndarray, "n 3"],
    labels: UInt[np.ndarray, "z y x"],
    id: int,
    factors: Int64[np.ndarray, " 3"],
    voxel_size_nm: Float64[np.ndarray, " 3"],
) -> Float64[np.ndarray, "n 3"]:
    """Places in the object: the middle of each coarse voxel, or of the nearest voxel it has there.

    Args:
        nodes: coarse voxels (z, y, x), each of which holds a voxel of the object.
        labels: ids at full resolution.
        id: of the object.
        factors: voxels (z, y, x) in a coarse voxel.
        voxel_size_nm: of the full resolution.

    Returns:
        (z, y, x) in nm from the corner of voxel 0 of the array.
    """
    places = (nodes + 0.5) * factors * voxel_size_nm
    astray = np.flatnonzero(~_inside(nodes * factors + factors // 2, labels, id))
    if len(astray):
        voxels = _voxels_of(nodes[astray], factors)
        away = np.linalg.norm((voxels + 0.5) * voxel_size_nm - places[astray, None], axis=-1)
        away[~_inside(voxels, labels, id)] = np.inf
        nearest = voxels[np.arange(len(astray)), away.argmin(axis=1)]
        places[astray] = (nearest + 0.5) * voxel_size_nm
    return places


def _voxels_of(
    nodes: Int64[np.ndarray, "n 3"], factors: Int64[np.ndarray, " 3"]
) -> Int64[np.ndarray, "n box 3"]:
    """All voxels of each coarse voxel."""
    within = np.stack(np.unravel_index(np.arange(factors.prod()), factors.tolist()), axis=-1)
    return (nodes * factors)[:, None] + within


def _inside(
    voxels: Int64[np.ndarray, "*places 3"], labels: UInt[np.ndarray, "z y x"], id: int
) -> Bool[np.ndarray, "*places"]:
    """Whether each voxel is in the array and carries the id."""
    inside = np.all(voxels < np.array(labels.shape), axis=-1, keepdims=True)
    z, y, x = np.moveaxis(np.where(inside, voxels, 0), -1, 0)
    return inside[..., 0] & (labels[z, y, x] == id)
