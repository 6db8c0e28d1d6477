"""Where branches of a skeleton cross, which those of a neurite seldom do."""

import numpy as np
from jaxtyping import Float64, UInt
from scipy import spatial

from ops.skeletons.skeleton import Skeleton
from ops.skeletons.teasar import skeletonise

SCALE, CONSTANT_NM = 1.5, 100.0  # of skeletons, fine enough for the branches of a crossing
NEAR_NM = 200.0  # branchings closer than this are one crossing


def fine_skeletons(labels: UInt[np.ndarray, "z y x"], voxel_nm: int | float) -> dict[int, Skeleton]:
    """Skeletons of all objects, by id, with the side branches that show a crossing.

    Args:
        labels: ids, 0 = background, in cubes.
        voxel_nm: edge of a cube, > 0.

    Raises:
        ValueError: an edge that is not > 0.
    """
    return skeletonise(labels, (voxel_nm,) * 3, scale=SCALE, constant_nm=CONSTANT_NM)


def crossing(skeleton: Skeleton) -> tuple[int, Float64[np.ndarray, " 3"]]:
    """Branches that meet about one place beyond those of a path, the most there are, and the place.

    1 at a branching of three; 2 and more at a crossing of four branches, or at two branchings
    within NEAR_NM; 0 without branchings, at the first node.

    Returns:
        The count, and the position of the node, (z, y, x) in nm.

    Raises:
        ValueError: a skeleton without nodes.
    """
    if not len(skeleton.parents):
        raise ValueError("got a skeleton without nodes; needs at least one")
    child = np.flatnonzero(skeleton.parents >= 0)
    ends = np.concatenate([child, skeleton.parents[child]])
    degrees = np.bincount(ends, minlength=len(skeleton.parents))
    branching = np.flatnonzero(degrees >= 3)
    if not len(branching):
        return 0, skeleton.positions_nm[0].astype(np.float64)
    tree = spatial.KDTree(skeleton.positions_nm[branching])
    beyond = degrees[branching] - 2
    met = [int(beyond[near].sum()) for near in tree.query_ball_tree(tree, NEAR_NM)]
    most = int(np.argmax(met))
    return met[most], skeleton.positions_nm[branching[most]].astype(np.float64)
