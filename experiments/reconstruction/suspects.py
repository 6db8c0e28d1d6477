"""Which objects are looked at again, and why: their shape, a crossing, or no way out.

A MergeNet's heat map tells how probable a merge error is. Two rules of thumb name objects that it
passes over: branches that cross as those of a neurite seldom do, and an object that ends on all
sides within the volume, which is a fragment of something whose place is not known.
"""

import dataclasses
from collections.abc import Iterator
from enum import StrEnum

import numpy as np
from jaxtyping import Float32, Int64, UInt64

from ops.skeletons.crossings import crossing, fine_skeletons
from ops.skeletons.skeleton import Skeleton

CROSSED = 2  # branches beyond those of a path that meet: four or more about one place

Ids = UInt64[np.ndarray, " n"]


class Reason(StrEnum):
    """Why an object is looked at: by the MergeNet, or by a rule of thumb."""

    shape = "shape"
    crossing = "crossing"
    orphan = "orphan"


@dataclasses.dataclass(frozen=True)
class Heat:
    """How much places along objects look like merge errors.

    Attributes:
        places: coarse voxels (z, y, x).
        objects: the segment at each.
        probabilities: of an error there, in [0, 1].
    """

    places: Int64[np.ndarray, "n 3"]
    objects: Ids
    probabilities: Float32[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Suspect:
    """An object, and why it may be wrong.

    Attributes:
        segment: the object.
        place: coarse voxel (z, y, x): the likeliest of a merge error, the crossing, or the
            thickest end of an orphan.
        probability: the greatest along the object, by the MergeNet, in [0, 1].
        reason: what named it.
    """

    segment: int
    place: tuple[int, int, int]
    probability: float
    reason: Reason


def suspects(
    labels: UInt64[np.ndarray, "z y x"], heat: Heat, least: float, voxel_nm: float
) -> list[Suspect]:
    """Objects to look at again, those that the MergeNet finds likeliest first.

    Args:
        labels: segments in coarse voxels, 0 = none.
        heat: along them; objects without a place in it, which are too small, are left out.
        least: probability from which on shape alone is a reason.
        voxel_nm: edge of a coarse voxel.
    """
    order = np.argsort(-heat.probabilities, kind="stable")
    _, first = np.unique(heat.objects[order], return_index=True)
    likeliest = order[np.sort(first)]
    probabilities = heat.probabilities[likeliest].tolist()
    objects = heat.objects[likeliest].tolist()
    named = dict(_by_rules(labels, objects, probabilities, least, voxel_nm))
    found = []
    for place, number, probability in zip(likeliest, objects, probabilities, strict=True):
        if probability >= least:
            z, y, x = heat.places[place].tolist()
            found.append(Suspect(number, (z, y, x), probability, Reason.shape))
        elif number in named:
            at, reason = named[number]
            found.append(Suspect(number, at, probability, reason))
    return found


def _by_rules(labels, objects, probabilities, least, voxel_nm) -> Iterator[tuple]:
    """Objects whose shape is no reason, each with a place and a reason."""
    rest = [n for n, p in zip(objects, probabilities, strict=True) if p < least]
    kept = np.where(np.isin(labels, np.array(rest, np.uint64)), labels, 0).astype(np.uint64)
    leaving = set(np.unique(np.concatenate([side.ravel() for side in _sides(kept)])).tolist())
    for number, skeleton in fine_skeletons(kept, voxel_nm).items():
        met, position = crossing(skeleton)
        if met >= CROSSED:
            yield number, (_voxel(position, voxel_nm), Reason.crossing)
        elif number not in leaving:
            yield number, (_voxel(_thickest_end(skeleton), voxel_nm), Reason.orphan)


def _sides(labels) -> Iterator[np.ndarray]:
    """The six faces of a volume."""
    for axis in range(3):
        yield from (np.take(labels, at, axis=axis) for at in (0, -1))


def _thickest_end(skeleton: Skeleton) -> np.ndarray:
    """The position of the leaf, or root, with the greatest radius."""
    child = np.flatnonzero(skeleton.parents >= 0)
    ends = np.concatenate([child, skeleton.parents[child]])
    leaves = np.flatnonzero(np.bincount(ends, minlength=len(skeleton.parents)) <= 1)
    return skeleton.positions_nm[leaves[skeleton.radii_nm[leaves].argmax()]]


def _voxel(position_nm: np.ndarray, voxel_nm: float) -> tuple[int, int, int]:
    z, y, x = (position_nm / voxel_nm).astype(int).tolist()
    return z, y, x
