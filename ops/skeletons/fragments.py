"""Skeletons of a volume that is larger than memory: traced part by part, and joined exactly.

Parts share a plane of voxels with their neighbours. Where an object crosses it, the middle of the
crossing is a node of both fragments (bioimage-cpp chooses it), so that joining is a union of nodes
and edges; loops that this closes are cut open. Paths near a crossing lead through its middle, so
skeletons of small parts come out a little longer than those of the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from bioimage_cpp.skeleton.distributed import (
    block_border_targets_labels,
    block_teasar_labels,
    merge_block_skeleton_maps,
    minimum_spanning_forest,
)
from jaxtyping import Bool, Float64, Int64, UInt

from ops.metrics.positions import check_voxel_size
from ops.objects import Objects, find_objects
from ops.runs import find_runs
from ops.skeletons.rooting import root

Face = tuple[int, str]  # an axis, and "low" or "high"
FACES: tuple[Face, ...] = tuple((axis, side) for axis in range(3) for side in ("low", "high"))
# Nodes as voxels, edges between them, and distances in nm to the middle of the next voxel outside.
Fragment = tuple[np.ndarray, np.ndarray, np.ndarray]
# Nodes as voxels, the parent of each (-1 at a root), which comes before it, and radii in nm.
Tree = tuple[Int64[np.ndarray, "_ 3"], Int64[np.ndarray, " _"], Float64[np.ndarray, " _"]]


def trace_fragments(
    labels: UInt[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[int | float],
    *,
    scale: int | float,
    constant_nm: int | float,
    least_length_nm: int | float = 0.0,
    shared: Sequence[Face] = (),
    origin: Sequence[int] = (0, 0, 0),
    threads: int = 1,
) -> dict[int, Fragment]:
    """What a part of a volume shows of each object's skeleton; the same for any thread count.

    Args:
        labels: ids, 0 = background; their last plane at a shared high face is the first of the
            next part.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        scale, constant_nm: see `ops.skeletons.teasar.skeletonise`.
        least_length_nm: objects inside of the part that cannot be so long are left out.
        shared: faces of the array behind which there is another part.
        origin: voxel (z, y, x) of the volume that is the array's first.
        threads: that share the objects.

    Returns:
        Fragments by id, for `join_fragments`.

    Raises:
        ValueError: a voxel size out of range, or a scale or constant < 0.
    """
    size = check_voxel_size(voxel_size_nm)
    if scale < 0 or constant_nm < 0:
        raise ValueError(f"got scale={scale}, constant_nm={constant_nm}; needs numbers >= 0")
    labels = _without_short(labels, size, least_length_nm, shared)
    where: dict[str, Any] = {"origin": list(origin), "spacing": size.tolist()}
    where["number_of_threads"] = threads
    targets = block_border_targets_labels(labels, list(shared), **where) if shared else None
    # A face of the array is nowhere the surface of an object: it may go on behind it.
    return block_teasar_labels(
        labels,
        open_faces=FACES,
        required_targets=targets,
        scale=scale,
        constant=constant_nm,
        **where,
    )


def join_fragments(
    parts: Sequence[Mapping[int, Fragment]], voxel_size_nm: Sequence[int | float]
) -> dict[int, Tree]:
    """The trees of all objects, whatever the order of the parts."""
    size = check_voxel_size(voxel_size_nm)
    joined = merge_block_skeleton_maps(parts)
    forests = [minimum_spanning_forest(f, spacing=size.tolist()) for f in joined.values()]
    return dict(zip(joined, _rooted(forests, size), strict=True))


def _without_short(
    labels: UInt[np.ndarray, "z y x"],
    size_nm: Float64[np.ndarray, " 3"],
    least_length_nm: int | float,
    shared: Sequence[Face],
) -> UInt[np.ndarray, "z y x"]:
    """The labels, less objects with fewer voxels than so long a tree has edges."""
    found = find_objects(labels)
    short = (found.voxels - 1) * np.linalg.norm(size_nm) < least_length_nm
    gone = found.ids[short & ~_touching(found, shared, labels.shape)]
    runs = find_runs(labels)
    return runs.painted(np.where(np.isin(runs.ids, gone), labels.dtype.type(0), runs.ids))


def _touching(
    objects: Objects, faces: Sequence[Face], shape: Sequence[int]
) -> Bool[np.ndarray, " objects"]:
    """Which objects reach one of the faces."""
    reached = np.zeros(len(objects.ids), bool)
    for axis, side in faces:
        low, high = objects.starts[:, axis] == 0, objects.stops[:, axis] == shape[axis]
        reached |= low if side == "low" else high
    return reached


def _rooted(forests: Sequence[Fragment], size_nm: Float64[np.ndarray, " 3"]) -> Iterator[Tree]:
    """Each with parents in place of edges, which come before their children.

    All are rooted as one graph, since most are so small that it would take longer to make theirs.
    """
    counts = np.array([len(nodes) for nodes, _, _ in forests], np.int64)
    starts = np.cumsum(counts) - counts
    moved = [
        edges.astype(np.int64) + start for (_, edges, _), start in zip(forests, starts, strict=True)
    ]
    parents, order = root(int(counts.sum()), np.concatenate([np.zeros((0, 2), np.int64), *moved]))
    order = order[np.argsort(np.searchsorted(starts, order, side="right"), kind="stable")]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    parents = np.where(parents >= 0, place[parents], -1)[order]
    for (nodes, _, distances), start, count in zip(forests, starts, counts, strict=True):
        chosen, above = order[start : start + count] - start, parents[start : start + count]
        # What comes back is of C's long long, which is not NumPy's int64, though it has its bits.
        yield (
            nodes[chosen].astype(np.int64),
            np.where(above >= 0, above - start, -1),
            # Half a voxel beyond the surface is the middle of the next voxel.
            distances[chosen].astype(np.float64) - size_nm.min() / 2,
        )
