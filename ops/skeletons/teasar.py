"""Skeletons by TEASAR: paths along the middle of an object, from one end to all the others.

Source: Sato, Bitter, Bender, Kaufman, Nakajima, TEASAR: tree-structure extraction algorithm for
accurate and robust skeletons, Pacific Graphics 2000, doi:10.1109/PCCGA.2000.883951; by
bioimage-cpp. The path from a root to the farthest voxel not yet covered, at a price that is high
near the surface, becomes a branch, and covers what lies within scale * (distance to the surface) +
constant of it; then the next, until all is covered.

A loop is cut open somewhere, as trees have none. Paths go from voxel to voxel, so an oblique
neurite comes out up to about 13 % too long, and the ends reach into the corners of the object.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt

from ops.downsampling import check_factors, downsample
from ops.metrics.positions import check_voxel_size
from ops.skeletons.fragments import join_fragments, trace_fragments
from ops.skeletons.settling import settle
from ops.skeletons.skeleton import Skeleton


def skeletonise(
    labels: UInt[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[int | float],
    *,
    factors: Sequence[int] = (1, 1, 1),
    scale: int | float = 1.5,
    constant_nm: int | float = 300.0,
    least_length_nm: int | float = 0.0,
    offset: Sequence[int] = (0, 0, 0),
    threads: int = 1,
) -> dict[int, Skeleton]:
    """The skeleton of every object; the same bits for any number of threads.

    Objects do not influence one another, but that factors let them vote for coarse voxels: a tiny
    one that wins none has no skeleton. One of several parts (that do not touch even at a corner)
    gives several trees; one of a single voxel a single node. Every node lies in its object.

    Args:
        labels: ids, 0 = background.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        factors: voxels (z, y, x) that become one before the work, as `coarse_factors` gives them;
            of about 30 nm they show all that a neurite has, and are much less work.
        scale, constant_nm: how far a branch covers the object around it; greater values give fewer
            side branches. Small values make a branch of every bump of the surface.
        least_length_nm: objects with a shorter skeleton (all of its edges) are left out.
        offset: voxel coordinates (z, y, x) of the array's first voxel in its dataset.
        threads: that share the objects.

    Returns:
        Skeletons by id, in order. Positions are in nm from the corner of voxel 0 of the dataset:
        voxel i spans [i, i + 1) voxel sizes, and nodes lie in the middle of coarse voxels, or,
        where this misses the object, of the nearest voxel of the object. Parents come before
        their children. Radii are distances to the surface at the reduced resolution, true to a
        coarse voxel; where the object leaves the array, the array's face is no surface (unless
        the object fills all of the array, and there is no other).

    Raises:
        ValueError: a voxel size or factors out of range, or a scale or constant < 0.
    """
    size, steps = check_voxel_size(voxel_size_nm), check_factors(factors)
    coarse = downsample(labels, steps.tolist())
    fragments = trace_fragments(
        coarse,
        (size * steps).tolist(),
        scale=scale,
        constant_nm=constant_nm,
        least_length_nm=least_length_nm,
        threads=threads,
    )
    result = {}
    for id, (nodes, parents, radii) in join_fragments([fragments], (size * steps).tolist()).items():
        places = settle(nodes, labels, id, steps, size)
        tree = Skeleton(places + size * np.array(offset), parents, radii)
        if tree.length_nm() >= least_length_nm:
            result[id] = tree
    return result
