"""Skeletons by TEASAR: paths along the middle of an object, from one end to all the others.

Source: Sato, Bitter, Bender, Kaufman, Nakajima, TEASAR: tree-structure extraction algorithm for
accurate and robust skeletons, Pacific Graphics 2000, doi:10.1109/PCCGA.2000.883951; by
bioimage-cpp. The path from a root to the farthest voxel not yet covered, at a price that is high
near the surface, becomes a branch, and covers what lies within scale * (distance to the surface) +
constant of it; then the next, until all is covered.

A loop is cut open somewhere, as trees have none. Paths go from voxel to voxel, so an oblique
neurite comes out up to about 13 % too long, and the ends reach into the corners of the object.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from bioimage_cpp.skeleton.distributed import block_teasar
from jaxtyping import Float64, Int64, UInt

from ops.downsampling import check_factors, downsample
from ops.metrics.positions import check_voxel_size
from ops.objects import Objects, find_objects
from ops.skeletons.rooting import root
from ops.skeletons.settling import settle
from ops.skeletons.skeleton import Skeleton

# Nodes as coarse voxels, edges between them or the parent of each, and radii in nm.
Tree = tuple[Int64[np.ndarray, "_ 3"], Int64[np.ndarray, "..."], Float64[np.ndarray, " _"]]


def skeletonise(
    labels: UInt[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[int | float],
    *,
    factors: Sequence[int] = (1, 1, 1),
    scale: int | float = 1.5,
    constant_nm: int | float = 300.0,
    least_volume_nm3: int | float = 0.0,
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
        least_volume_nm3: objects that are smaller at the reduced resolution are left out.
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
    if scale < 0 or constant_nm < 0:
        raise ValueError(f"got scale={scale}, constant_nm={constant_nm}; needs numbers >= 0")
    coarse = downsample(labels, steps.tolist())
    found = find_objects(coarse)
    large = found.voxels * np.prod(size * steps) >= least_volume_nm3
    # A tree has fewer edges than its object has voxels, so that most objects need not be traced.
    long = (found.voxels - 1) * np.linalg.norm(size * steps) >= least_length_nm
    kept = np.flatnonzero(large & long)

    def trace(number: int) -> Tree:
        return _trace(coarse, found, number, size * steps, scale, constant_nm)

    # The longest work first, so that no thread is left alone with it at the end.
    largest = kept[np.argsort(-found.voxels[kept], kind="stable")]
    with ThreadPoolExecutor(threads) as pool:
        traced = dict(zip(largest.tolist(), pool.map(trace, largest.tolist()), strict=True))
    result = {}
    for number, (nodes, parents, radii) in zip(
        kept.tolist(), _rooted([traced[number] for number in kept.tolist()]), strict=True
    ):
        places = settle(nodes, labels, int(found.ids[number]), steps, size)
        tree = Skeleton(places + size * np.array(offset), parents, radii)
        if tree.length_nm() >= least_length_nm:
            result[int(found.ids[number])] = tree
    return result


def _trace(
    coarse: UInt[np.ndarray, "z y x"],
    objects: Objects,
    number: int,
    size_nm: Float64[np.ndarray, " 3"],
    scale: int | float,
    constant_nm: int | float,
) -> Tree:
    """Nodes of one object as coarse voxels, their edges, and their radii in nm."""
    # A voxel around the box tells where the object's surface is, except at the array's faces.
    box = objects.box(number, margin=1)
    nodes, edges, distances = block_teasar(
        coarse[box] == objects.ids[number],
        open_faces=_cut_faces(objects, number, coarse.shape),
        origin=[part.start for part in box],
        spacing=size_nm.tolist(),
        scale=scale,
        constant=constant_nm,
    )
    # Distances are to the middle of the next voxel outside, half a voxel beyond the surface.
    radii = distances.astype(np.float64) - size_nm.min() / 2
    # What comes back is of C's long long, which is not NumPy's int64, though it has as many bits.
    return nodes.astype(np.int64), edges.astype(np.int64), radii


def _rooted(trees: Sequence[Tree]) -> Iterator[Tree]:
    """Each tree with parents in place of edges, which come before their children.

    All are rooted as one graph, since most are so small that it would take longer to make theirs.
    """
    counts = np.array([len(nodes) for nodes, _, _ in trees], np.int64)
    starts = np.cumsum(counts) - counts
    moved = [edges + start for (_, edges, _), start in zip(trees, starts, strict=True)]
    parents, order = root(int(counts.sum()), np.concatenate([np.zeros((0, 2), np.int64), *moved]))
    order = order[np.argsort(np.searchsorted(starts, order, side="right"), kind="stable")]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    parents = np.where(parents >= 0, place[parents], -1)[order]
    for (nodes, _, radii), start, count in zip(trees, starts, counts, strict=True):
        own = slice(start, start + count)
        above = parents[own]
        chosen = order[own] - start
        yield nodes[chosen], np.where(above >= 0, above - start, -1), radii[chosen]


def _cut_faces(objects: Objects, number: int, shape: Sequence[int]) -> list[tuple[int, str]]:
    """Faces of the array (axis, side) that the object touches: it may go on behind them."""
    low = [(axis, "low") for axis in range(3) if objects.starts[number, axis] == 0]
    high = [(a, "high") for a in range(3) if objects.stops[number, a] == shape[a]]
    return low + high
